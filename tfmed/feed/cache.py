"""Resampled images in one memory-mapped file, read by row inside the graph.

The file is fixed-point: stored = round((value - offset) * scale) in 16 bits, the scale a power
of two that fills them. Plain rounding of a resized 8-bit image would move probabilities by up
to 1.5e-3; here the error is at most half of 1/256 of a grey value, or 1/16 HU over 4096 HU.
A range over 16 bits, or one that leaves too few steps for what the network sees of an image, is
stored as float32.

`<key>.bin` holds the numbers and `<key>.json`, written last, says that it is whole.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed import log
from tfmed.data import Dataset, home
from tfmed.errors import DataError, ReadError
from tfmed.feed.reading import read
from tfmed.run import write_aside, write_text
from tfmed.transforms.prepare import Preprocessing

# Goes up whenever reading or resampling gives other numbers, so that old files are not used.
VERSION = 1
LEVELS = 65535
EIGHT_BITS = 8
# The rounding allowed, as a share of the window: at 1/200 probabilities moved by 1e-3, at 1/6000
# by 5e-5.
ROUNDING = 1 / 16384


@dataclass(frozen=True, eq=False)
class Cache:
    """Images of a data set at training size, in modality units, in the data set's order.

    Attributes:
        path: the file.
        shape: `(N, H, W, C)`, or `(N, D, H, W, C)`, of the whole file.
        dtype: `"uint16"` or `"float32"`.
        offset: the value that is stored as 0.
        scale: stored steps a unit; a power of two.
        rows: int64, the file's row of each example of a part, or None for all in order.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: str = "uint16"
    offset: float = 0.0
    scale: float = 1.0
    rows: np.ndarray | None = None

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
        if self.rows is not None:
            rows = tf.gather(tf.constant(self.rows, tf.int64), rows)
        # The operation maps the file into memory as a tensor; pages are read when touched.
        stored = tf.raw_ops.ImmutableConst(
            dtype=tf.as_dtype(self.dtype), shape=self.shape, memory_region_name=str(self.path)
        )
        values = tf.cast(tf.gather(stored, rows), tf.float32)
        if self.scale != 1:
            values *= 1 / self.scale
        return values + self.offset if self.offset else values


def build(
    dataset: Dataset,
    preprocessing: Preprocessing,
    folder: Path | None = None,
    workers: int | None = None,
) -> Cache:
    """Read and resample every image once, or find the file that an earlier call has left.

    Args:
        dataset: audited (its table has `minimum`, `maximum`, `bits`).
        preprocessing: its size and channels; of the window only whether 16 bits serve it.
        folder: where cache files live; `tfmed.data.home() / "cache"` by default.
        workers: processes for images that the graph cannot decode; one a CPU by default.

    Returns:
        The cache, whose row i is the data set's row i.

    Raises:
        ReadError: a file cannot be read any more, or holds other values than the audit found.
        DataError: the data set is empty, or the folder cannot be written.
    """
    if not len(dataset):
        raise DataError("there are no images to cache: the data set is empty")
    folder = home() / "cache" if folder is None else Path(folder)
    dtype, offset, scale = encoding(dataset, preprocessing.window)
    cache = Cache(
        path=folder.absolute() / f"{key(dataset, preprocessing, (dtype, offset, scale))}.bin",
        shape=(len(dataset), *preprocessing.input_shape),
        dtype=dtype,
        offset=offset,
        scale=scale,
    )
    if _is_whole(cache):
        return cache
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_aside(cache.path, lambda aside: _fill(aside, cache, dataset, preprocessing, workers))
        write_text(cache.path.with_suffix(".json"), json.dumps(_facts(cache)))
    except OSError as error:
        if isinstance(error, ReadError):
            raise
        raise DataError(
            f"cannot write the cache of images in {folder} ({error.strerror}); make room there, "
            "or name another folder by the environment variable TFMED_DATA"
        ) from error
    return cache


def encoding(
    dataset: Dataset, window: tuple[float, float] | None = None
) -> tuple[str, float, float]:
    """How a data set's range is stored: dtype, offset and scale.

    8-bit images take offset 0 and scale 256; others the minimum and the largest power of two
    that keeps the maximum within 16 bits. Where that is too coarse for the window (8-bit images
    among 16-bit ones, a narrow window of a wide range) it is float32.

    Args:
        dataset: audited.
        window: the network's, in modality units; None for each image's own percentiles.
    """
    low, high = dataset.table["minimum"].min(), dataset.table["maximum"].max()
    if (dataset.table["bits"] <= EIGHT_BITS).all() and low >= 0 and high < 2**EIGHT_BITS:
        return "uint16", 0.0, 256.0
    extent = float(high) - float(low)
    if not math.isfinite(extent) or extent > LEVELS:
        return "float32", 0.0, 1.0
    scale = 2.0 ** min(16, math.floor(math.log2(LEVELS / extent))) if extent else 1.0
    if extent and 0.5 / scale > ROUNDING * _narrowest(dataset, window):
        return "float32", 0.0, 1.0
    # Rounded down, to a number that the graph's float32 holds too.
    offset = np.float32(low)
    if offset > low:
        offset = np.nextafter(offset, np.float32(-np.inf))
    return "uint16", float(offset), scale


def _narrowest(dataset: Dataset, window: tuple[float, float] | None) -> float:
    """The least range of values that becomes 0..1 for any image."""
    if window is not None:
        return window[1] - window[0]
    ranges = dataset.table["p995"] - dataset.table["p005"]
    return float(ranges[ranges > 0].min()) if (ranges > 0).any() else math.inf


def key(dataset: Dataset, preprocessing: Preprocessing, stored: tuple[Any, ...]) -> str:
    """A name for what the file depends on: each image's identity, size, channels, encoding."""
    digest = hashlib.sha256()
    digest.update(repr((VERSION, preprocessing.input_shape, stored)).encode())
    for identity in _identities(dataset):
        digest.update(repr(identity).encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


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


def _facts(cache: Cache) -> dict[str, Any]:
    return {
        "shape": list(cache.shape),
        "dtype": cache.dtype,
        "offset": cache.offset,
        "scale": cache.scale,
    }


def _is_whole(cache: Cache) -> bool:
    """Whether the file is there, with the size and the description it should have."""
    described = cache.path.with_suffix(".json")
    try:
        size = cache.path.stat().st_size
        facts = json.loads(described.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    expected = math.prod(cache.shape) * np.dtype(cache.dtype).itemsize
    return size == expected and facts == _facts(cache)


def _fill(
    path: Path, cache: Cache, dataset: Dataset, preprocessing: Preprocessing, workers: int | None
) -> None:
    """Write all rows, one after the other: memory stays flat, and a full disk is an error."""
    with (
        path.open("wb") as file,
        log.progress(total=len(dataset), what="Caching images", unit="images") as bar,
    ):
        for row, image in enumerate(read(dataset, preprocessing, workers)):
            file.write(_encode(image, cache, dataset, row).tobytes())
            bar.advance()


def _encode(image: np.ndarray, cache: Cache, dataset: Dataset, row: int) -> np.ndarray:
    """One image as it is stored; a value out of the audited range means another file."""
    if cache.dtype == "float32":
        return image
    steps = np.rint((image - np.float32(cache.offset)) * np.float32(cache.scale))
    # One step of slack: interpolation may leave the range by a rounding error.
    if not (steps.min() >= -1 and steps.max() <= LEVELS + 1):
        raise ReadError(
            dataset.table["path"].iloc[row],
            "holds values outside the range that its audit found: it has changed since",
        )
    return np.clip(steps, 0, LEVELS).astype(np.uint16)
