"""Where the fused transform puts pixels, against exact turns and flips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from tfmed.transforms.projective import affine_matrices, apply_affine, projective

SEED = tf.constant([1, 2], tf.int32)


def picture(height: int, width: int, channels: int = 2) -> tf.Tensor:
    rng = np.random.default_rng(0)
    return tf.constant(rng.random((3, height, width, channels)), tf.float32)


def move(image: tf.Tensor, **values: float) -> np.ndarray:
    count = image.shape[0]
    settings = {
        "radians": 0.0,
        "enlarge": 1.0,
        "shear": 0.0,
        "right": 0.0,
        "down": 0.0,
        "mirror_x": 1.0,
        "mirror_y": 1.0,
    } | values
    tensors = {name: tf.fill([count], value) for name, value in settings.items()}
    return apply_affine(image, affine_matrices(**tensors, size=tf.shape(image)[-3:-1])).numpy()


@pytest.mark.parametrize("size", [(6, 6), (5, 5), (4, 7), (7, 4), (1, 3)])
def test_no_change_is_exactly_no_change(size: tuple[int, int]) -> None:
    image = picture(*size)
    np.testing.assert_array_equal(move(image), image)
    np.testing.assert_array_equal(projective(image, None, SEED)[0], image)


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_rot90(side: int, quarters: int) -> None:
    image = picture(side, side)
    turned = move(image, radians=quarters * math.pi / 2)
    np.testing.assert_allclose(turned, tf.image.rot90(image, quarters), atol=1e-5)


def test_mirrors_are_reversals() -> None:
    image = picture(4, 7)
    np.testing.assert_allclose(move(image, mirror_x=-1.0), tf.reverse(image, [2]), atol=1e-6)
    np.testing.assert_allclose(move(image, mirror_y=-1.0), tf.reverse(image, [1]), atol=1e-6)


def test_a_shift_moves_right_and_down() -> None:
    image = picture(4, 8)
    moved = move(image, right=2 / 8, down=1 / 4)
    np.testing.assert_allclose(moved[:, 1:, 2:], image[:, :-1, :-2], atol=1e-6)
    # Beyond the edge the image is mirrored, its edge pixel doubled.
    np.testing.assert_allclose(moved[:, 1:, :2], image[:, :-1, 1::-1], atol=1e-6)


def test_enlarging_twice_about_the_centre() -> None:
    image = tf.reshape(tf.range(5, dtype=tf.float32), [1, 1, 5, 1])
    image = tf.tile(image, [1, 5, 1, 1])
    moved = move(image, enlarge=2.0)
    np.testing.assert_allclose(moved[0, 2, :, 0], [1, 1.5, 2, 2.5, 3], atol=1e-6)


def test_shear_moves_rows_by_their_distance_from_the_centre() -> None:
    image = tf.tile(tf.reshape(tf.range(7, dtype=tf.float32), [1, 1, 7, 1]), [1, 3, 1, 1])
    moved = move(image, shear=1.0)
    np.testing.assert_allclose(moved[0, 1, :, 0], range(7), atol=1e-6)
    np.testing.assert_allclose(moved[0, 2, 1:, 0], range(6), atol=1e-6)
    np.testing.assert_allclose(moved[0, 0, :-1, 0], range(1, 7), atol=1e-6)


def test_slices_of_a_volume_move_alike() -> None:
    volume = tf.constant(np.random.default_rng(1).random((2, 3, 6, 5, 2)), tf.float32)
    settings = {"degrees": 30.0, "scale": 0.2, "shift": 0.1, "shear": 5.0}
    whole = projective(volume, None, SEED, **settings)[0]
    for depth in range(3):
        alone = projective(volume[:, depth], None, SEED, **settings)[0]
        np.testing.assert_allclose(whole[:, depth], alone, atol=1e-6)


def test_images_differ_in_their_draw_and_probability_leaves_some_alone() -> None:
    image = tf.tile(picture(8, 8)[:1], [64, 1, 1, 1])
    moved = projective(image, None, SEED, degrees=45.0, probability=0.5)[0].numpy()
    same = (moved == image.numpy()).all(axis=(1, 2, 3))
    assert 16 < same.sum() < 48
    assert len(np.unique(moved[~same, 0, 0, 0])) > 8


def test_flips_are_drawn_for_half_of_the_images() -> None:
    image = tf.tile(picture(4, 4)[:1], [100, 1, 1, 1])
    moved = projective(image, None, SEED, horizontal_flip=True)[0].numpy()
    flipped = np.isclose(moved, image.numpy()[:, :, ::-1], atol=1e-6).all(axis=(1, 2, 3))
    kept = np.isclose(moved, image.numpy(), atol=1e-6).all(axis=(1, 2, 3))
    assert (flipped ^ kept).all()
    assert 30 < flipped.sum() < 70


@pytest.mark.parametrize("shape", [(24, 30), (2, 24, 30)])
def test_a_mask_moves_with_its_image(shape: tuple[int, ...]) -> None:
    mask = tf.constant(np.random.default_rng(2).integers(0, 2, (6, *shape)), tf.int32)
    mask = tf.repeat(tf.repeat(mask[..., ::6, ::6], 6, -1), 6, -2)
    image = tf.cast(mask, tf.float32)[..., tf.newaxis]
    settings = {"degrees": 30.0, "scale": 0.2, "shift": 0.1, "probability": 0.7}
    moved, labels = projective(image, mask, SEED, **settings)
    assert labels.dtype == tf.int32
    assert (labels.numpy() != mask.numpy()).any()
    # The nearest label is the one that has most of the weight, but between two at a corner.
    found = moved[..., 0].numpy()
    sure = np.abs(found - 0.5) > 0.3
    assert sure.mean() > 0.8
    np.testing.assert_array_equal(labels.numpy()[sure], found[sure] > 0.5)
