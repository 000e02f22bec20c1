"""One way to read a file or a series, whatever its format; a format is a row of `READERS`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfmed.config import lookup
from tfmed.errors import DataError, GeometryError, UnsupportedFormat
from tfmed.image import Image
from tfmed.io import dicom
from tfmed.io.dicom_geometry import even_step
from tfmed.io.formats import sniff

READERS: dict[str, str] = {
    "dicom": "tfmed.io.dicom:read",
    "png": "tfmed.io.raster:read",
    "jpeg": "tfmed.io.raster:read",
    "bmp": "tfmed.io.raster:read",
    "tiff": "tfmed.io.tiff:read",
}


def read(path: str | Path, *, frame: int = -1) -> Image:
    """Read a file by its content.

    Args:
        path: the file; its name's ending means nothing.
        frame: index of a frame of several, or -1 for all.

    Returns:
        Pixels `[H, W, C]`, or `[D, H, W, C]` for all of several frames, in modality units.

    Raises:
        UnsupportedFormat: no reader knows the content.
        ReadError: anything else is wrong with it; the reason holds no patient data.
    """
    kind = sniff(path)
    if kind not in READERS:
        raise UnsupportedFormat(
            path, f"{kind} files are not read yet; these are: {', '.join(READERS)}"
        )
    return lookup(READERS, kind, "format")(path, frame=frame)


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
