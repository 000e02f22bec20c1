"""Where a DICOM file's frames lie in space, from the plain attributes or the functional groups.

Positions are in millimetres in the patient's coordinates, which run to the left, the back and the
head (LPS); the normal of a plane is the cross product of its row and column directions.

Source: DICOM PS3.3 C.7.6.2.1.1 (image plane), C.7.6.16.2.3 and .4 (plane position, orientation),
C.8.8.3.2 (grid frame offsets).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

UNEVEN_SHARE = 0.05
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_LEAST_NORMAL = 1e-3

Vector = tuple[float, ...]


class Plane(NamedTuple):
    """A frame's place.

    Attributes:
        position: centre of the first pixel, `(x, y, z)` in mm, LPS.
        orientation: the direction in which columns follow each other along a row, then that
            in which rows follow each other; unit vectors of three numbers each.
    """

    position: Vector
    orientation: Vector

    @property
    def normal(self) -> Vector:
        """The unit vector across the plane."""
        return cross(self.orientation[:3], self.orientation[3:])

    @property
    def along(self) -> float:
        """How far along its normal the plane lies, in mm."""
        return dot(self.position, self.normal)

    def moved(self, distance_mm: float) -> Plane:
        """The plane at a distance along the normal."""
        steps = zip(self.position, self.normal, strict=True)
        return Plane(tuple(place + distance_mm * part for place, part in steps), self.orientation)


def dot(one: Vector, other: Vector) -> float:
    """The scalar product."""
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def cross(one: Vector, other: Vector) -> Vector:
    """The vector product."""
    return (
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    )


def functional_groups(dataset: Any, macro: str) -> list[Any]:
    """The first item of a macro in the shared group, else in each frame's group, in order."""
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        found = list(_items(dataset.get(sequence), macro))
        if found:
            return found
    return []


def numbers(dataset: Any, keyword: str, count: int) -> Vector | None:
    """The finite numbers of an optional attribute, None where they are not `count` or wrong."""
    try:
        value = dataset.get(keyword)
        if value is None:
            return None
        several = isinstance(value, Sequence) and not isinstance(value, str)
        found = tuple(float(number) for number in (value if several else (value,)))
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def pixel_spacing(dataset: Any) -> tuple[float, float] | None:
    """`(row, column)` in mm, or None."""
    for place in (dataset, *functional_groups(dataset, "PixelMeasuresSequence")[:1]):
        for keyword in _SPACINGS:
            pair = numbers(place, keyword, 2)
            if pair is not None and min(pair) > 0:
                return pair[0], pair[1]
    return None


def planes(dataset: Any, frames: int) -> list[Plane] | None:
    """The plane of each frame, or None where they are not told."""
    plain = _plane(dataset, dataset)
    if frames == 1 and plain is not None:
        return [plain]
    places = functional_groups(dataset, "PlanePositionSequence")
    turns = functional_groups(dataset, "PlaneOrientationSequence")
    if len(places) == frames and len(turns) in (1, frames):
        turns = turns * frames if len(turns) == 1 else turns
        found = [_plane(*pair) for pair in zip(places, turns, strict=True)]
        known = [plane for plane in found if plane is not None]
        return known if len(known) == frames else None
    offsets = _offsets(dataset, frames)
    if plain is None or offsets is None:
        return None
    return [plain.moved(offset - offsets[0]) for offset in offsets]


def step_mm(dataset: Any, frames: int, found: list[Plane] | None) -> float | None:
    """Distance between neighbouring frames that lie evenly in space, or None."""
    if found is None:
        return even_step(_offsets(dataset, frames) or [None])
    return even_step([plane.along for plane in found])


def even_step(positions: Sequence[float | None]) -> float | None:
    """The distance between neighbours, or None where it is unknown, zero or uneven.

    Example:
        >>> even_step([0.0, 2.5, 5.0])
        2.5
        >>> even_step([0.0, 2.5, 7.5]) is None
        True
    """
    known = [place for place in positions if place is not None]
    if len(known) < 2 or len(known) != len(positions):
        return None
    steps = np.diff(known)
    middle = float(np.median(steps))
    if middle == 0 or np.abs(steps - middle).max() > UNEVEN_SHARE * abs(middle):
        return None
    return abs(middle)


def affine(found: Sequence[Plane], spacing_mm: tuple[float, float]) -> np.ndarray:
    """The way from an index to the patient, for planes that lie evenly.

    Args:
        found: one plane, whose slice axis is its normal, 1 mm long; or all of a volume's.
        spacing_mm: `(row, column)`.

    Returns:
        float64 `[4, 4]`: takes `(slice, row, column, 1)` to mm in RAS+, the coordinates of
        NIfTI, whose x and y run against DICOM's.
    """
    first, last = found[0], found[-1]
    step = np.array(first.normal)
    if len(found) > 1:
        step = (np.array(last.position) - np.array(first.position)) / (len(found) - 1)
    matrix = np.eye(4)
    matrix[:3, 0] = step
    matrix[:3, 1] = np.array(first.orientation[3:]) * spacing_mm[0]
    matrix[:3, 2] = np.array(first.orientation[:3]) * spacing_mm[1]
    matrix[:3, 3] = first.position
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix


def _items(groups: Any, macro: str) -> Iterator[Any]:
    for group in groups or ():
        items = group.get(macro)
        if items:
            yield items[0]


def _offsets(dataset: Any, frames: int) -> Vector | None:
    """Where frames lie along the normal, counted from any place."""
    offsets = numbers(dataset, "GridFrameOffsetVector", frames)
    step = numbers(dataset, "SpacingBetweenSlices", 1)
    if offsets is None and step is not None:
        return tuple(step[0] * index for index in range(frames))
    return offsets


def _plane(place: Any, turn: Any) -> Plane | None:
    position = numbers(place, "ImagePositionPatient", 3)
    orientation = numbers(turn, "ImageOrientationPatient", 6)
    if position is None or orientation is None:
        return None
    row, column = _unit(orientation[:3]), _unit(orientation[3:])
    if row is None or column is None or _unit(cross(row, column)) is None:
        return None
    return Plane(position, row + column)


def _unit(vector: Vector) -> Vector | None:
    length = math.sqrt(dot(vector, vector))
    return None if length < _LEAST_NORMAL else tuple(part / length for part in vector)
