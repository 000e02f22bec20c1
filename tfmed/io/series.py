"""Series of slices, one file each, as volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from tfmed.errors import DataError, GeometryError
from tfmed.image import Image
from tfmed.io import dicom, dicom_stack
from tfmed.io.dicom_geometry import Plane, affine
from tfmed.io.formats import sniff
from tfmed.io.reading import read


def read_series(
    files: Sequence[str | Path], *, on_geometry: Literal["reject", "ignore"] = "reject"
) -> Image:
    """Read single images, ordered as given, as one volume.

    Each slice has its own slope and intercept, as in PET.

    Args:
        files: one slice a file; or one file that is a volume itself.
        on_geometry: what to do about DICOM slices that are no even volume: refuse them, or
            stack them as they come.

    Returns:
        Pixels `[D, H, W, C]`. `spacing_mm` is `(slice, row, column)`, the slice part measured
        between the slices' positions along their normal, and `affine` goes with it; both are
        None where these are unknown or not even. What else is told is the first slice's.

    Raises:
        DataError: `files` is empty.
        GeometryError: slices are missing, lie at one place, unevenly, tilted or in several
            orientations (see `tfmed.io.dicom_stack`), are not in order, differ in shape, or
            one of several files is itself a volume.
        ReadError: a file cannot be read.
    """
    if not files:
        raise DataError("a series of no files")
    first, plane, own_fault = _read_with_plane(files[0])
    slices, planes, spacings = [first.pixels], [plane], [first.spacing_mm]
    for path in files[1:]:
        image, plane, _ = _read_with_plane(path)
        if image.pixels.shape != first.pixels.shape or image.pixels.ndim > 3:
            raise GeometryError(
                f"{path}: shape {image.pixels.shape} in a series whose first slice has "
                f"{first.pixels.shape}; slices of one shape were expected"
            )
        slices.append(image.pixels)
        planes.append(plane)
        spacings.append(image.spacing_mm)
    fault = own_fault or dicom_stack.fault(planes, spacings) or _disorder(planes)
    if fault and on_geometry == "reject":
        place = Path(files[0])
        raise GeometryError(f"{place if own_fault else place.parent}: {fault}")
    if first.pixels.ndim > 3:
        return first
    volume = np.stack(slices)
    if volume.dtype.itemsize == 8:
        volume = volume.astype(np.float32)
    stacked = replace(first, pixels=volume, frames=len(volume), spacing_mm=None, affine=None)
    return stacked if fault else _placed(stacked, planes, first.spacing_mm)


def _placed(
    volume: Image, planes: Sequence[Plane | None], spacing_mm: tuple[float, ...] | None
) -> Image:
    """The volume with spacing and affine, where the slices tell them."""
    known = [plane for plane in planes if plane is not None]
    if spacing_mm is None or not known:
        return volume
    row, column = spacing_mm
    matrix = affine(known, (row, column))
    if len(known) == 1:
        return replace(volume, affine=matrix)
    step = abs(known[-1].along - known[0].along) / (len(known) - 1)
    return replace(volume, affine=matrix, spacing_mm=(step, row, column))


def _disorder(planes: Sequence[Plane | None]) -> str:
    """What is wrong with the order of sound slices, or ""."""
    places = dicom_stack.order(planes)
    if places is None or len(places) < 2:
        return ""
    steps = np.diff(places) * np.sign(places[-1] - places[0])
    if (steps > 0).all():
        return ""
    return (
        f"slices are not in the order of their places (slice {int(np.argmin(steps)) + 2} lies "
        "before the one that it follows); sort them, or open their folder by tfmed.data.open"
    )


def _read_with_plane(path: str | Path) -> tuple[Image, Plane | None, str]:
    """A file's image, its place, and what is wrong with the places of its own frames."""
    if sniff(path) != "dicom":
        return read(path), None, ""
    image, header = dicom.load(path)
    if header.position is None or header.orientation is None:
        return image, None, header.fault
    return image, Plane(header.position, header.orientation), header.fault
