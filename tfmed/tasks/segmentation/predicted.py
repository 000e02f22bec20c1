"""Masks that were written into a run, read again on the grid of their image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

from tfmed.data import mask_files
from tfmed.data.case_reading import Case
from tfmed.errors import DataError
from tfmed.io import dicom_seg_slices, mask


def predicted_mask(
    path: Path,
    case: Case,
    example: Mapping[str, Any],
    about: Mapping[str, Any],
    classes: Sequence[str],
) -> np.ndarray:
    """A predicted label map as its image lies: uint8 `[H, W]` or `[D, H, W]`, class numbers.

    Masks are written with the values that the data set's own masks have; NIfTI may run along
    other axes when it is read, and DICOM SEG leaves out slices that show nothing.

    Args:
        path: of the mask.
        case: its image.
        example: the image's row of the data set's table.
        about: `facts["masks"]` of the data set.
        classes: names, the background first.

    Raises:
        ReadError: it cannot be read.
        DataError: it has another shape, or values that are no classes.
    """
    if path.suffix == ".dcm":
        shape = case.pixels.shape[:-1]
        return dicom_seg_slices.label_map([str(path)], example, classes, shape, case.spacing_mm)
    found = mask.read(path)
    labels = found.labels
    if found.affine is not None and case.affine is not None and labels.ndim == 3:
        turn = ornt_transform(io_orientation(found.affine), io_orientation(case.affine))
        labels = apply_orientation(labels, turn)
    if labels.ndim == case.pixels.ndim and len(labels) == 1:
        labels = labels[0]  # a flat image's NIfTI is a volume of one slice
    if labels.shape != case.pixels.shape[:-1]:
        raise DataError(f"a mask has shape {labels.shape}, its image {case.pixels.shape[:-1]}")
    if about["kind"] not in (mask_files.ONE_FILE_A_CLASS, mask_files.DICOM_SEG):
        labels = mask_files.numbered(labels, about, path.name)
    return np.ascontiguousarray(labels, dtype=np.uint8)
