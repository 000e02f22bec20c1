"""Masks of a run on the grid of their image, whatever file they were written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfmed.data.case_reading import Case
from tfmed.errors import DataError
from tfmed.io import mask_out
from tfmed.tasks.segmentation.predicted import predicted_mask

LABELS = {"kind": "labels", "values": [0, 3, 7]}


def at(path: Path, case: Case, about: dict[str, Any]) -> np.ndarray:
    return predicted_mask(path, case, {}, about, ("background", "liver", "kidney"))


def volume(affine: np.ndarray | None) -> tuple[Case, np.ndarray]:
    labels = np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(np.uint8)
    spacing = None if affine is None else (2.0, 1.0, 1.0)
    return Case(np.zeros((4, 5, 6, 1)), None, spacing, affine, "", ""), labels


def test_values_become_class_numbers(tmp_path: Path) -> None:
    case, labels = volume(None)
    flat = Case(case.pixels[0], None, None, None, "", "")
    mask_out.write_png(tmp_path / "a.png", np.array([0, 3, 7], np.uint8)[labels[0]])
    np.testing.assert_array_equal(at(tmp_path / "a.png", flat, LABELS), labels[0])
    mask_out.write_png(tmp_path / "b.png", labels[0])
    with pytest.raises(DataError, match="holds 1, 2"):
        at(tmp_path / "b.png", flat, LABELS)


@pytest.mark.parametrize("kind", ["one file a class", "dicom seg"])
def test_of_other_kinds_they_are_numbers_already(tmp_path: Path, kind: str) -> None:
    case, labels = volume(None)
    mask_out.write_nifti(tmp_path / "a.nii.gz", labels)
    found = at(tmp_path / "a.nii.gz", case, {"kind": kind})
    np.testing.assert_array_equal(found, labels)


def test_the_mask_of_a_dicom_series_lies_as_its_image(tmp_path: Path) -> None:
    # As DICOM has it: slices to the feet, rows to the back, columns to the left.
    affine = np.array([[0, 0, -1, 9], [0, -1, 0, 8], [-2, 0, 0, 7], [0, 0, 0, 1]], float)
    case, labels = volume(affine)
    path = tmp_path / "a.nii.gz"
    mask_out.write_nifti(path, labels, spacing_mm=case.spacing_mm, affine=affine)
    about = {"kind": "labels", "values": [0, 1, 2]}
    np.testing.assert_array_equal(at(path, case, about), labels)


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    case, labels = volume(None)
    mask_out.write_nifti(tmp_path / "a.nii.gz", labels[:3])
    with pytest.raises(DataError, match="shape"):
        at(tmp_path / "a.nii.gz", case, {"kind": "labels", "values": [0, 1, 2]})
