"""The pixels of DICOM SEG files as one label map on the slices of their series.

Source: DICOM PS3.3 C.8.20.2 (segment numbers), C.7.6.16 (functional groups).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom

from tfmed.errors import DataError, GeometryError
from tfmed.io.dicom_geometry import Plane, pixel_spacing, planes
from tfmed.io.dicom_seg import APART_SHARE, LONGEST_LABEL, PARALLEL, frames, groups, segments
from tfmed.io.guard import reading

SPACING_SHARE = 1e-3  # that spacings may differ by
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
    files: Sequence[str],
    example: Mapping[str, Any],
    classes: Sequence[str],
    shape: Sequence[int],
    spacing_mm: Sequence[float] | None,
) -> np.ndarray:
    """Draw the segments of DICOM SEG files on the slices of an example.

    Frames lie where their plane is; where planes are not told, on the image that they name. A
    voxel of a fractional segment belongs to it from half of the largest value on.

    Args:
        files: of DICOM SEG.
        example: `path` and `files` of the images.
        classes: labels of the segments; the first stands for the background.
        shape: of the images, `(rows, columns)` or `(slices, rows, columns)`.
        spacing_mm: of the images, along the same axes, or None.

    Returns:
        uint8 of `shape`: the number of the class, the largest where segments overlap.

    Raises:
        ReadError: a file cannot be read.
        DataError: rows and columns are not those of the images.
        GeometryError: a frame has another spacing or orientation, or lies on none of the slices.
    """
    slices = _slices(example)
    labels = [name[:LONGEST_LABEL].strip() for name in classes]
    drawn = np.zeros((1,) * (3 - len(shape)) + tuple(shape), np.uint8)
    for path in files:
        data = _data(path, shape, spacing_mm)
        with reading(path, "the DICOM SEG cannot be decoded"):
            numbers = {
                int(one.SegmentNumber): labels.index(label)
                for one in segments(data)
                if (label := str(one.SegmentLabel).strip()) in labels[1:]
            }
            _draw(drawn, path, data, numbers, slices, spacing_mm)
    return drawn.reshape(tuple(shape))


def segment_map(
    path: str, example: Mapping[str, Any], shape: Sequence[int], spacing_mm: Sequence[float] | None
) -> tuple[np.ndarray, dict[int, str]]:
    """As `label_map` of one file, with the numbers of its segments, and their labels.

    Returns:
        uint16 of `shape`, and the label of each segment by its number.
    """
    drawn = np.zeros((1,) * (3 - len(shape)) + tuple(shape), np.uint16)
    slices, data = _slices(example), _data(path, shape, spacing_mm)
    with reading(path, "the DICOM SEG cannot be decoded"):
        names = {int(one.SegmentNumber): str(one.SegmentLabel).strip() for one in segments(data)}
        _draw(drawn, path, data, {one: one for one in names}, slices, spacing_mm)
    return drawn.reshape(tuple(shape)), names


def _draw(
    drawn: np.ndarray,
    path: str,
    data: Any,
    numbers: Mapping[int, int],
    slices: Slices,
    spacing_mm: Sequence[float] | None,
) -> None:
    """Draw a file's segments, numbered anew, into a label map."""
    count = int(data.get("NumberOfFrames") or 1)
    places = _places(path, data, count, slices, spacing_mm)
    for place, number, inside in frames(path, data, places, numbers):
        np.maximum(drawn[place], number * inside, out=drawn[place], casting="unsafe")


def _data(path: str, shape: Sequence[int], spacing_mm: Sequence[float] | None) -> Any:
    """A file's content, whose rows and columns are those of the images."""
    with reading(path, "the DICOM SEG cannot be read"):
        data = pydicom.dcmread(path)
    _check_grid(path, data, shape, spacing_mm)
    return data


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


def _check_grid(
    path: str, data: Any, shape: Sequence[int], spacing_mm: Sequence[float] | None
) -> None:
    size = (int(data.Rows), int(data.Columns))
    if size != tuple(shape[-2:]):
        raise DataError(f"{path}: its shape is {size}, its images' {tuple(shape[-2:])}")
    mine = pixel_spacing(data)
    if mine and spacing_mm and not np.allclose(mine, spacing_mm[-2:], rtol=SPACING_SHARE):
        raise GeometryError(
            f"{path}: its spacing is {mine[0]:.4g} {mine[1]:.4g} mm, its images' "
            f"{spacing_mm[-2]:.4g} {spacing_mm[-1]:.4g} mm"
        )


def _places(
    path: str, data: Any, count: int, slices: Slices, spacing_mm: Sequence[float] | None
) -> list[int]:
    """The slice of each frame."""
    mine = planes(data, count)
    if mine is not None and slices.planes is not None:
        return [_slice_at(path, plane, slices.planes, spacing_mm) for plane in mine]
    named = [_source(one) for one in groups(data, "DerivationImage")]
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


def _slice_at(
    path: str, plane: Plane, there: Sequence[Plane], spacing_mm: Sequence[float] | None
) -> int:
    """The number of the slice where a plane lies."""
    turned = np.abs(np.subtract(plane.orientation, there[0].orientation)).max()
    if turned > PARALLEL:
        raise GeometryError(
            f"{path}: its rows and columns run otherwise than those of its images; write the "
            "segmentation on the images' own grid"
        )
    away = np.linalg.norm(np.subtract([one.position for one in there], plane.position), axis=1)
    nearest = int(np.argmin(away))
    smallest = min(spacing_mm) if spacing_mm else 1.0
    if away[nearest] > APART_SHARE * smallest:
        raise GeometryError(
            f"{path}: a frame lies {away[nearest]:.2g} mm away from the nearest of its images; "
            "write the segmentation on the images' own grid"
        )
    return nearest
