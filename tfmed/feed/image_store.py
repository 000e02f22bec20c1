"""Images at training size, in modality units: equal records of the store, one an image.

How values are stored depends on the window only where 16 bits do not serve it, so runs with other
windows, other augmentation or another network share the file.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmed.data import Dataset
from tfmed.errors import ReadError
from tfmed.feed.decoded import blocks
from tfmed.feed.encoding import Encoding, encoding
from tfmed.feed.store import Blocks, Content, Example, keep, require_examples
from tfmed.transforms.prepare import Preprocessing


@dataclass(frozen=True, eq=False)
class ImageStore:
    """Images of a data set at training size, in modality units, in the data set's order.

    Attributes:
        images: `[H, W, C]` or `[D, H, W, C]` each, of the whole file.
        rows: int64, the file's row of each example of a part, or None for all in order.
    """

    images: Blocks
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return self.images.count if self.rows is None else len(self.rows)

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.images.lease.path

    def take(self, rows: np.ndarray) -> ImageStore:
        """A part of the data set over the same file: `rows` are positions, or a boolean each."""
        own = np.arange(self.images.count, dtype=np.int64) if self.rows is None else self.rows
        return replace(self, rows=own[np.asarray(rows)])

    def gather(self, rows: tf.Tensor) -> tf.Tensor:
        """Images by row, in the graph: no Python, no copy but of what is asked for.

        Args:
            rows: int64 `[B]`, positions in the data set (or part).

        Returns:
            float32 `[B, H, W, C]` or `[B, D, H, W, C]`, modality units.
        """
        return self.images.stored.decode(self.fetch(rows))

    def fetch(self, rows: tf.Tensor) -> tf.Tensor:
        """As `gather`, but numbers as they are stored."""
        if self.rows is not None:
            rows = tf.gather(tf.constant(self.rows, tf.int64), rows)
        return self.images.fetch(rows)


def build(
    dataset: Dataset,
    preprocessing: Preprocessing,
    folder: Path | None = None,
    workers: int | None = None,
) -> ImageStore:
    """Read and resample every image once, or find the file that an earlier call has left.

    A call that was killed is gone on with; one of another process is waited for.

    Args:
        dataset: audited (its table has `minimum`, `maximum`, `bits`).
        preprocessing: its size and channels; of the window only whether 16 bits serve it.
        folder: where cache files live; `tfmed.data.home() / "cache"` by default.
        workers: processes for images that the graph cannot decode; one a CPU by default.

    Returns:
        The store, whose row i is the data set's row i.

    Raises:
        ReadError: a file cannot be read any more, or holds other values than the audit found.
            The images that were read before are kept for the next call.
        DataError: the data set is empty, or the folder cannot be written.
    """
    require_examples(dataset, "images")
    stored = encoding(dataset, preprocessing.window)
    content = records(dataset, preprocessing, stored, workers)
    images, _ = content.blocks(keep(content, folder), 0, preprocessing.input_shape, stored)
    return ImageStore(images)


def records(
    dataset: Dataset, preprocessing: Preprocessing, stored: Encoding, workers: int | None = None
) -> Content:
    """A record an image, all of one length; arguments as of `build`."""
    shape = preprocessing.input_shape
    length_bytes = math.prod(shape) * np.dtype(stored.dtype).itemsize

    def read(rows: np.ndarray) -> Generator[Example]:
        for some, images in blocks(dataset, preprocessing, workers, rows):
            encoded, good = stored.encode(images)
            for row, record, fits in zip(some.tolist(), encoded, good, strict=True):
                if fits:
                    yield row, [record]
            if not good.all():
                raise ReadError(
                    dataset.table["path"].iloc[some[~good][0]],
                    "holds values outside the range that its audit found: it has changed since",
                )

    return Content(
        dataset,
        about=(shape, preprocessing.sampled, tuple(stored)),
        lengths=np.full((1, len(dataset)), length_bytes, np.int64),
        read=read,
        unit="images",
    )
