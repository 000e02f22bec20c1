"""Images at training size, in modality units: equal records of the store, one an image.

How values are stored depends on the window only where 16 bits do not serve it, so runs with other
windows, other augmentation or another network share the file.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path

import numpy as np

from tfmed.data import Dataset
from tfmed.errors import ReadError
from tfmed.feed.decoded import blocks
from tfmed.feed.encoding import Encoding, encoding
from tfmed.feed.store import Content, Example, Store, keep, require_examples
from tfmed.transforms.prepare import Preprocessing


def build(
    dataset: Dataset,
    preprocessing: Preprocessing,
    folder: Path | None = None,
    workers: int | None = None,
) -> Store:
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
    return content.opened(keep(content, folder), 0, preprocessing.input_shape, stored)[0]


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
