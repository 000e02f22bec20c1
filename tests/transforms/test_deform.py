"""Rotation, scale and bending move image and mask together, to where SciPy says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.interpolate import BSpline
from scipy.ndimage import gaussian_filter, map_coordinates

from tfmed.errors import ConfigError
from tfmed.transforms.deform import INTERVALS, STEADY, deform, rotations, spline_basis, warp

SEED = tf.constant([3, 5])
ALWAYS = {"probabilities": (1.0, 1.0, 1.0)}
SHAPES = [(15, 18), (9, 12, 10)]


def blobs(shape: tuple[int, ...], count: int = 3, channels: int = 1) -> tuple[tf.Tensor, tf.Tensor]:
    """Smooth images, and the masks of what is above 0 in their first channel."""
    noise = np.random.default_rng(0).normal(size=(count, *shape, channels))
    smooth = gaussian_filter(noise, (0, *[4.0] * len(shape), 0), mode="mirror")
    smooth /= np.abs(smooth).max()
    return tf.constant(smooth, tf.float32), tf.constant(smooth[..., 0] > 0, tf.int32)


def run(image: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor = SEED, **settings: Any) -> Any:
    settings = {"degrees": 30.0, **ALWAYS, **settings}
    moved = tf.function(lambda *given: deform(*given, **settings), autograph=False)
    return [found.numpy() for found in moved(image, mask, seed)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("in_plane", [False, True])
def test_no_strength_is_exactly_no_change(shape: tuple[int, ...], in_plane: bool) -> None:
    image, mask = blobs(shape, channels=2)
    still = {"degrees": 0.0, "scale": (1.0, 1.0), "bend": 0.0, "in_plane": in_plane}
    never = {"probabilities": (0.0, 0.0, 0.0), "in_plane": in_plane}
    for settings in (still, never):
        moved = run(image, mask, **settings)
        np.testing.assert_array_equal(moved[0], image)
        np.testing.assert_array_equal(moved[1], mask)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_come_from_where_scipy_takes_them(shape: tuple[int, ...]) -> None:
    axes = len(shape)
    image, mask = blobs(shape, 1, 2)
    angles = tf.constant([[0.3, -0.5, 1.1][: axes * (axes - 1) // 2]])
    matrix = rotations(angles, tf.constant([0.8]), ())[0].numpy()
    draw = np.random.default_rng(1)
    shifts = draw.uniform(-0.4, 0.4, (axes, *[INTERVALS + 3] * axes)).astype(np.float32)
    moved = warp(image[0], mask[0][..., None], tf.constant(matrix), tf.constant(shifts))
    middle = [(length - 1) / 2 for length in shape]
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) - middle
    places = grid @ matrix.T + middle
    for axis, length in enumerate(shape):
        field = shifts[axis] * length / INTERVALS
        for side in shape:
            knots = np.arange(-3, INTERVALS + 4)
            weights = BSpline.design_matrix((np.arange(side) + 0.5) * INTERVALS / side, knots, 3)
            field = np.tensordot(field, weights.toarray(), [[0], [1]])
        places[..., axis] += field
    where = np.moveaxis(places, -1, 0)
    for channel in range(2):
        source = image[0, ..., channel].numpy()
        expected = map_coordinates(source, where, order=1, mode="reflect")
        np.testing.assert_allclose(moved[0][..., channel], expected, atol=1e-5)
    expected = map_coordinates(mask[0].numpy(), where, order=0, mode="reflect")
    assert (moved[1][..., 0].numpy() != expected).mean() < 1e-3  # ties of rounding


@pytest.mark.parametrize("shape", [(60, 64), (28, 30, 26)])
def test_a_mask_stays_the_threshold_of_its_image(shape: tuple[int, ...]) -> None:
    image, mask = blobs(shape)
    axes = range(1, len(shape) + 1)
    slopes = [np.abs(np.diff(image[..., 0], axis=axis)).max() for axis in axes]
    for seed in range(3):
        moved, labels = run(image, mask, tf.constant([seed, 0]), degrees=90.0)
        assert np.abs(moved - image).max() > 0.3
        # A voxel's nearest lies half a voxel away along each axis at most.
        clear = np.abs(moved[..., 0]) > sum(slopes) / 2
        assert clear.mean() > 0.2
        np.testing.assert_array_equal(labels[clear], (moved[..., 0] > 0)[clear])


@pytest.mark.parametrize("plane", [(1, 2), (0, 2), (0, 1)])
def test_a_quarter_turn_is_exact(plane: tuple[int, int]) -> None:
    image, mask = blobs((8, 8, 8), 1)
    angles = np.zeros((1, 3), np.float32)
    angles[0, [(1, 2), (0, 2), (0, 1)].index(plane)] = math.pi / 2
    matrix = rotations(tf.constant(angles), tf.constant([1.0]), ())[0]
    still = tf.zeros([3, *[INTERVALS + 3] * 3])
    moved = warp(image[0], mask[0][..., None], matrix, still)
    options = [np.rot90(image[0], times, plane) for times in (1, 3)]
    assert min(np.abs(moved[0] - option).max() for option in options) < 1e-5


def test_enlarging_magnifies() -> None:
    place = np.stack(np.meshgrid(*[np.arange(32) - 15.5] * 3, indexing="ij"))
    ball = ((place**2).sum(0) < 6**2).astype(np.int32)
    matrix = rotations(tf.zeros([1, 3]), tf.constant([2.0]), ())[0]
    still = tf.zeros([3, *[INTERVALS + 3] * 3])
    image = tf.constant(ball[..., None], tf.float32)
    _, moved = warp(image, tf.constant(ball[..., None]), matrix, still)
    assert moved.numpy().sum() == pytest.approx(8 * ball.sum(), rel=0.05)


def test_a_rotation_is_one_in_space() -> None:
    spacing = (3.0, 0.5, 0.8)
    matrix = rotations(tf.constant([[0.2, 0.4, -0.3]]), tf.constant([1.0]), spacing)[0].numpy()
    in_mm = np.diag(spacing) @ matrix @ np.diag(1 / np.array(spacing))
    np.testing.assert_allclose(in_mm @ in_mm.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(in_mm) == pytest.approx(1)


def test_the_steadiest_bend_folds_nowhere() -> None:
    side = 24
    basis = spline_basis(side)
    np.testing.assert_allclose(basis.sum(1), 1, rtol=1e-6)
    draw = np.random.default_rng(2)
    for _ in range(20):
        signs = draw.choice([-STEADY, STEADY], (3, *[INTERVALS + 3] * 3))
        field = np.einsum("aijk,xi,yj,zk->axyz", signs * side / INTERVALS, basis, basis, basis)
        slope = np.stack([np.stack(np.gradient(field[axis])) for axis in range(3)])
        jacobian = np.moveaxis(slope, (0, 1), (-2, -1)) + np.eye(3)
        assert np.linalg.det(jacobian).min() > 0


def test_in_plane_all_slices_move_alike_and_none_blends() -> None:
    plane, labels = blobs((16, 20), 2)
    depth = tf.constant([1.0, -2.0, 5.0])[None, :, None, None, None]
    image = plane[:, None] * depth
    mask = labels[:, None] * tf.constant([1, 2, 3])[None, :, None, None]
    moved, found = run(image, mask, in_plane=True)
    for number, factor in enumerate((1.0, -2.0, 5.0)):
        np.testing.assert_allclose(moved[:, number], moved[:, 0] * factor, atol=1e-5)
        np.testing.assert_array_equal(found[:, number], found[:, 0] * (number + 1))
    assert np.abs(moved[:, 0] - plane).max() > 0.1


def test_only_the_chosen_ones_are_changed() -> None:
    image, mask = blobs((12, 12), 64)
    moved, labels = run(image, mask, probabilities=(0.2, 0.2, 0.1))
    same = (moved == image.numpy()).all((1, 2, 3))
    np.testing.assert_array_equal(labels[same], mask.numpy()[same])
    # 1 - 0.8 * 0.8 * 0.9 = 0.424 of 64 are changed, with a deviation of 4.
    assert 15 <= (~same).sum() <= 39


def test_the_seed_tells_every_bit() -> None:
    image, mask = blobs((9, 12, 10))
    first, again = run(image, mask), run(image, mask)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (run(image, mask, tf.constant([3, 6]))[0] != first[0]).any()


def test_a_bend_that_folds_is_refused() -> None:
    image, mask = blobs((9, 9))
    with pytest.raises(ConfigError, match=r"from 0 to 0\.4, not 0\.5"):
        deform(image, mask, SEED, degrees=0.0, bend=0.5)
