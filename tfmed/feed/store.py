"""The store: what is kept of a data set's examples, in one file that is read inside the graph.

One file a key, shared by all runs. The key tells the files of the data set, and what else the
records depend on. How it is found, waited for, gone on with and checked is `tfmed.feed.records`;
how it is emptied, `tfmed.feed.stock`. What a record holds is a matter of its layout: images of
one size (`tfmed.feed.image_store`), or whole cases in chunks (`tfmed.feed.case_store`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from tfmed import log
from tfmed.data import Dataset
from tfmed.errors import DataError
from tfmed.feed import stock
from tfmed.feed.encoding import Encoding
from tfmed.feed.identity import Identity
from tfmed.feed.lease import Lease
from tfmed.feed.records import Layout, Writer, ensure

# Goes up whenever reading, resampling or a record becomes another, so that old files are not used.
VERSION = 3
_NOTHING = tf.compat.v1.AttrValue(list=tf.compat.v1.AttrValue.ListValue())
# Files of which a store is in use are not looked at again.
_identities: WeakKeyDictionary[Lease, Identity] = WeakKeyDictionary()

# A row of the data set's table, and its record of each kind.
Example = tuple[int, Sequence[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Store:
    """Arrays of one shape that lie back to back from the first byte of a file on, or some of them.

    Attributes:
        lease: of the file, which a `tf.data` service's worker needs under the same path; keeps it
            from `clear` while it is in use.
        count: of all arrays, of whichever kind and shape the first ones are.
        shape: of each.
        stored: how the file holds values.
        rows: int64, which arrays a part has, or None for all in order.
    """

    lease: Lease
    count: int
    shape: tuple[int, ...]
    stored: Encoding
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return self.count if self.rows is None else len(self.rows)

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.lease.path

    def take(self, rows: np.ndarray) -> Store:
        """A part over the same file: `rows` are positions, or a boolean each."""
        own = np.arange(self.count, dtype=np.int64) if self.rows is None else self.rows
        return replace(self, rows=own[np.asarray(rows)])

    def gather(self, rows: tf.Tensor) -> tf.Tensor:
        """Arrays by row, in the graph: no Python, no copy but of what is asked for.

        Args:
            rows: int64, of any shape, positions in the data set (or part).

        Returns:
            float32 `[*rows.shape, *shape]`, modality units.
        """
        return self.stored.decode(self.fetch(rows))

    def fetch(self, rows: tf.Tensor) -> tf.Tensor:
        """As `gather`, but numbers as they are stored."""
        if self.rows is not None:
            rows = tf.gather(tf.constant(self.rows, tf.int64), rows)
        eager = tf.executing_eagerly()
        mapped = tf.function(self._mapped, autograph=False) if eager else self._mapped
        return tf.gather(mapped(), rows)

    def array(self) -> np.ndarray:
        """The whole file in NumPy, as it is stored; pages are read when they are touched."""
        size = (self.count, *self.shape)
        return np.memmap(self.path, self.stored.dtype, mode="r", shape=size)

    def _mapped(self) -> tf.Tensor:
        """The whole file as a tensor of a graph: pages are read when they are touched.

        It is memory of the file, not of the process: the system takes it back when it needs room.
        """
        file = tf.raw_ops.ImmutableConst(
            dtype=tf.as_dtype(self.stored.dtype),
            shape=(self.count, *self.shape),
            memory_region_name=str(self.path),
        )
        # Without inputs it is a constant to TensorFlow, which would copy the whole file into the
        # process when it folds constants, to find it too large. It leaves out whatever has this
        # attribute, which says nothing where it is empty.
        file.op._set_attr("_scoped_allocator", _NOTHING)
        return file


@dataclass(frozen=True, eq=False)
class Content:
    """What is kept of each example of a data set: a record, or several of different kinds.

    Attributes:
        dataset: audited.
        about: what the records depend on beside the files; its `repr` tells one from another.
        lengths: int64 `[kinds, N]`, bytes of each example's record of each kind.
        read: makes the records of some rows, int64 `[n]` and rising, in any order.
        unit: what is counted, as `"images"`.
        masks: whether records are made of the masks' files too.
    """

    dataset: Dataset
    about: tuple[Any, ...]
    lengths: np.ndarray
    read: Callable[[np.ndarray], Generator[Example]]
    unit: str
    masks: bool = False

    @property
    def layout(self) -> Layout:
        """All records of the first kind, then those of the next."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        return Layout(offsets, {"unit": self.unit, "about": repr(self.about)})

    def key(self, identity: Identity) -> str:
        """A name of 32 hex digits for the files of a data set and what is made of them."""
        about = (VERSION, self.unit, self.about, identity.images)
        more = (identity.masks,) if self.masks else ()
        return hashlib.sha256(repr(about + more).encode()).hexdigest()[:32]

    def fill(self, writer: Writer) -> None:
        """Write the records of the examples of which one is missing."""
        count = len(self.dataset)
        rows = np.unique(writer.missing % count)
        with (
            closing(self.read(rows)) as found,
            log.progress(found, len(rows), f"Caching {self.unit}", self.unit) as bar,
        ):
            for row, records in bar:
                for kind, record in enumerate(records):
                    writer.write(kind * count + row, record)

    def opened(
        self, lease: Lease, kind: int, shape: tuple[int, ...], stored: Encoding
    ) -> tuple[Store, np.ndarray]:
        """Records of a kind in the finished file, each one or more arrays of a shape.

        Returns:
            The arrays, and int64 `[N]`: the number of each example's first.
        """
        length_bytes = math.prod(shape) * np.dtype(stored.dtype).itemsize
        count, offsets = len(self.dataset), self.layout.offsets
        first = offsets[kind * count : (kind + 1) * count + 1] // length_bytes
        return Store(lease, int(first[-1]), shape, stored), first[:-1]


def keep(content: Content, folder: Path | None = None) -> Lease:
    """Make the file of some content, or find the one that an earlier call has left.

    A call that was killed is gone on with; one of another process is waited for.

    Args:
        content: what is kept.
        folder: where such files live; `tfmed.data.home() / "cache"` by default.

    Raises:
        ReadError: a file cannot be read any more, or holds something else than its audit found.
            What was read before is kept for the next call.
        DataError: the folder cannot be written, or the disk is full.
    """
    folder = stock.folder_of(folder)
    stock.sweep(folder)
    identity = _identity(content.dataset)
    path = folder / (content.key(identity) + stock.STORE)
    lease = ensure(path, content.layout, content.fill)
    _identities[lease] = identity
    return lease


def require_examples(dataset: Dataset, unit: str) -> None:
    """Raise a `DataError` where there is nothing to keep."""
    if not len(dataset):
        raise DataError(f"there are no {unit} to cache: the data set is empty")


def _identity(dataset: Dataset) -> Identity:
    """Of the files of a data set: as another store of it that is in use has found them, or new."""
    in_use = [one for one in _identities.values() if one.dataset is dataset]
    return in_use[0] if in_use else Identity(dataset)
