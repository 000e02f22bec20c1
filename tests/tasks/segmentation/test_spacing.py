"""Target spacing, median shape and low resolution, by hand."""

from __future__ import annotations

import math

import pytest

from tfmed.tasks.segmentation.spacing import low_resolution, median_shape, target_spacing


def test_the_target_is_the_median_of_each_axis() -> None:
    spacings = [(1.0, 0.5, 0.5), (2.0, 0.7, 0.6), (3.0, 0.9, 0.9)]
    assert target_spacing(spacings, [(100, 200, 200)] * 3) == (2.0, 0.7, 0.6)


def test_along_very_coarse_slices_the_target_is_the_tenth_percentile() -> None:
    # Slices of 2, 4, 6, 8, 10 mm against 1 mm: 6 is over 3 x 1, 30 x 3 is under 200. The tenth
    # percentile lies 0.4 of the way from 2 to 4.
    spacings = [(step, 1.0, 1.0) for step in (10.0, 2.0, 4.0, 8.0, 6.0)]
    assert target_spacing(spacings, [(30, 200, 200)] * 5) == (2.8, 1.0, 1.0)


def test_the_tenth_percentile_is_never_finer_than_the_plane() -> None:
    spacings = [(0.5, 1.0, 2.0), (0.5, 1.0, 2.0), *[(8.0, 1.0, 2.0)] * 7]
    assert target_spacing(spacings, [(20, 200, 200)] * 9) == (2.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("spacing", "shape"),
    [
        ((3.0, 1.0, 1.0), (30, 200, 200)),  # not over 3 times
        ((6.0, 1.0, 1.0), (67, 200, 200)),  # 67 x 3 is not under 200
        ((6.0, 1.0, 1.0), (30, 90, 200)),  # nor 30 x 3 under 90
    ],
)
def test_coarse_slices_alone_or_few_slices_alone_keep_the_median(
    spacing: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    finer = (spacing[0] / 2, *spacing[1:])
    assert target_spacing([finer, spacing, spacing], [shape] * 3) == spacing


def test_the_median_shape_is_that_of_the_resampled_cases() -> None:
    shapes, spacings = [(10, 20, 20), (10, 30, 30), (11, 40, 40)], [(4.0, 1.0, 1.0)] * 3
    assert median_shape(shapes, spacings, (2.0, 1.0, 0.5)) == (20, 30, 60)
    assert median_shape(shapes, spacings, (0.0, 1.0, 0.5)) == (10, 30, 60)
    assert median_shape(shapes, None, None) == (10, 30, 30)


def cube(_: tuple[float, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Patches of at most 64 voxels a side."""
    return tuple(min(side, 64) for side in shape)


def test_low_resolution_is_the_first_at_which_a_patch_holds_a_quarter() -> None:
    found = low_resolution((1.0, 1.0, 1.0), (200, 200, 200), cube)
    assert found is not None
    spacing, shape = found
    # 64^3 is a quarter of (101.6)^3: 200 / 1.03^n falls below at n = 23 (101.3).
    assert spacing == (round(1.03**23, 6),) * 3
    assert shape == (101, 101, 101)
    assert 0.25 * math.prod(shape) <= 64**3


def test_axes_that_are_twice_as_fine_grow_first() -> None:
    found = low_resolution((4.0, 1.0, 1.0), (64, 400, 400), cube)
    assert found is not None
    # 1.03^24 = 2.03 is the first spacing whose double is over 4 mm; 200^2 x 64 voxels are still
    # too many, so from there on all three grow, slices too.
    spacing, _ = found
    assert spacing[0] > 4.0
    assert spacing[1] == pytest.approx(spacing[0] / 4 * 1.03**24)


def test_what_fits_or_hardly_shrinks_stays() -> None:
    assert low_resolution((1.0, 1.0, 1.0), (64, 64, 100), cube) is None
    # 64^3 is 0.24 of 103^3: a little coarser would do, which is not worth it.
    assert low_resolution((1.0, 1.0, 1.0), (103, 103, 103), cube) is None
