"""Images of different sizes in chunks of one size, of which a patch reads only its part.

The chunks of an image lie one after the other; a patch touches those that it overlaps, and with
them little more than its own bytes, while a slab of rows or slices would reach over the whole
image.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.feed.store import Store

# By the axes of an image.
CHUNK = {2: (64, 64), 3: (16, 32, 32)}


@dataclass(frozen=True, eq=False)
class Chunks:
    """Images, volumes or label maps of different sizes, from which patches are cut in the graph.

    Attributes:
        blocks: the chunks `[h, w, C]` or `[d, h, w, C]`, of all images of the file.
        shapes: int64 `[N, 2]` (H, W) or `[N, 3]` (D, H, W), of each image.
        first: int64 `[N]`, the number of each image's first chunk.
    """

    blocks: Store
    shapes: np.ndarray
    first: np.ndarray

    @property
    def chunk(self) -> tuple[int, ...]:
        """Size of one, `(h, w)` or `(d, h, w)`."""
        return self.blocks.shape[:-1]

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
            fn_output_signature=tf.TensorSpec((*size, self.blocks.shape[-1]), tf.float32),
        )

    def whole(self, row: int) -> np.ndarray:
        """One image as it was given, in NumPy: float32 `[*shape, C]`, modality units."""
        shape = self.shapes[row].tolist()
        grid = [-(-length // side) for length, side in zip(shape, self.chunk, strict=True)]
        begin, stored = int(self.first[row]), self.blocks.stored
        found = self.blocks.array()[begin : begin + math.prod(grid)]
        joined = found.reshape(*grid, *self.blocks.shape).transpose(_order(len(grid)))
        sides = [count * side for count, side in zip(grid, self.chunk, strict=True)]
        whole = joined.reshape(*sides, self.blocks.shape[-1])
        part = whole[tuple(slice(length) for length in shape)].astype(np.float32)
        return part * np.float32(1 / stored.scale) + np.float32(stored.offset)

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
        # Decoded before they are put in place: oneDNN logs an error when it turns small integers.
        # (Of masks TensorFlow's optimiser turns first all the same, and the line stays.)
        joined = tf.transpose(self.blocks.gather(numbers), _order(len(size)))
        lengths = [_most(size[axis], self.chunk[axis]) * self.chunk[axis] for axis in axes]
        channels = self.blocks.shape[-1]
        joined = tf.reshape(joined, [*lengths, channels])
        begin = tf.concat([start - corner * self.chunk, [0]], 0)
        values = tf.slice(joined, begin, [*size, channels])
        mask = inside[0]
        for other in inside[1:]:
            mask &= other
        return tf.where(mask[..., tf.newaxis], values, tf.constant(fill, tf.float32))


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


def _order(axes: int) -> list[int]:
    """Of the axes of `[grid, chunk, C]`: each of the grid beside that of the chunk."""
    pairs = zip(range(axes), range(axes, 2 * axes), strict=True)
    return [*itertools.chain(*pairs), 2 * axes]
