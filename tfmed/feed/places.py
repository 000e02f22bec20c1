"""Where patches lie: some on a voxel of a structure, the others anywhere.

All of it is drawn in the graph from (seed, step). The positions of structures stand in the file of
the cases, so that thousands of cases cost no memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from tfmed.data.resampled import POSITIONS
from tfmed.feed.store import Store
from tfmed.transforms.draws import fold


@dataclass(frozen=True, eq=False)
class Foreground:
    """Positions of each class but the background, in each case.

    Attributes:
        numbers: int32, of the file of the cases; positions are some of them.
        counts: int64 `[N, K - 1]`, how many positions are kept; 0 where the class is absent.
        first: int64 `[N]`, which of the numbers is a case's first position.
    """

    numbers: Store
    counts: np.ndarray
    first: np.ndarray

    def take(self, rows: np.ndarray) -> Foreground:
        """A part of the cases: `rows` are positions, or a boolean each."""
        return replace(self, counts=self.counts[rows], first=self.first[rows])

    def draw(self, rows: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One voxel of each case: first a class that it has, each as likely, then a voxel of it.

        Args:
            rows: int64 `[B]`.
            seed: int32 `[2]`.

        Returns:
            int64 `[B]`, a number in the flat mask; bool `[B]`, False where a case has no
            structure and the number means nothing.
        """
        counts = tf.gather(tf.constant(self.counts, tf.int64), rows)
        present = counts > 0
        draws = tf.random.stateless_uniform(tf.shape(counts), fold(seed, 0))
        label = tf.argmax(tf.where(present, draws, -1.0), axis=1)
        count = tf.gather(counts, label, batch_dims=1)
        number = below(tf.maximum(count, 1), fold(seed, 1))
        place = tf.gather(tf.constant(self.first, tf.int64), rows) + label * POSITIONS + number
        return tf.cast(self.numbers.fetch(place), tf.int64), count > 0


def below(ends: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Whole numbers from 0 to `ends - 1`, each as likely; int64 of the shape of `ends`."""
    share = tf.random.stateless_uniform(tf.shape(ends), seed, dtype=tf.float64)
    return tf.minimum(tf.cast(share * tf.cast(ends, tf.float64), tf.int64), ends - 1)


def starts(
    shapes: tf.Tensor,
    size: tuple[int, ...],
    centre: tf.Tensor,
    centred: tf.Tensor,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Where patches begin: about a voxel, or anywhere, and as far inside of the image as can be.

    A patch that is longer than its image holds all of it, anywhere in the patch.

    Args:
        shapes: int64 `[B, axes]` of the images.
        size: of a patch.
        centre: int64 `[B]`, a voxel as a number in the flat image.
        centred: bool `[B]`, whether the patch is to be centred on it.
        seed: int32 `[2]`.

    Returns:
        int64 `[B, axes]`.
    """
    axes = len(size)
    space = shapes - tf.constant(size, tf.int64)
    least, most = tf.minimum(space, 0), tf.maximum(space, 0)
    anywhere = least + below(most - least + 1, seed)
    strides = tf.math.cumprod(shapes, axis=1, exclusive=True, reverse=True)
    voxel = centre[:, tf.newaxis] // strides % shapes
    about = voxel - tf.constant([length // 2 for length in size], tf.int64)
    # Where the patch is longer than the image the centre says nothing, and the place is drawn.
    about = tf.where(space < 0, anywhere, tf.clip_by_value(about, least, most))
    found = tf.where(centred[:, tf.newaxis], about, anywhere)
    return tf.ensure_shape(found, [None, axes])
