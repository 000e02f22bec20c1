"""The shape of a U-Net by nnU-Net's rules: its check values, and cases worked by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmed.errors import ConfigError
from tfmed.tasks.segmentation.topology import (
    Row,
    batch,
    feature_voxels,
    fitted,
    multiplications,
    reference,
    shrunk,
    stages,
    starting_patch,
)


@pytest.mark.parametrize(
    ("spacing", "shape", "cases", "patch", "patches", "depth"),
    [
        # The check values of nnU-Net 2.8.1: the hippocampus' 260 cases, the liver's 131, and 2D.
        ((1.0, 1.0, 1.0), (36, 50, 35), 260, (40, 56, 40), 9, 4),
        ((2.3566, 1.8411, 1.8411), (177, 217, 217), 131, (128, 128, 128), 2, 6),
        ((1.0, 1.0), (512, 512), 1000, (512, 512), 12, 8),
        # The published plan of the prostate: slices of 3.6 mm.
        ((3.6, 0.625, 0.625), (20, 320, 319), 32, (20, 320, 256), 2, 7),
    ],
)
def test_the_check_values_of_nnunet(
    spacing: tuple[float, ...], shape: Row, cases: int, patch: Row, patches: int, depth: int
) -> None:
    found = fitted(spacing, shape, classes=3)
    assert found.patch_size == patch
    assert len(found.strides) == depth
    voxels = cases * math.prod(shape)
    assert batch(found, classes=3, memory_gb=8, dataset_voxels=voxels) == patches


def test_the_coarse_axis_is_pooled_once_the_others_have_caught_up() -> None:
    # 4 mm against 1: in-plane at 1 and 2 mm alone (4/1 and 4/2 are not under 2), at 4 mm with
    # the slices (4/4). Slices 20 -> 10 -> 5, then in-plane alone: 24 -> 12 -> 6.
    found = stages((4.0, 1.0, 1.0), (20, 192, 192))
    assert found.strides == (
        (1, 1, 1),
        (1, 2, 2),  # 192 -> 96, 2 mm
        (1, 2, 2),  # 48, 4 mm
        (2, 2, 2),  # 24 and 10 slices, 8 mm
        (2, 2, 2),  # 12 and 5 slices, 16 mm
        (1, 2, 2),  # 6
    )
    # Slices are convolved from the stage on where 4 mm are under twice the plane's: 4/4.
    assert found.kernels == ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
    assert found.patch_size == (20, 192, 192)
    assert found.divisors == (4, 32, 32)
    assert found.sizes[-1] == (5, 6, 6)
    assert found.features() == (32, 64, 128, 256, 320, 320)
    assert found.features(16) == (16, 32, 64, 128, 160, 160)


def test_a_coarse_last_axis_is_treated_as_a_coarse_first_one() -> None:
    first, last = stages((4.0, 1.0, 1.0), (20, 96, 96)), stages((1.0, 1.0, 4.0), (96, 96, 20))
    for ours, theirs in zip(
        first.strides + first.kernels, last.strides + last.kernels, strict=True
    ):
        assert ours == theirs[::-1]


def test_an_axis_too_short_to_halve_does_not_hold_up_the_others() -> None:
    # 6 slices are under 8: never halved, however thin; 30 is padded to 32: 30 -> 15 -> 8 -> 4.
    found = stages((1.0, 1.0, 1.0), (6, 30, 30))
    assert found.strides[1:] == ((1, 2, 2), (1, 2, 2), (1, 2, 2))
    assert found.patch_size == (6, 32, 32)
    # Fully convolved all the same: its spacing was within twice the finest at the start.
    assert found.kernels[0] == (3, 3, 3)


def test_one_axis_left_over_needs_12_voxels() -> None:
    assert stages((1.0, 1.0), (7, 11)).strides == ((1, 1),)
    assert stages((1.0, 1.0), (7, 12)).strides == ((1, 1), (1, 2))
    # Two axes need 8 each.
    assert stages((1.0, 1.0), (8, 8)).strides == ((1, 1), (2, 2))


def test_what_cannot_be_halved_at_all_is_one_stage() -> None:
    assert stages((1.0, 1.0, 1.0), (7, 7, 7)).kernels == ((3, 3, 3),)


def test_the_first_patch_has_as_many_mm_along_each_axis() -> None:
    # The cube root of 8 x 1 x 1 mm is 2 mm: 256 x 2 / 8 = 64 slices, 512 in the plane.
    assert starting_patch((8.0, 1.0, 1.0), (900, 900, 900)) == (64, 512, 512)
    assert starting_patch((8.0, 1.0, 1.0), (30, 400, 900)) == (30, 400, 512)
    assert starting_patch((1.0, 1.0), (3000, 100)) == (2048, 100)


def test_feature_voxels_are_counted_by_hand() -> None:
    shape = stages((1.0, 1.0), (8, 8))
    assert shape.sizes == ((8, 8), (4, 4))
    # Down: two convolutions of 32 on 64 pixels, two of 64 on 16. Up: one transposed and two
    # convolutions of 32, and a head of 2, on 64 pixels.
    assert feature_voxels(shape, (32, 64), 2) == 2 * 32 * 64 + 2 * 64 * 16 + (3 * 32 + 2) * 64


def test_multiplications_are_counted_by_hand() -> None:
    shape = stages((1.0, 1.0), (8, 8))
    down = 64 * 9 * (1 * 32 + 32 * 32) + 16 * 9 * (32 * 64 + 64 * 64)
    up = 64 * 64 * 32 + 64 * 9 * (64 * 32 + 32 * 32) + 64 * 32 * 2
    assert multiplications(shape, (32, 64), 1, 2) == down + up


def test_the_patch_shrinks_along_the_axis_that_covers_most() -> None:
    spacing = (1.0, 1.0, 1.0)
    shape = stages(spacing, (64, 64, 64))
    smaller = shrunk(shape, spacing, (64, 128, 128))
    assert smaller is not None
    # 64 is halved four times, 64 - 16 = 48 three times: so it is made smaller by 8.
    assert smaller.patch_size == (56, 64, 64)
    assert shrunk(stages(spacing, (4, 4, 4)), spacing, (7, 7, 7)) is None


def test_less_memory_is_a_smaller_patch_that_still_fits() -> None:
    patches = []
    for memory in (32.0, 8.0, 4.0, 1.0):
        shape = fitted((1.0, 1.0, 1.0), (300, 300, 300), classes=2, memory_gb=memory)
        assert feature_voxels(shape, shape.features(), 2) <= reference(3, memory)
        assert all(
            side % factor == 0
            for side, factor in zip(shape.patch_size, shape.divisors, strict=True)
        )
        patches.append(math.prod(shape.patch_size))
    assert patches == sorted(patches, reverse=True)
    assert len(set(patches)) == 4


def test_too_little_memory_is_said() -> None:
    with pytest.raises(ConfigError, match="--memory-gb: 1e-06 GB are too few"):
        fitted((1.0, 1.0, 1.0), (64, 64, 64), classes=2, memory_gb=1e-6)


def test_a_batch_holds_at_most_a_twentieth_of_the_voxels_and_at_least_two_patches() -> None:
    shape = fitted((1.0, 1.0), (128, 128), classes=2)
    pixels = 128 * 128
    sizes = [
        batch(shape, classes=2, memory_gb=8, dataset_voxels=images * pixels)
        for images in (3, 100, 1_000_000)
    ]
    assert sizes[:2] == [2, 5]
    assert sizes[2] == round(85e6 / feature_voxels(shape, shape.features(), 2) * 12)


@given(
    st.lists(st.floats(0.2, 10.0), min_size=3, max_size=3),
    st.lists(st.integers(4, 200), min_size=3, max_size=3),
)
def test_stages_divide_their_patch_and_never_halve_below_four(
    spacing: list[float], sides: list[int]
) -> None:
    found = stages(spacing, sides)
    assert found.strides[0] == (1, 1, 1)
    assert len(found.strides) == len(found.kernels) == len(found.features())
    for side, wanted, factor, deepest in zip(
        found.patch_size, sides, found.divisors, found.sizes[-1], strict=True
    ):
        assert side % factor == 0
        assert wanted <= side < wanted + factor
        assert deepest * factor == side
        assert deepest >= 4
    # Once an axis is convolved it stays so.
    for earlier, later in zip(found.kernels, found.kernels[1:], strict=False):
        assert all(after >= before for before, after in zip(earlier, later, strict=True))
