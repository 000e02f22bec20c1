"""Resampling equals scikit-image's, agrees with SimpleITK, and keeps what must be kept."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from skimage.transform import resize

from tfmed.data.resampling import axis_orders, resample_case, resampled_size
from tfmed.errors import GeometryError

SIZES = [(25, 20, 40), (17, 62, 12), (9, 31, 24), (1, 5, 60)]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 100, shape).astype(np.float32)


def by_skimage(array: np.ndarray, size: tuple[int, ...], order: int) -> np.ndarray:
    settings = {"mode": "edge", "anti_aliasing": False, "clip": True, "preserve_range": True}
    return resize(array.astype(np.float64), size, order=order, **settings)


@pytest.mark.parametrize("size", SIZES)
def test_images_are_those_of_scikit_image(size: tuple[int, ...]) -> None:
    image = noise(17, 31, 24, 2)
    found = resample_case(image, (1, 1, 1), (1, 1, 1), size=size)
    assert found.dtype == np.float32
    for channel in range(2):
        expected = by_skimage(image[..., channel], size, 3)
        low, high = image.min(), image.max()
        inside = (expected > low) & (expected < high)
        np.testing.assert_allclose(found[..., channel][inside], expected[inside], atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_probabilities_are_those_of_scikit_image(size: tuple[int, ...]) -> None:
    chances = noise(17, 31, 24, 3)
    found = resample_case(chances, None, None, kind="probabilities", size=size)
    for label in range(3):
        np.testing.assert_allclose(
            found[..., label], by_skimage(chances[..., label], size, 1), atol=1e-3
        )


@pytest.mark.parametrize("size", SIZES)
def test_masks_are_the_largest_of_the_interpolated_classes(size: tuple[int, ...]) -> None:
    mask = np.random.default_rng(1).integers(0, 4, (17, 31, 24)).astype(np.uint8)
    mask[mask == 2] = 0  # a class that is not there
    found = resample_case(mask, None, None, kind="mask", size=size)
    shares = np.stack([by_skimage(mask == label, size, 1) for label in range(4)])
    assert found.dtype == np.uint8
    chosen = np.take_along_axis(shares, found[None].astype(int), 0)[0]
    np.testing.assert_allclose(chosen, shares.max(0), atol=1e-5)
    ranked = np.sort(shares, axis=0)
    clear = ranked[-1] - ranked[-2] > 1e-4
    np.testing.assert_array_equal(found[clear], shares.argmax(0)[clear])


def test_planes_by_themselves_where_slices_are_thick() -> None:
    image = noise(6, 21, 24, 1)
    found = resample_case(image, (5.0, 1.0, 1.0), (2.5, 0.8, 1.2))
    assert found.shape == (12, 26, 20, 1)
    settings = {"order": 3, "mode": "edge", "anti_aliasing": False, "clip": False}
    planes = np.stack([resize(plane, (26, 20, 1), **settings) for plane in image])
    expected = np.clip(np.repeat(planes, 2, axis=0), image.min(), image.max())
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_coarse_axis_is_found_before_or_after() -> None:
    assert axis_orders((5, 1, 1), (1, 1, 1), 3, 3) == (0, 3, 3)
    assert axis_orders((1, 1, 1), (1, 4, 1), 3, 1) == (1, 0, 1)
    assert axis_orders((3, 1, 1), (1, 1, 1), 3, 3) == (3, 3, 3)
    assert axis_orders((5, 5, 1), (1, 1, 1), 3, 3) == (3, 3, 3)
    assert axis_orders((5, 1), (1, 1), 2, 3) == (3, 3)
    assert axis_orders(None, None, 3, 1) == (1, 1, 1)


def test_a_smooth_image_agrees_with_simpleitk() -> None:
    spacing, target = np.array([2.0, 1.0, 1.2]), np.array([1.0, 1.6, 0.9])
    shape = (20, 40, 30)
    grid = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)])
    waves = np.sin(grid[0] / 9 + 1) * np.cos(grid[1] / 8) + np.sin(grid[2] / 7)
    image = (100 * waves).transpose(1, 0, 2).astype(np.float32)
    found = resample_case(image[..., None], spacing, target)[..., 0]
    volume = sitk.GetImageFromArray(image)
    volume.SetSpacing(spacing[::-1].tolist())
    extent = spacing * shape
    steps = extent / found.shape
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(found.shape[::-1])
    resampler.SetOutputSpacing(steps[::-1].tolist())
    resampler.SetOutputOrigin((steps / 2 - spacing / 2)[::-1].tolist())
    resampler.SetInterpolator(sitk.sitkBSpline)
    expected = sitk.GetArrayFromImage(resampler.Execute(volume))
    # Splines know other things of what lies beyond an edge.
    inner = (slice(4, -4),) * 3
    np.testing.assert_allclose(found[inner], expected[inner], atol=0.5)


def test_a_ball_keeps_its_volume() -> None:
    place = np.stack(np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij"))
    ball = (np.sqrt((place**2).sum(0)) < 14).astype(np.uint8)
    found = resample_case(ball, (1, 1, 1), (0.7, 1.4, 0.9), kind="mask")
    spacing = np.array([40 / length for length in found.shape])
    assert found.sum() * spacing.prod() == pytest.approx(ball.sum(), rel=0.01)


def test_probabilities_still_sum_to_one() -> None:
    chances = np.random.default_rng(2).dirichlet([1, 1, 1], (9, 10, 11)).astype(np.float32)
    found = resample_case(chances, None, None, kind="probabilities", size=(20, 7, 11))
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)


def test_surroundings_of_zeros_stay_zero_where_asked() -> None:
    image = np.zeros((20, 30, 2), np.float32)
    image[5:15, 8:22] = noise(10, 14, 2) + 500
    ringing = resample_case(image, None, None, size=(40, 75))
    kept = resample_case(image, None, None, size=(40, 75), keep_zeros=True)
    assert (ringing != 0).all(-1).mean() > 0.5
    inside = np.zeros((40, 75), bool)
    inside[10:30, 20:55] = True
    assert not kept[~inside].any()
    np.testing.assert_array_equal(kept[inside], ringing[inside])


def test_a_volume_of_planes_keeps_its_slices() -> None:
    assert resampled_size((9, 40, 50), (6.0, 0.5, 0.5), (1.0, 1.0)) == (9, 20, 25)
    assert resampled_size((9, 40, 50), (6.0, 0.5, 0.5), (None, 1.0, 1.0)) == (9, 20, 25)
    assert resampled_size((9, 40, 50), None, None) == (9, 40, 50)
    assert resampled_size((2, 40), (1.0, 1.0), (5.0, 1.0)) == (1, 40)


def test_no_resampling_is_no_copy() -> None:
    image = noise(5, 6, 7, 1)
    assert resample_case(image, (1, 1, 1), (1, 1, 1)) is image
    mask = np.zeros((5, 6), np.uint8)
    assert resample_case(mask, None, None, kind="mask") is mask


def test_a_target_needs_a_spacing() -> None:
    with pytest.raises(GeometryError, match="without a known spacing cannot be brought to 1 x 2"):
        resample_case(noise(5, 6, 1), None, (1.0, 2.0))
    with pytest.raises(GeometryError, match="do not fit"):
        resample_case(noise(5, 6, 7, 1), (1.0, 1.0), (1.0, 1.0))
