"""Which augmentation goes with which patches."""

from __future__ import annotations

from typing import Any

import pytest

from tfmed.tasks.segmentation.augmenting import augmentation, mirror_axes
from tfmed.transforms.augmentation import check_steps


def deform(patch: tuple[int, ...], spacing: tuple[float, ...] | None = None) -> dict[str, Any]:
    steps, _ = augmentation(patch, spacing, (0,))
    check_steps(steps)
    return steps[0]


def test_steps_come_in_the_order_of_nnunet() -> None:
    steps, _ = augmentation((64, 64), None, (0, 1))
    names = [step["name"] for step in steps]
    assert names == [
        *("deform", "noise", "blur", "brightness", "contrast", "low_resolution"),
        *("gamma", "gamma", "mirror"),
    ]
    assert [step.get("inverted", False) for step in steps[6:8]] == [True, False]
    assert steps[-1]["axes"] == [0, 1]
    assert augmentation((64, 64), None, ())[0] == steps[:-1]


@pytest.mark.parametrize(
    ("patch", "degrees", "in_plane"),
    [
        ((64, 64, 64), 30, False),
        ((32, 96, 96), 30, False),  # 3 times thinner, not over it
        ((31, 96, 96), 180, True),
        ((16, 96, 160), 15, True),
        ((128, 128), 180, False),
        ((96, 144), 180, False),  # 1.5 times, not over it
        ((96, 160), 15, False),
    ],
)
def test_thin_and_oblong_patches_turn_as_they_can(
    patch: tuple[int, ...], degrees: float, in_plane: bool
) -> None:
    step = deform(patch)
    assert (step["degrees"], step["in_plane"]) == (degrees, in_plane)


def test_unequal_voxels_are_told() -> None:
    assert deform((64, 64, 64), (2.0, 1.0, 1.0))["spacing_mm"] == [2.0, 1.0, 1.0]
    assert "spacing_mm" not in deform((64, 64, 64), (1.0, 1.0, 1.0))


def test_classes_of_one_side_are_not_mirrored() -> None:
    for name in ("left kidney", "Kidney_R", "lung-right"):
        axes, why = mirror_axes(3, ("background", name), True, False)
        assert axes == ()
        assert name in why
    assert mirror_axes(3, ("background", "liver", "bright spot"), True, False)[0] == (0, 1, 2)


def test_with_little_time_volumes_are_mirrored_along_their_columns() -> None:
    assert mirror_axes(3, ("background", "liver"), True, True)[0] == (2,)
    assert mirror_axes(2, ("background", "liver"), True, True)[0] == (1,)
    assert mirror_axes(2, ("background", "cell"), False, True)[0] == (0, 1)
