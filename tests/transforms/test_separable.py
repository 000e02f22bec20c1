"""Blur and low resolution, by one matrix an axis, are what SciPy and hand calculation give."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from tfmed.transforms.separable import blur, low_resolution

SEED = tf.constant([1, 2])


def noise(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


@pytest.mark.parametrize("shape", [(2, 40, 36, 2), (2, 20, 22, 24, 1)])
def test_blur_is_a_gaussian_along_all_axes(shape: tuple[int, ...]) -> None:
    image = noise(*shape)
    found = blur(image, SEED, sigma=(1.5, 1.5), probability=1.0).numpy()
    widths = (0, *[1.5] * (len(shape) - 2), 0)
    expected = gaussian_filter(image.numpy(), widths, truncate=6)
    inner = (slice(None), *[slice(8, -8)] * (len(shape) - 2))
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-4)


def test_blur_by_amount_is_from_half_of_it_and_in_the_plane() -> None:
    image = tf.tile(noise(1, 3, 32, 32, 1), [30, 1, 1, 1, 1])
    made = blur(image, SEED, amount=1.5, probability=1.0).numpy()
    ends = [gaussian_filter(image.numpy(), (0, 0, width, width, 0)) for width in (0.75, 1.5)]
    weakest, strongest, spread = (
        one[:, :, 8:-8, 8:-8].std(axis=(1, 2, 3, 4)) for one in (*ends, made)
    )
    assert (spread > 0.98 * strongest).all()
    assert (spread < 1.02 * weakest).all()
    assert np.ptp(spread) > 0.5 * (weakest - strongest)[0]


def test_blur_keeps_a_flat_image_flat() -> None:
    image = tf.fill([2, 5, 9, 7, 1], 3.0)
    found = blur(image, SEED, probability=1.0)
    np.testing.assert_allclose(found, image, rtol=1e-5)


def test_slices_stay_apart_in_the_plane() -> None:
    image = noise(2, 6, 20, 20, 1)
    for change in (blur, low_resolution):
        whole = change(image, SEED, probability=1.0, in_plane=True)
        flat = change(image[:, 2], SEED, probability=1.0)
        np.testing.assert_allclose(whole[:, 2], flat, atol=1e-6)


def test_half_the_resolution_takes_every_other_voxel() -> None:
    image = tf.constant([0.0, 1, 2, 3, 4, 5, 6, 7])[None, None, :, None]
    image = tf.repeat(image, 8, axis=1)
    # Four of eight: voxels 1, 3, 5, 7, brought back linearly between their centres.
    expected = np.interp((np.arange(8) + 0.5) / 2 - 0.5, np.arange(4), [1, 3, 5, 7])
    many = tf.repeat(image, 200, axis=0)
    found = low_resolution(many, SEED, smallest=0.5, probability=1.0)[:, 0, :, 0].numpy()
    assert np.isclose(found, expected, atol=1e-5).all(axis=1).any()


@pytest.mark.parametrize("change", [blur, low_resolution])
def test_unchosen_images_stay(change: object) -> None:
    image = noise(40, 8, 8, 1)
    found = change(image, SEED, probability=0.25).numpy()  # type: ignore[operator]
    same = (found == image.numpy()).all((1, 2, 3))
    assert 20 <= same.sum() <= 38


def test_no_loss_of_resolution_is_no_change() -> None:
    image = noise(3, 9, 12, 1)
    found = low_resolution(image, SEED, smallest=1.0, probability=1.0)
    np.testing.assert_allclose(found, image, atol=1e-6)
