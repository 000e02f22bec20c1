"""Masks that were written into a run, read again on the grid of their image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

from tfmed.data import mask_files
from tfmed.data.cases import Case
from tfmed.errors import DataError
from tfmed.io import mask


def predicted_mask(path: Path, case: Case, about: Mapping[str, Any]) -> np.ndarray:
    """A predicted label map as its image lies: uint8 `[H, W]` or `[D, H, W]`, class numbers.

    Masks are written with the values that the data set's own masks have, and those of a DICOM
    series as NIfTI, whose axes run otherwise when it is read.

    Args:
        path: of the mask.
        case: its image.
        about: `facts["masks"]` of the data set.

    Raises:
        ReadError: it cannot be read.
        DataError: it has another shape, or values that are no classes.
    """
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
