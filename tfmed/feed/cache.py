"""Resampled images in one memory-mapped file, read by row inside the graph."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmed.feed.encoding import Encoding
from tfmed.feed.lease import Lease

_NOTHING = tf.compat.v1.AttrValue(list=tf.compat.v1.AttrValue.ListValue())


@dataclass(frozen=True, eq=False)
class Cache:
    """Images of a data set at training size, in modality units, in the data set's order.

    Attributes:
        path: the file; a `tf.data` service's worker needs it under the same path.
        shape: `(N, H, W, C)`, or `(N, D, H, W, C)`, of the whole file.
        stored: how the file holds values.
        rows: int64, the file's row of each example of a part, or None for all in order.
        lease: keeps the file from `clear` while it is in use.
    """

    path: Path
    shape: tuple[int, ...]
    stored: Encoding
    rows: np.ndarray | None = None
    lease: Lease | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return self.shape[0] if self.rows is None else len(self.rows)

    def take(self, rows: np.ndarray) -> Cache:
        """A part of the data set over the same file: `rows` are positions, or a boolean each."""
        own = np.arange(self.shape[0], dtype=np.int64) if self.rows is None else self.rows
        return replace(self, rows=own[np.asarray(rows)])

    def gather(self, rows: tf.Tensor) -> tf.Tensor:
        """Images by row, in the graph: no Python, no copy but of what is asked for.

        Args:
            rows: int64 `[B]`, positions in the data set (or part).

        Returns:
            float32 `[B, H, W, C]` or `[B, D, H, W, C]`, modality units.
        """
        return self.stored.decode(self.fetch(rows))

    def fetch(self, rows: tf.Tensor) -> tf.Tensor:
        """As `gather`, but numbers as they are stored."""
        if self.rows is not None:
            rows = tf.gather(tf.constant(self.rows, tf.int64), rows)
        return tf.gather(mapped(self.path, self.shape, self.stored.dtype), rows)


def mapped(path: Path, shape: tuple[int, ...], dtype: str) -> tf.Tensor:
    """The beginning of a file as a tensor: pages are read when they are touched.

    It is memory of the file, not of the process: the system takes it back when it needs room.
    """

    def region() -> tf.Tensor:
        file = tf.raw_ops.ImmutableConst(
            dtype=tf.as_dtype(dtype), shape=shape, memory_region_name=str(path)
        )
        # Without inputs it is a constant to TensorFlow, which would copy the whole file into the
        # process when it folds constants, to find it too large. It leaves out whatever has this
        # attribute, which says nothing where it is empty.
        file.op._set_attr("_scoped_allocator", _NOTHING)
        return file

    return tf.function(region, autograph=False)() if tf.executing_eagerly() else region()
