"""One example as a case: the image, its label map on the same grid, and the size of a voxel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.data import mask_files
from tfmed.io import read as read_file
from tfmed.io import read_series


@dataclass(frozen=True, eq=False)
class Case:
    """What a network learns from, or predicts.

    Attributes:
        pixels: `[H, W, C]` or `[D, H, W, C]` in modality units.
        mask: uint8 `[H, W]` or `[D, H, W]`, the number of each voxel's class; None without one.
        spacing_mm: `(row, column)` or `(slice, row, column)`, or None where it is not known.
        affine: as of `tfmed.image.Image`.
        units: what the values mean: `"HU"`, ... or `""`.
        modality: of DICOM, or what the source says, or `""`.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    spacing_mm: tuple[float, ...] | None
    affine: np.ndarray | None
    units: str
    modality: str


def read(example: Mapping[str, Any], facts_masks: Mapping[str, Any] | None) -> Case:
    """Read an example's image and mask.

    Args:
        example: a row of a data set's table: `path`, `files`, `frame`, and `mask`, which may be
            absent.
        facts_masks: `facts["masks"]` of the data set; None where no mask is wanted.

    Raises:
        ReadError: a file cannot be read.
        DataError: the mask has another shape than its image, or values that are no classes.
        GeometryError: it has another spacing, or lies elsewhere.
    """
    files, given = example.get("files"), example.get("mask")
    if files is not None and len(files) > 1:
        image = read_series(list(files), on_geometry="ignore")
    else:
        image = read_file(example["path"], frame=int(example.get("frame", -1)))
    labels = None
    if given is not None and facts_masks is not None:
        values, _ = mask_files.stored(example, facts_masks, mask_files.grid(image))
        labels = mask_files.numbered(values, facts_masks, str(given[0]))
    return Case(
        pixels=image.pixels,
        mask=labels,
        spacing_mm=image.spacing_mm,
        affine=image.affine,
        units=image.units or example.get("units", ""),
        modality=image.modality or example.get("modality", ""),
    )
