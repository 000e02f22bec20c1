"""The pixels of DICOM SEG files as one label map on the slices of their series.

Source: DICOM PS3.3 C.8.20.2 (segment numbers, fractional values), C.7.6.16 (functional groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels import iter_pixels

from tfmed.data.mask_files import APART_SHARE, SPACING_SHARE, Grid
from tfmed.errors import DataError, GeometryError
from tfmed.io.dicom_geometry import Plane, functional_groups, pixel_spacing, planes
from tfmed.io.guard import reading

HALF = 0.5  # of the largest fraction, from which on a voxel belongs to a segment
PARALLEL = 1e-3
LABEL_MAP, FRACTIONAL = "LABELMAP", "FRACTIONAL"
PLACES = ["SOPInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "NumberOfFrames"]
PLACES += ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]


@dataclass(frozen=True)
class Slices:
    """Where the slices of a series are.

    Attributes:
        by_uid: number of a slice by its instance's UID and frame, counted from 1.
        planes: of each, or None where they are not told.
    """

    by_uid: dict[tuple[str, int], int]
    planes: tuple[Plane, ...] | None


def label_map(
    files: Sequence[str], example: Mapping[str, Any], segments: Sequence[str], on: Grid
) -> np.ndarray:
    """Draw the segments of DICOM SEG files on the slices of an example.

    Frames lie where their plane is; where planes are not told, on the image that they name. A
    voxel of a fractional segment belongs to it from half of the largest value on.

    Args:
        files: of DICOM SEG.
        example: `path` and `files` of the images.
        segments: labels of the classes; the first stands for the background.
        on: the grid of the images.

    Returns:
        uint8 of `on.shape`: the number of the class, the largest where segments overlap.

    Raises:
        ReadError: a file cannot be read.
        DataError: rows and columns are not those of the images.
        GeometryError: a frame has another spacing or orientation, or lies on none of the slices.
    """
    slices = _slices(example)
    drawn = np.zeros((1,) * (3 - len(on.shape)) + tuple(on.shape), np.uint8)
    for path in files:
        with reading(path, "the DICOM SEG cannot be read"):
            data = pydicom.dcmread(path)
        _check_grid(path, data, on)
        with reading(path, "the DICOM SEG cannot be decoded"):
            for place, number, inside in _frames(path, data, slices, segments, on):
                np.maximum(drawn[place], number * inside, out=drawn[place])
    return drawn.reshape(on.shape)


def _slices(example: Mapping[str, Any]) -> Slices:
    files = example.get("files")
    paths = [example["path"]] if files is None else list(files)
    by_uid: dict[tuple[str, int], int] = {}
    found: list[Plane] = []
    known = True
    for path in paths:
        with reading(path, "the DICOM header cannot be parsed"):
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(PLACES))
            count = int(data.get("NumberOfFrames") or 1)
            here = planes(data, count)
            for frame in range(count):
                by_uid[str(data.get("SOPInstanceUID", "")), frame + 1] = len(by_uid)
        known &= here is not None
        found += here or []
    return Slices(by_uid, tuple(found) if known else None)


def _check_grid(path: str, data: Any, on: Grid) -> None:
    size = (int(data.Rows), int(data.Columns))
    if size != tuple(on.shape[-2:]):
        raise DataError(f"{path}: its shape is {size}, its images' {tuple(on.shape[-2:])}")
    mine = pixel_spacing(data)
    if mine and on.spacing_mm and not np.allclose(mine, on.spacing_mm[-2:], rtol=SPACING_SHARE):
        raise GeometryError(
            f"{path}: its spacing is {mine[0]:.4g} {mine[1]:.4g} mm, its images' "
            f"{on.spacing_mm[-2]:.4g} {on.spacing_mm[-1]:.4g} mm"
        )


def _frames(
    path: str, data: Any, slices: Slices, segments: Sequence[str], on: Grid
) -> Iterator[tuple[int, Any, np.ndarray]]:
    """Slice, class number and extent of each frame that shows one of the classes.

    Of a label map the class number is an image.
    """
    count = int(data.get("NumberOfFrames") or 1)
    of_segment = {
        int(one.SegmentNumber): segments.index(label)
        for one in data.SegmentSequence
        if (label := str(one.SegmentLabel).strip()) in segments[1:]
    }
    numbers = [int(one.ReferencedSegmentNumber) for one in _groups(data, "SegmentIdentification")]
    numbers = numbers * count if len(numbers) == 1 else numbers
    places = _places(path, data, count, slices, on)
    kind = str(data.get("SegmentationType", "BINARY"))
    if kind == LABEL_MAP:
        table = np.zeros(1 << 16, np.uint8)
        table[list(of_segment)] = list(of_segment.values())
    elif len(numbers) != count:
        raise DataError(f"{path}: {len(numbers)} of its {count} frames name a segment")
    for frame, pixels in enumerate(iter_pixels(data, raw=True)):
        if kind == LABEL_MAP:
            yield places[frame], table[pixels], pixels > 0
        elif numbers[frame] in of_segment:
            least = HALF * int(data.MaximumFractionalValue) if kind == FRACTIONAL else 1
            yield places[frame], np.uint8(of_segment[numbers[frame]]), pixels >= least


def _groups(data: Any, macro: str) -> list[Any]:
    return functional_groups(data, f"{macro}Sequence")


def _places(path: str, data: Any, count: int, slices: Slices, on: Grid) -> list[int]:
    """The slice of each frame."""
    mine = planes(data, count)
    if mine is not None and slices.planes is not None:
        return [_slice_at(path, plane, slices.planes, on) for plane in mine]
    named = [_source(one) for one in _groups(data, "DerivationImage")]
    known = [slices.by_uid[name] for name in named if name in slices.by_uid]
    if len(known) != count:
        raise GeometryError(
            f"{path}: {count - len(known)} of its {count} frames tell neither their place nor "
            "their image"
        )
    return known


def _source(group: Any) -> tuple[str, int]:
    sources = group.get("SourceImageSequence") or [{}]
    number = sources[0].get("ReferencedFrameNumber") or 1
    frame = number if isinstance(number, (int, str)) else number[0]
    return str(sources[0].get("ReferencedSOPInstanceUID", "")), int(frame)


def _slice_at(path: str, plane: Plane, there: Sequence[Plane], on: Grid) -> int:
    """The number of the slice where a plane lies."""
    turned = np.abs(np.subtract(plane.orientation, there[0].orientation)).max()
    if turned > PARALLEL:
        raise GeometryError(
            f"{path}: its rows and columns run otherwise than those of its images; write the "
            "segmentation on the images' own grid"
        )
    away = np.linalg.norm(np.subtract([one.position for one in there], plane.position), axis=1)
    nearest = int(np.argmin(away))
    smallest = min(on.spacing_mm) if on.spacing_mm else 1.0
    if away[nearest] > APART_SHARE * smallest:
        raise GeometryError(
            f"{path}: a frame lies {away[nearest]:.2g} mm away from the nearest of its images; "
            "write the segmentation on the images' own grid"
        )
    return nearest
