"""Rotation, scale and elastic deformation of image and mask, in one interpolation.

The three are one map from places in the result to places in the source, so the image is blurred
once. The map is worked out for one example at a time, and for those alone that were chosen: dense
coordinates of a batch of large patches would fill the memory.

Axes are those of the patch, `(D, H, W)` or `(H, W)`; places are counted in voxels from the middle.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.draws import chance, fold, uniform

# Control points of the elastic deformation lie this many to an axis.
INTERVALS = 4
# Cubic B-splines fold nowhere while shifts stay below this share of the distance of control
# points: Choi & Lee, "Injectivity conditions of 2D and 3D uniform cubic B-spline functions", 2000.
STEADY = 0.4


def deform(
    image: tf.Tensor,
    mask: tf.Tensor | None,
    seed: tf.Tensor,
    *,
    degrees: float,
    scale: tuple[float, float] = (0.7, 1.4),
    bend: float = 0.25,
    probabilities: tuple[float, float, float] = (0.2, 0.2, 0.1),
    in_plane: bool = False,
    spacing_mm: Sequence[float] = (),
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Rotate, scale and bend each image, and its mask alike, by its own draws.

    Args:
        image: float32 `[B, *patch, C]`, patch static.
        mask: int32 `[B, *patch]`, or None.
        seed: int32 `[2]`.
        degrees: rotation about each axis, drawn from minus to plus this.
        scale: the least and the most enlargement; drawn evenly in its logarithm.
        bend: the most that a control point is shifted along an axis, as a share of their
            distance, at most 0.4; they are a quarter of an axis apart.
        probabilities: of each image to be rotated, scaled, bent.
        in_plane: all slices of a volume alike, and none blended with another.
        spacing_mm: of the patch's axes, so that a rotation is one in space; equal by default.

    Returns:
        Image (linear between voxels) and mask (nearest) of the same shapes; beyond the edge both
        are mirrored.
    """
    if not 0 <= bend <= STEADY:
        raise ConfigError(f"bend must be from 0 to {STEADY}, not {bend}: more would fold the image")
    labels = tf.zeros_like(image[..., 0], tf.int32) if mask is None else mask
    shape = tuple(image.shape[1:-1])
    flat = in_plane and len(shape) == 3
    axes, count = len(shape) - flat, tf.shape(image)[0]
    turned, scaled, bent = (
        chance(fold(seed, number), count, probability)
        for number, probability in enumerate(probabilities)
    )
    chosen = tf.where(turned | scaled | bent)

    def changed() -> tuple[tf.Tensor, tf.Tensor]:
        number = axes * (axes - 1) // 2
        angles = tf.random.stateless_uniform([count, number], fold(seed, 3), -1.0, 1.0)
        angles = tf.where(turned[:, tf.newaxis], angles * math.radians(degrees), 0.0)
        sizes = uniform(fold(seed, 4), count, math.log(scale[0]), math.log(scale[1]))
        enlarge = tf.where(scaled, tf.exp(sizes), 1.0)
        grid = [count, axes, *[INTERVALS + 3] * axes]
        shifts = tf.random.stateless_uniform(grid, fold(seed, 5), -bend, bend)
        shifts = tf.where(tf.reshape(bent, [-1] + [1] * (axes + 1)), shifts, 0.0)
        matrices = rotations(angles, enlarge, tuple(spacing_mm)[-axes:])
        pick = chosen[:, 0]
        given = [tf.gather(item, pick) for item in (image, labels, matrices, shifts)]
        some = _each(flat, shape, given)
        return (
            tf.tensor_scatter_nd_update(image, chosen, some[0]),
            tf.tensor_scatter_nd_update(labels, chosen, some[1]),
        )

    image, labels = tf.cond(tf.size(chosen) > 0, changed, lambda: (image, labels))
    return image, None if mask is None else labels


def rotations(angles: tf.Tensor, enlarge: tf.Tensor, spacing_mm: tuple[float, ...]) -> tf.Tensor:
    """Matrices `[B, axes, axes]` from places in the result to places in the source, in voxels.

    Args:
        angles: radians, `[B, 1]` for two axes, `[B, 3]` for three: in the plane of the last two
            axes, of the first and last, of the first two, one after the other.
        enlarge: `[B]`, above 1 magnifies.
        spacing_mm: of the axes; `()` for equal ones.
    """
    axes = 2 if angles.shape[1] == 1 else 3
    planes = [(0, 1)] if axes == 2 else [(1, 2), (0, 2), (0, 1)]
    found = tf.eye(axes, batch_shape=tf.shape(enlarge))
    for number, (one, other) in enumerate(planes):
        cos, sin = tf.cos(angles[:, number]), tf.sin(angles[:, number])
        rows = [
            [tf.ones_like(cos) if i == j else tf.zeros_like(cos) for j in range(axes)]
            for i in range(axes)
        ]
        rows[one][one], rows[one][other] = cos, -sin
        rows[other][one], rows[other][other] = sin, cos
        found = tf.matmul(found, tf.stack([tf.stack(row, 1) for row in rows], 1))
    found /= tf.reshape(enlarge, [-1, 1, 1])
    if spacing_mm:
        spacing = np.array(spacing_mm, np.float32)
        found *= tf.constant(spacing[np.newaxis, :] / spacing[:, np.newaxis])
    return found


def _each(
    flat: bool, shape: tuple[int, ...], given: list[tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Warp examples one by one; where `flat`, slices are channels of one plane."""
    channels = given[0].shape[-1]
    # Compiled, coordinates and weights live in registers: a fifth of the time, and no memory.
    moved = tf.function(warp, jit_compile=True, autograph=False)

    def one(items: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:
        image, mask, matrix, shifts = items
        if not flat:
            image, mask = moved(image, mask[..., tf.newaxis], matrix, shifts)
            return image, mask[..., 0]
        depth, *plane = shape
        image = tf.reshape(tf.transpose(image, [1, 2, 0, 3]), [*plane, depth * channels])
        image, mask = moved(image, tf.transpose(mask, [1, 2, 0]), matrix, shifts)
        image = tf.transpose(tf.reshape(image, [*plane, depth, channels]), [2, 0, 1, 3])
        return image, tf.transpose(mask, [2, 0, 1])

    signature = (
        tf.TensorSpec((*shape, channels), given[0].dtype),
        tf.TensorSpec(shape, given[1].dtype),
    )
    some = tf.autograph.experimental.do_not_convert(one)
    # One at a time: other batches are made meanwhile.
    return tf.map_fn(some, tuple(given), fn_output_signature=signature, parallel_iterations=1)


def warp(
    image: tf.Tensor, mask: tf.Tensor, matrix: tf.Tensor, shifts: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Take one image and its mask to where a matrix and an elastic deformation lead.

    Args:
        image: float32 `[*shape, C]`, shape static.
        mask: int32 `[*shape, M]`.
        matrix: float32 `[axes, axes]`, from places in the result to places in the source.
        shifts: float32 `[axes, *grid]`, of control points, as a share of their distance.

    Returns:
        Both of the same shape, the image linear between voxels, the mask nearest.
    """
    shape = tuple(image.shape[:-1])
    axes = range(len(shape))
    lower, upper, share, nearest = [], [], [], []
    for axis in axes:
        place = _places(axis, shape, matrix, shifts)
        length = shape[axis]
        # Mirrored about the outer edge of the last voxel.
        turn = tf.math.floormod(place + 0.5, 2.0 * length)
        place = tf.clip_by_value(length - tf.abs(turn - length) - 0.5, 0.0, length - 1.0)
        below = tf.floor(place)
        share.append(place - below)
        lower.append(tf.cast(below, tf.int32))
        upper.append(tf.minimum(lower[-1] + 1, length - 1))
        nearest.append(tf.cast(tf.floor(place + 0.5), tf.int32))
    strides = [math.prod(shape[axis + 1 :]) for axis in axes]

    def number(places: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.add_n([place * stride for place, stride in zip(places, strides, strict=True)])

    values = tf.reshape(image, [-1, image.shape[-1]])
    found = tf.zeros_like(image)
    for corner in itertools.product((0, 1), repeat=len(shape)):
        weight, places = tf.ones(shape), []
        for axis, far in enumerate(corner):
            weight *= share[axis] if far else 1.0 - share[axis]
            places.append((upper if far else lower)[axis])
        found += weight[..., tf.newaxis] * tf.gather(values, number(places))
    labels = tf.reshape(mask, [-1, mask.shape[-1]])
    return found, tf.gather(labels, number(nearest))


def _places(axis: int, shape: tuple[int, ...], matrix: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Where along an axis of the source each voxel of the result comes from, `[*shape]`."""
    field = shifts[axis] * (shape[axis] / INTERVALS)
    # The first axis in turn goes, and comes back as the last: after all, they stand as before.
    for length in shape:
        field = tf.tensordot(field, tf.constant(spline_basis(length)), [[0], [1]])
    for other, length in enumerate(shape):
        column = [-1 if which == other else 1 for which in range(len(shape))]
        middle = (length - 1) / 2
        offset = np.arange(length, dtype=np.float32) - np.float32(middle)
        field += matrix[axis, other] * tf.constant(offset.reshape(column))
    return field + (shape[axis] - 1) / 2


def spline_basis(length: int) -> np.ndarray:
    """Weights of the control points of an axis in each of its voxels, `[length, INTERVALS + 3]`.

    Uniform cubic B-splines: four points have a say in a voxel, and the weights sum to 1.
    """
    place = (np.arange(length) + 0.5) * (INTERVALS / length)
    distance = np.abs(place[:, np.newaxis] - np.arange(-1, INTERVALS + 2))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2 - distance, 0) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)
