"""A mask read with its image: values, the image's box, the foreground's quantiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import makers_nifti
import numpy as np
import pytest

from tfmed.data.truth import mask_reading
from tfmed.data.truth.known_truth import REASON
from tfmed.data.truth.mask_reading import (
    BOX,
    BOX_SHARE,
    FOREGROUND,
    TIMES,
    VALUES,
    quantiles,
    spread,
)
from tfmed.io import read

LABELS = {"kind": "labels", "segments": []}


def found(folder: Path, pixels: np.ndarray, mask: np.ndarray) -> dict[str, Any]:
    """What is told of NIfTI files with voxels of 1 mm."""
    image = makers_nifti.save(folder / "image.nii", pixels)
    files = [str(makers_nifti.save(folder / "mask.nii", mask))]
    return mask_reading.read(LABELS, read(image), {"path": str(image), "files": None}, files)


def test_the_box_holds_all_that_is_not_zero_and_its_holes(tmp_path: Path) -> None:
    pixels = np.zeros((10, 12, 14), np.int16)
    pixels[2:8, 3:6, 5:13] = 7
    pixels[4, 4, 6:9] = 0
    told = found(tmp_path, pixels, (pixels > 0).astype(np.uint8))
    # NIfTI's axes are turned into slices, rows, columns.
    assert sorted(told[BOX]) == [3, 6, 8]
    assert told[BOX_SHARE] == 6 * 3 * 8 / pixels.size
    assert dict(zip(told[VALUES], told[TIMES], strict=True)) == {
        0: pixels.size - (pixels > 0).sum(), 1: (pixels > 0).sum()
    }  # fmt: skip


def test_an_image_of_zeros_is_its_own_box(tmp_path: Path) -> None:
    told = found(tmp_path, np.zeros((4, 5, 6), np.int16), np.ones((4, 5, 6), np.uint8))
    assert sorted(told[BOX]) == [4, 5, 6]
    assert told[BOX_SHARE] == 1


def test_the_foreground_is_all_classes_but_the_background(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 6), -5, np.int16)
    mask = np.zeros((4, 5, 6), np.uint8)
    pixels[0], mask[0] = 10, 1
    pixels[1:3], mask[1:3] = 20, 2
    held = found(tmp_path, pixels, mask)[FOREGROUND]
    assert held.dtype == np.float32
    assert set(held) == {10, 20}
    assert abs((held == 10).mean() - 1 / 3) < 1 / 1024


def test_an_empty_mask_has_no_foreground(tmp_path: Path) -> None:
    told = found(tmp_path, np.ones((4, 5, 6), np.int16), np.zeros((4, 5, 6), np.uint8))
    assert told[FOREGROUND].size == 0


def test_a_bad_mask_is_a_reason_alone(tmp_path: Path) -> None:
    told = found(tmp_path, np.ones((4, 5, 6), np.int16), np.ones((4, 5, 7), np.uint8))
    assert told.keys() == {REASON}
    assert "7" in told[REASON]


def test_quantiles_stand_for_the_values() -> None:
    values = np.random.default_rng(0).gamma(2, 100, 3_000_000).astype(np.float32)
    held = quantiles(values)
    for share in (0.5, 5, 50, 95, 99.5):
        rank = (values < np.percentile(held, share)).mean() * 100
        assert abs(rank - share) < 0.1
    np.testing.assert_array_equal(quantiles(values), held)


def test_one_outlier_counts_once_in_mean_and_deviation() -> None:
    values = np.array([1.0] * 999 + [1001.0], np.float32)
    assert spread(values) == pytest.approx([1, 1001, 2, 1000 * np.sqrt(0.001 * 0.999)])
    assert spread(values[:0]) == []
