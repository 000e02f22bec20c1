"""Images at their own size in one memory-mapped file, of which a patch reads only its part.

Each image is cut into blocks of one size, which lie one after the other; a patch touches those
blocks that it overlaps, and with them little more than its own bytes, while a slab of rows or
slices would reach over the whole image. The file is written by `tfmed.feed.records`, one record
an image, so it outlives kills as the cache does.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed import log
from tfmed.data import Dataset, archives
from tfmed.errors import ConfigError, DataError, ReadError
from tfmed.feed import stock, workers
from tfmed.feed.building import digest
from tfmed.feed.cache import mapped
from tfmed.feed.encoding import Encoding, encoding
from tfmed.feed.lease import Lease
from tfmed.feed.records import Layout, Writer, ensure

VERSION = 1
# By the axes of an image.
CHUNK = {2: (64, 64), 3: (16, 32, 32)}


@dataclass(frozen=True, eq=False)
class Chunks:
    """Images, volumes or label maps of different sizes, from which patches are cut in the graph.

    Attributes:
        path: the file; a `tf.data` service's worker needs it under the same path.
        shapes: int64 `[N, 2]` (H, W) or `[N, 3]` (D, H, W), of each image.
        first: int64 `[N]`, the number of each image's first chunk.
        total: chunks in the file.
        chunk: size of one, `(h, w)` or `(d, h, w)`.
        channels: of every image.
        stored: how the file holds values.
        lease: keeps the file from `clear` while it is in use.
    """

    path: Path
    shapes: np.ndarray
    first: np.ndarray
    total: int
    chunk: tuple[int, ...]
    channels: int
    stored: Encoding
    lease: Lease | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.shapes)

    def take(self, rows: np.ndarray) -> Chunks:
        """A part of the images over the same file: `rows` are positions, or a boolean each."""
        return replace(self, shapes=self.shapes[rows], first=self.first[rows])

    def patch(
        self, row: tf.Tensor, start: tf.Tensor, size: Sequence[int], fill: float = 0.0
    ) -> tf.Tensor:
        """Cut a patch out of each of some images, in the graph.

        Args:
            row: int64 `[B]`, which image.
            start: int64 `[B, 2]` or `[B, 3]`, where the patch begins; it may begin before the
                image and end behind it.
            size: `(h, w)` or `(d, h, w)` of a patch.
            fill: the value of what lies outside of the image.

        Returns:
            float32 `[B, *size, C]`, modality units.
        """
        size = tuple(size)
        if len(size) != len(self.chunk):
            raise ConfigError(f"images of {len(self.chunk)} axes have no patches of size {size}")
        shapes, first = tf.constant(self.shapes, tf.int64), tf.constant(self.first, tf.int64)

        def one(given: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            number, begin = given
            return self._one(shapes[number], first[number], begin, size, fill)

        return tf.map_fn(
            tf.autograph.experimental.do_not_convert(one),
            (tf.cast(row, tf.int64), tf.cast(start, tf.int64)),
            fn_output_signature=tf.TensorSpec((*size, self.channels), tf.float32),
        )

    def whole(self, row: int) -> np.ndarray:
        """One image as it was given, in NumPy: float32 `[*shape, C]`, modality units."""
        shape = self.shapes[row].tolist()
        grid = [-(-length // side) for length, side in zip(shape, self.chunk, strict=True)]
        size = (self.total, *self.chunk, self.channels)
        file = np.memmap(self.path, self.stored.dtype, mode="r", shape=size)
        begin = int(self.first[row])
        found = file[begin : begin + math.prod(grid)].reshape(*grid, *self.chunk, self.channels)
        axes = range(len(grid))
        order = [*itertools.chain(*zip(axes, (axis + len(grid) for axis in axes), strict=True))]
        sides = [count * side for count, side in zip(grid, self.chunk, strict=True)]
        joined = found.transpose([*order, 2 * len(grid)]).reshape(*sides, self.channels)
        part = joined[tuple(slice(length) for length in shape)].astype(np.float32)
        return part * np.float32(1 / self.stored.scale) + np.float32(self.stored.offset)

    def _one(
        self,
        shape: tf.Tensor,
        first: tf.Tensor,
        start: tf.Tensor,
        size: tuple[int, ...],
        fill: float,
    ) -> tf.Tensor:
        """One patch: the chunks that it touches, put together, and the patch cut out of them."""
        axes = range(len(size))
        grid = -(-shape // self.chunk)
        numbers, inside = tf.reshape(first, [1] * len(size)), []
        corner = start // self.chunk
        for axis in axes:
            column = [-1 if other == axis else 1 for other in axes]
            touched = corner[axis] + tf.range(_most(size[axis], self.chunk[axis]), dtype=tf.int64)
            # Outside of the image stands some chunk or other, which `fill` covers.
            touched = tf.clip_by_value(touched, 0, grid[axis] - 1)
            stride = tf.reduce_prod(grid[axis + 1 :])
            numbers += tf.reshape(touched * stride, column)
            place = start[axis] + tf.range(size[axis], dtype=tf.int64)
            inside.append(tf.reshape((place >= 0) & (place < shape[axis]), column))
        file = mapped(self.path, (self.total, *self.chunk, self.channels), self.stored.dtype)
        # Decoded before they are put in place: oneDNN logs an error when it turns small integers.
        # (Of masks TensorFlow's optimiser turns first all the same, and the line stays.)
        found = self.stored.decode(tf.gather(file, numbers))
        # [grid of chunks, chunk, C]: each axis of the grid beside that of the chunk.
        order = [*itertools.chain(*zip(axes, (axis + len(size) for axis in axes), strict=True))]
        joined = tf.transpose(found, [*order, 2 * len(size)])
        lengths = [_most(size[axis], self.chunk[axis]) * self.chunk[axis] for axis in axes]
        joined = tf.reshape(joined, [*lengths, self.channels])
        begin = tf.concat([start - corner * self.chunk, [0]], 0)
        values = tf.slice(joined, begin, [*size, self.channels])
        mask = inside[0]
        for other in inside[1:]:
            mask &= other
        return tf.where(mask[..., tf.newaxis], values, tf.constant(fill, tf.float32))


def build(
    dataset: Dataset,
    folder: Path | None = None,
    chunk: tuple[int, ...] | None = None,
    workers: int | None = None,
) -> Chunks:
    """Read every image once and write its chunks, or find the file of an earlier call.

    Args:
        dataset: audited; images or volumes of any sizes, with one number of channels.
        folder: where cache files live; `tfmed.data.home() / "cache"` by default.
        chunk: its size; `CHUNK` by default.
        workers: processes that decode; one a CPU by default.

    Raises:
        ReadError: a file cannot be read any more, or holds something else than the audit found.
        DataError: the data set is empty or mixed, or the folder cannot be written.
    """
    table = dataset.table
    if table.empty:
        raise DataError("there are no images to cache: the data set is empty")
    axes = ["height", "width"] if (table["depth"] == 1).all() else ["depth", "height", "width"]
    if table["channels"].nunique() > 1:
        raise DataError("grey and colour images cannot stand in one file of chunks")
    chunk = chunk or CHUNK[len(axes)]
    folder = stock.folder_of(folder)
    stock.sweep(folder)
    stored = encoding(dataset)
    name = digest(dataset, ("chunks", VERSION, chunk, tuple(stored)))

    def read(rows: np.ndarray) -> Iterator[np.ndarray]:
        some = table.iloc[rows]
        shapes = some[[*axes, "channels"]].to_numpy().tolist()
        images = _pixels(some.to_dict("records"), workers)
        for path, shape, image in zip(some["path"], shapes, images, strict=True):
            steps, good = stored.encode(image.reshape(1, *image.shape))
            if list(image.shape) != shape or not good.all():
                raise ReadError(path, "holds something else than its audit found: it has changed")
            yield steps[0]

    return write(
        folder / (name + stock.CHUNKS),
        read,
        table[axes].to_numpy(np.int64),
        chunk=chunk,
        channels=int(table["channels"].iloc[0]),
        stored=stored,
    )


def write(
    path: Path,
    read: Callable[[np.ndarray], Iterator[np.ndarray]],
    shapes: np.ndarray,
    *,
    chunk: tuple[int, ...],
    channels: int = 1,
    stored: Encoding,
) -> Chunks:
    """Write arrays in chunks, or what is missing of them, or find the file.

    Args:
        path: of the file; its name tells one content from another (see `tfmed.feed.stock`).
        read: yields the arrays of some rows (int64 `[n]`), in their order: `[H, W, C]` or
            `[D, H, W, C]`, of the dtype of `stored`, as they are stored.
        shapes: int64 `[N, 2]` or `[N, 3]`, of all arrays without their channels.
        chunk: its size.
        channels: of each array.
        stored: how values are read back; label maps take `Encoding("uint8")`.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    counts = count_chunks(shapes, chunk)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    length_bytes = math.prod(chunk) * channels * np.dtype(stored.dtype).itemsize
    content = hashlib.sha256(np.ascontiguousarray(shapes, "<i8").tobytes()).hexdigest()
    about = {"shapes": content, "chunk": chunk, "channels": channels, **stored._asdict()}

    def fill(writer: Writer) -> None:
        missing = writer.missing
        with log.progress(read(missing), len(missing), "Caching images", "images") as bar:
            for row, array in zip(missing.tolist(), bar, strict=True):
                writer.write(row, cut(array.astype(stored.dtype, copy=False), chunk))

    lease = ensure(path, Layout(first * length_bytes, about), fill)
    return Chunks(path, shapes, first[:-1], int(first[-1]), chunk, channels, stored, lease)


def count_chunks(shapes: np.ndarray, chunk: tuple[int, ...]) -> np.ndarray:
    """How many chunks each image of some shapes `[N, axes]` has, int64 `[N]`."""
    return np.prod(-(-shapes // np.array(chunk)), axis=1).astype(np.int64)


def _most(length: int, chunk: int) -> int:
    """How many chunks a patch of some length touches at most along an axis."""
    return (length + chunk - 2) // chunk + 1


def cut(array: np.ndarray, chunk: tuple[int, ...]) -> np.ndarray:
    """An array as its chunks `[n, *chunk, C]`, the last of each axis filled up with zeros."""
    axes = range(len(chunk))
    *lengths, channels = array.shape
    grid = [-(-length // chunk[axis]) for axis, length in enumerate(lengths)]
    padded = np.zeros([*(grid[axis] * chunk[axis] for axis in axes), channels], array.dtype)
    padded[tuple(slice(length) for length in lengths)] = array
    pairs = itertools.chain(*zip(grid, chunk, strict=True))
    split = padded.reshape(*pairs, channels)
    order = [*(2 * axis for axis in axes), *(2 * axis + 1 for axis in axes), 2 * len(chunk)]
    return split.transpose(order).reshape(-1, *chunk, channels)


def _pixels(rows: list[dict[str, Any]], count: int | None) -> Iterator[np.ndarray]:
    """Decoded images in order: archives here, files in worker processes."""
    others = [row for row in rows if not row["member"]]
    with closing(workers.pixels(others, count)) as files:
        for row in rows:
            if row["member"]:
                yield archives.images(row["path"], row["member"])[row["frame"]]
            else:
                yield next(files)
