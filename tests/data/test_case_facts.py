"""One case in numbers: its box, its foreground's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import makers_nifti
import numpy as np

from tfmed.data.case_facts import CaseFacts, measure

ABOUT = {"kind": "labels", "values": [0, 1, 2], "named_by": "", "said": ""}


def example(folder: Path, pixels: np.ndarray, mask: np.ndarray | None) -> dict[str, Any]:
    """A row of the table, of NIfTI files with voxels of 1 mm."""
    image = makers_nifti.save(folder / "image.nii", pixels)
    labels = None if mask is None else (str(makers_nifti.save(folder / "mask.nii", mask)),)
    return {"path": str(image), "files": None, "frame": -1, "mask": labels}


def facts(folder: Path, pixels: np.ndarray, mask: np.ndarray | None, count: int = 50) -> CaseFacts:
    found = measure((example(folder, pixels, mask), ABOUT, count))
    assert isinstance(found, CaseFacts), found
    return found


def test_the_box_holds_all_that_is_not_zero_and_its_holes(tmp_path: Path) -> None:
    pixels = np.zeros((10, 12, 14), np.int16)
    pixels[2:8, 3:6, 5:13] = 7
    pixels[4, 4, 6:9] = 0
    found = facts(tmp_path, pixels, (pixels > 0).astype(np.uint8))
    # NIfTI's axes are turned into slices, rows, columns.
    assert sorted(found.shape) == [3, 6, 8]
    assert found.relative_size == 6 * 3 * 8 / pixels.size
    assert found.spacing_mm == (1.0, 1.0, 1.0)


def test_an_image_of_zeros_is_its_own_box(tmp_path: Path) -> None:
    found = facts(tmp_path, np.zeros((4, 5, 6), np.int16), np.ones((4, 5, 6), np.uint8))
    assert sorted(found.shape) == [4, 5, 6]
    assert found.relative_size == 1


def test_values_are_drawn_from_all_classes_but_the_background(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 6), -5, np.int16)
    mask = np.zeros((4, 5, 6), np.uint8)
    pixels[0], mask[0] = 10, 1
    pixels[1], mask[1] = 20, 2
    found = facts(tmp_path, pixels, mask, 1000)
    assert found.foreground.dtype == np.float32
    assert len(found.foreground) == 1000
    assert set(found.foreground) == {10, 20}
    assert 400 < (found.foreground == 10).sum() < 600
    again = facts(tmp_path, pixels, mask, 1000)
    np.testing.assert_array_equal(again.foreground, found.foreground)


def test_no_mask_and_an_empty_one_have_no_foreground(tmp_path: Path) -> None:
    pixels = np.ones((4, 5, 6), np.int16)
    assert facts(tmp_path, pixels, None).foreground.size == 0
    assert facts(tmp_path, pixels, np.zeros((4, 5, 6), np.uint8)).foreground.size == 0


def test_a_bad_case_is_a_reason(tmp_path: Path) -> None:
    row = example(tmp_path, np.ones((4, 5, 6), np.int16), np.ones((4, 5, 7), np.uint8))
    reason = measure((row, ABOUT, 10))
    assert isinstance(reason, str)
    assert "7" in reason
