"""DICOM SEG files as label maps by themselves; on the slices of a series: `dicom_seg_slices`.

Source: DICOM PS3.3 C.8.20.2 (segment numbers, fractional values), C.7.6.16 (functional groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels import iter_pixels

from tfmed.errors import DataError, GeometryError, ReadError
from tfmed.io.dicom_geometry import (
    Plane,
    affine,
    functional_groups,
    numbers,
    pixel_spacing,
    planes,
)
from tfmed.io.formats import sniff
from tfmed.io.guard import reading

MODALITY = "SEG"
APART_SHARE = 0.1  # of the smallest spacing, that a mask may lie beside its image
HALF = 0.5  # of the largest fraction, from which on a voxel belongs to a segment
PARALLEL = 1e-3
LONGEST_LABEL = 64  # of a segment (LO)
LABEL_MAP, FRACTIONAL = "LABELMAP", "FRACTIONAL"


@dataclass(frozen=True, eq=False)
class Drawn:
    """A DICOM SEG file by itself.

    Attributes:
        labels: uint8 or uint16, `[D, H, W]`, or `[H, W]` of an image whose thickness is not
            told: segment numbers, the largest where segments overlap.
        names: the label of each segment by its number.
        spacing_mm: `(slice, row, column)` or `(row, column)`, or None where it is not told.
        affine: float64 `[4, 4]` from `(slice, row, column, 1)` to RAS+ mm, or None.
        series: UIDs of the series that it segments.
    """

    labels: np.ndarray
    names: dict[int, str]
    spacing_mm: tuple[float, ...] | None
    affine: np.ndarray | None
    series: tuple[str, ...]


def is_seg(path: str | Path) -> bool:
    """Whether a file is a DICOM SEG; what cannot be read is none."""
    try:
        if sniff(path) != "dicom":
            return False
        with reading(path, "the DICOM header cannot be parsed"):
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Modality"])
            return str(data.get("Modality", "")) == MODALITY
    except ReadError:
        return False


def read(path: str | Path) -> Drawn:
    """Read a DICOM SEG as a volume of its own: the slices from its first frame to its last.

    Raises:
        ReadError: it cannot be read.
        GeometryError: its frames are turned against each other, or lie unevenly.
    """
    with reading(path, "the DICOM SEG cannot be read"):
        data = pydicom.dcmread(path)
        count = int(data.get("NumberOfFrames") or 1)
        known = {int(one.SegmentNumber): str(one.SegmentLabel).strip() for one in segments(data)}
        size = (int(data.Rows), int(data.Columns))
        mine, pixel = planes(data, count), pixel_spacing(data)
        series = tuple(
            str(one.SeriesInstanceUID) for one in data.get("ReferencedSeriesSequence") or []
        )
    if mine is None:
        if count > len(known):
            raise GeometryError(f"{path}: its frames do not tell where they lie")
        places, depth, step = [0] * count, 1, None
    else:
        places, depth, step = _own_places(path, data, mine)
    largest = max(known, default=0)
    drawn = np.zeros((depth, *size), np.uint8 if largest < 256 else np.uint16)
    with reading(path, "the DICOM SEG cannot be decoded"):
        for place, number, inside in frames(path, data, places, {one: one for one in known}):
            np.maximum(drawn[place], number * inside, out=drawn[place], casting="unsafe")
    if step is None:
        drawn = drawn.reshape(size)
    if mine is None or pixel is None:
        return Drawn(drawn, known, pixel if mine is None else None, None, series)
    first = min(zip(places, mine, strict=True), key=lambda pair: pair[0])[1]
    along = [first] if step is None else [first, first.moved(step)]
    spacing = pixel if step is None else (step, *pixel)
    return Drawn(drawn, known, spacing, affine(along, pixel), series)


def _own_places(
    path: str | Path, data: Any, mine: Sequence[Plane]
) -> tuple[list[int], int, float | None]:
    """The slice of each frame, how many slices there are, and how far they are apart in mm."""
    turned = [np.abs(np.subtract(one.orientation, mine[0].orientation)).max() for one in mine]
    if max(turned) > PARALLEL:
        raise GeometryError(f"{path}: its frames are turned against each other")
    normal = np.array(mine[0].normal)
    along = np.array([one.position for one in mine]) @ normal
    away = along - along.min()
    measures = (functional_groups(data, "PixelMeasuresSequence") or [{}])[0]
    told = [numbers(measures, name, 1) for name in ("SpacingBetweenSlices", "SliceThickness")]
    steps = [one[0] for one in told if one is not None and one[0] > 0]
    there = np.unique(np.round(away, 3))
    if len(there) > 1:
        steps = [*steps[: told[0] is not None], float(np.diff(there).min())]
    for step in steps:
        off = np.abs(away - step * np.rint(away / step)).max()
        if off <= APART_SHARE * step:
            places = np.rint(away / step).astype(int)
            return places.tolist(), int(places.max()) + 1, step
    if len(there) == 1:
        return [0] * len(mine), 1, None
    raise GeometryError(f"{path}: its frames lie unevenly; give the series with --images")


def segments(data: Any) -> list[Any]:
    """The descriptions of the segments of a DICOM SEG."""
    return list(data.SegmentSequence)


def frames(
    path: str | Path, data: Any, places: Sequence[int], classes: Mapping[int, int]
) -> Iterator[tuple[int, Any, np.ndarray]]:
    """Slice, class number and extent of each frame that shows one of the classes.

    Of a label map the class number is an image.

    Args:
        path: of the file.
        data: its content.
        places: the slice of each frame.
        classes: the class number by the segment's.
    """
    count = len(places)
    named = [int(one.ReferencedSegmentNumber) for one in groups(data, "SegmentIdentification")]
    named = named * count if len(named) == 1 else named
    kind = str(data.get("SegmentationType", "BINARY"))
    if kind == LABEL_MAP:
        table = np.zeros(1 << 16, np.uint16)
        table[list(classes)] = list(classes.values())
    elif len(named) != count:
        raise DataError(f"{path}: {len(named)} of its {count} frames name a segment")
    for frame, pixels in enumerate(iter_pixels(data, raw=True)):
        if kind == LABEL_MAP:
            yield places[frame], table[pixels], pixels > 0
        elif named[frame] in classes:
            least = HALF * int(data.MaximumFractionalValue) if kind == FRACTIONAL else 1
            yield places[frame], np.uint16(classes[named[frame]]), pixels >= least


def groups(data: Any, macro: str) -> list[Any]:
    """The first item of a macro, shared or of each frame."""
    return functional_groups(data, f"{macro}Sequence")
