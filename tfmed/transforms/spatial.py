"""Transforms of size: resize, and frames of clips.

Axes are `[B, H, W, C]` for images and `[B, D, H, W, C]` for volumes; x runs along W, y along H.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.io.shrink import FACTORS


def resize(image: tf.Tensor, size: Sequence[int]) -> tf.Tensor:
    """Stretch images to a size: area means along axes that shrink, bilinear along those that grow.

    An axis that shrinks is averaged over the exact source area of each new pixel, so nothing
    aliases; an axis that grows is interpolated between pixel centres. The choice is made by
    axis: with a static shape when the graph is built, else inside it. An axis of the right
    length is not touched, and a static shape that is right adds no operation, so a TFLite
    graph of the plan's size holds no resize (TFLite knows no `ResizeArea`).

    Args:
        image: float32 `[B, H, W, C]`, or `[B, D, H, W, C]`.
        size: `(H, W)`, or `(D, H, W)`.

    Returns:
        float32 `[B, *size, C]`.
    """
    size = tuple(int(length) for length in size)
    _check_rank(image, size)
    if len(size) == 2:
        return _resize_plane(image, (size[0], size[1]))
    depth, channels = image.shape[1], image.shape[-1]
    plane = size[1], size[2]
    if tuple(image.shape[2:4]) != plane:
        shape = tf.shape(image)
        folded = tf.reshape(image, tf.concat([[shape[0] * shape[1]], shape[2:]], 0))
        folded = tf.ensure_shape(folded, [None, *image.shape[2:4], channels])
        folded = _resize_plane(folded, plane)
        image = tf.reshape(folded, tf.stack([shape[0], shape[1], *plane, channels]))
        image = tf.ensure_shape(image, [None, depth, *plane, channels])
    if depth != size[0]:
        # The depth axis beside all pixels of a slice as one row: the same rule serves it.
        shape = tf.shape(image)
        row = size[1] * size[2]
        slices = tf.reshape(image, tf.stack([shape[0], shape[1], row, channels]))
        slices = tf.ensure_shape(slices, [None, depth, row, channels])
        image = tf.reshape(_resize_plane(slices, (size[0], row)), [-1, *size, channels])
    return image


def pick_frames(clip: tf.Tensor, count: int) -> tf.Tensor:
    """Evenly spaced frames of clips: `rint(linspace(0, T - 1, count))`.

    The numbers are those of `tfmed.io.frames.even_frames`, bit for bit, so a file of which only
    these frames were decoded and one that came whole give the same. A clip with fewer frames
    repeats some; one with as many stays as it is.

    Args:
        clip: `[B, T, H, W, C]`, T known when the graph is built or not.
        count: frames to pick.

    Returns:
        `[B, count, H, W, C]`, of the same dtype.
    """
    given = clip.shape[1]
    if given == count:
        return clip
    if given is not None:
        return tf.gather(clip, np.rint(np.linspace(0, given - 1, count)).astype(np.int32), axis=1)
    last = tf.cast(tf.shape(clip)[1] - 1, tf.float64)
    # As NumPy does it: multiples of one step, and the end put in as it is. The divisor is a
    # number that hangs on the clip, because the graph optimiser makes of a division by a
    # constant a product, and half of a frame would be rounded to another.
    divisor = tf.maximum(tf.constant(max(count - 1, 1), tf.float64), -last)
    places = tf.range(count, dtype=tf.float64) * (last / divisor)
    if count > 1:
        places = tf.concat([places[:-1], last[tf.newaxis]], 0)
    return tf.gather(clip, tf.cast(tf.round(places), tf.int32), axis=1)


def _resize_plane(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Resize `[B, H, W, C]` to `(H, W)` by the rule of `resize`."""
    static = image.shape[1:3]
    if tuple(static) == size:
        return image
    if static.is_fully_defined():
        smaller = [min(pair) for pair in zip(static, size, strict=True)]
        # The plain mean of whole pixels is their area mean, and twice as quick.
        for factor in FACTORS:
            if tuple(static) == (factor * size[0], factor * size[1]):
                return tf.nn.avg_pool2d(image, factor, factor, "VALID")
        if smaller != list(static):
            image = tf.image.resize(image, smaller, method="area")
        return tf.image.resize(image, size, method="bilinear") if smaller != list(size) else image
    channels = image.shape[-1]
    given = tf.shape(image)[1:3]
    smaller = tf.minimum(given, size)
    # The same choice as with a static shape, so that both give equal numbers.
    pooled = [tf.reduce_all(given == [factor * size[0], factor * size[1]]) for factor in FACTORS]
    image = tf.case(
        [
            *(
                (found, partial(tf.nn.avg_pool2d, image, factor, factor, "VALID"))
                for found, factor in zip(pooled, FACTORS, strict=True)
            ),
            (tf.reduce_any(smaller < given), lambda: _area(image, smaller)),
        ],
        default=lambda: image,
    )
    image = tf.cond(
        tf.reduce_any(smaller < size),
        lambda: tf.image.resize(image, size, method="bilinear"),
        lambda: tf.ensure_shape(image, [None, *size, channels]),
    )
    return tf.ensure_shape(image, [None, *size, channels])


def _area(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    resized = tf.image.resize(image, size, method="area")
    return tf.ensure_shape(resized, [None, None, None, image.shape[-1]])


def _check_rank(image: tf.Tensor, size: Sequence[int]) -> None:
    if image.shape.rank != len(size) + 2:
        raise ConfigError(f"size {tuple(size)} does not fit images of shape {image.shape}")
