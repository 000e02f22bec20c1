"""Series of slices, one file each, as volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfmed.errors import DataError, GeometryError
from tfmed.image import Image
from tfmed.io import dicom
from tfmed.io.dicom_geometry import even_step
from tfmed.io.formats import sniff
from tfmed.io.reading import read


def read_series(files: Sequence[str | Path]) -> Image:
    """Read single images, ordered as given, as one volume.

    Args:
        files: one slice a file; or one file that is a volume itself.

    Returns:
        Pixels `[D, H, W, C]`. `spacing_mm` is `(slice, row, column)`, the slice part measured
        between the slices' positions along their normal; None where these are unknown or not
        even. What else is told is the first slice's.

    Raises:
        DataError: `files` is empty.
        GeometryError: slices differ in shape, or one of several files is itself a volume.
        ReadError: a file cannot be read.
    """
    if not files:
        raise DataError("a series of no files")
    slices: list[np.ndarray] = []
    positions: list[float | None] = []
    first: Image | None = None
    for path in files:
        image, place = _read_with_position(path)
        first = first or image
        slices.append(image.pixels)
        positions.append(place)
        if image.pixels.shape != slices[0].shape or (image.pixels.ndim == 4 and len(files) > 1):
            raise GeometryError(
                f"{path}: shape {image.pixels.shape} in a series whose first slice has "
                f"{slices[0].shape}; slices of one shape were expected"
            )
    assert first is not None
    if first.pixels.ndim == 4:
        return first
    volume = np.stack(slices)
    if volume.dtype.itemsize == 8:
        volume = volume.astype(np.float32)
    step = even_step(positions)
    spacing = (step, *first.spacing_mm) if step and first.spacing_mm else None
    return replace(first, pixels=volume, spacing_mm=spacing)


def _read_with_position(path: str | Path) -> tuple[Image, float | None]:
    if sniff(path) == "dicom":
        image, header = dicom.load(path)
        return image, header.position_mm
    return read(path), None
