"""Make the cache of a data set, or find it: one file a key, shared by all runs.

The key tells each image's identity, the geometry and the encoding. The encoding depends on the
window only where 16 bits do not serve it, so runs with other windows, other augmentation or
another network share the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfmed import log
from tfmed.data import Dataset
from tfmed.errors import DataError, ReadError
from tfmed.feed import stock
from tfmed.feed.cache import Cache
from tfmed.feed.encoding import Encoding, encoding
from tfmed.feed.reading import blocks
from tfmed.feed.records import Layout, Writer, ensure
from tfmed.transforms.prepare import Preprocessing

# Goes up whenever reading or resampling gives other numbers, so that old files are not used.
VERSION = 2


def build(
    dataset: Dataset,
    preprocessing: Preprocessing,
    folder: Path | None = None,
    workers: int | None = None,
) -> Cache:
    """Read and resample every image once, or find the file that an earlier call has left.

    A call that was killed is gone on with; one of another process is waited for.

    Args:
        dataset: audited (its table has `minimum`, `maximum`, `bits`).
        preprocessing: its size and channels; of the window only whether 16 bits serve it.
        folder: where cache files live; `tfmed.data.home() / "cache"` by default.
        workers: processes for images that the graph cannot decode; one a CPU by default.

    Returns:
        The cache, whose row i is the data set's row i.

    Raises:
        ReadError: a file cannot be read any more, or holds other values than the audit found.
            The images that were read before are kept for the next call.
        DataError: the data set is empty, or the folder cannot be written.
    """
    if not len(dataset):
        raise DataError("there are no images to cache: the data set is empty")
    folder = stock.folder_of(folder)
    stock.sweep(folder)
    stored = encoding(dataset, preprocessing.window)
    path = folder / f"{key(dataset, preprocessing, stored)}{stock.IMAGES}"
    shape = (len(dataset), *preprocessing.input_shape)
    about = {"shape": shape[1:], **stored._asdict()}
    length_bytes = int(np.prod(shape[1:])) * np.dtype(stored.dtype).itemsize

    def fill(writer: Writer) -> None:
        missing = writer.missing
        with log.progress(total=len(missing), what="Caching images", unit="images") as bar:
            for rows, images in blocks(dataset, preprocessing, workers, missing):
                _write(writer, rows, images, stored, dataset)
                bar.advance(len(rows))

    lease = ensure(path, Layout.equal(len(dataset), length_bytes, about), fill)
    return Cache(path, shape, stored, lease=lease)


def _write(
    writer: Writer, rows: np.ndarray, images: np.ndarray, stored: Encoding, dataset: Dataset
) -> None:
    """Write a block; a value out of the audited range means another file."""
    records, good = stored.encode(images)
    for row, record, fits in zip(rows.tolist(), records, good, strict=True):
        if fits:
            writer.write(row, record)
    if not good.all():
        raise ReadError(
            dataset.table["path"].iloc[rows[~good][0]],
            "holds values outside the range that its audit found: it has changed since",
        )


def key(dataset: Dataset, preprocessing: Preprocessing, stored: Encoding) -> str:
    """A name for what the file depends on: each image's identity, geometry, encoding."""
    about = (VERSION, preprocessing.input_shape, preprocessing.sampled, tuple(stored))
    return digest(dataset, about)


def digest(dataset: Dataset, about: tuple[Any, ...]) -> str:
    """A name of 32 hex digits for images of a data set and what is made of them.

    Raises:
        ReadError: a file is not there any more.
    """
    name = hashlib.sha256(repr(about).encode())
    for identity in _identities(dataset):
        name.update(repr(identity).encode(errors="surrogateescape"))
    return name.hexdigest()[:32]


def _identities(dataset: Dataset) -> Iterator[tuple[Any, ...]]:
    """What tells one example's pixels from another's, and a changed file from the same."""
    table = dataset.table
    seen: dict[str, tuple[int, int]] = {}

    def state(path: str) -> tuple[int, int]:
        if path not in seen:
            try:
                found = Path(path).stat()
            except OSError as error:
                raise ReadError(path, error.strerror or "cannot be read") from error
            seen[path] = (found.st_size, found.st_mtime_ns)
        return seen[path]

    blank = [None] * len(table)
    columns = [table.get(name, blank) for name in ("path", "frame", "files", "member", "digest")]
    for path, frame, files, member, content in zip(*columns, strict=True):
        several = isinstance(files, (list, tuple, np.ndarray))
        names = [str(file) for file in files] if several else [str(path)]
        yield (names, [state(name) for name in names], frame, str(member), str(content))
