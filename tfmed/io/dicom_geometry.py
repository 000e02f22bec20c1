"""Where a DICOM frame lies in space, from the plain attributes or the functional groups.

Positions are in millimetres in the patient's coordinates; the normal of a plane is the cross
product of its row and column directions (DICOM PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

UNEVEN_SHARE = 0.05
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def functional_groups(dataset: Any, macro: str) -> list[Any]:
    """The first item of a macro in the shared group, else in each frame's group, in order."""
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        found = list(_items(dataset.get(sequence), macro))
        if found:
            return found
    return []


def numbers(dataset: Any, keyword: str, count: int) -> np.ndarray | None:
    """The finite numbers of an optional attribute, None where they are not `count` or wrong."""
    try:
        value = dataset.get(keyword)
        if value is None:
            return None
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None
    return array if array.shape == (count,) and np.isfinite(array).all() else None


def spacing(dataset: Any, frames: int) -> tuple[float, ...] | None:
    """`(row, column)` in mm, `(slice, row, column)` for evenly lying frames, or None."""
    places = [dataset, *functional_groups(dataset, "PixelMeasuresSequence")[:1]]
    for place in places:
        for keyword in _SPACINGS:
            pair = numbers(place, keyword, 2)
            if pair is not None and (pair > 0).all():
                plane = (float(pair[0]), float(pair[1]))
                if frames == 1:
                    return plane
                step = even_step(_frame_positions(dataset, frames))
                return None if step is None else (step, *plane)
    return None


def position(dataset: Any) -> float | None:
    """Place of the file's first frame along its normal, or None."""
    plain = _along_normal(dataset, dataset)
    if plain is not None:
        return plain
    planes = functional_groups(dataset, "PlanePositionSequence")
    turns = functional_groups(dataset, "PlaneOrientationSequence")
    return _along_normal(planes[0], turns[0]) if planes and turns else None


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


def _items(groups: Any, macro: str) -> Iterator[Any]:
    for group in groups or ():
        items = group.get(macro)
        if items:
            yield items[0]


def _frame_positions(dataset: Any, frames: int) -> list[float | None]:
    planes = functional_groups(dataset, "PlanePositionSequence")
    turns = functional_groups(dataset, "PlaneOrientationSequence")
    if len(planes) == frames and turns:
        if len(turns) == 1:
            turns = turns * frames
        return [_along_normal(*pair) for pair in zip(planes, turns, strict=False)]
    offsets = numbers(dataset, "GridFrameOffsetVector", frames)
    if offsets is not None:
        return [float(offset) for offset in offsets]
    step = numbers(dataset, "SpacingBetweenSlices", 1)
    return [None] if step is None else [float(step[0]) * index for index in range(frames)]


def _along_normal(plane: Any, turn: Any) -> float | None:
    place = numbers(plane, "ImagePositionPatient", 3)
    turned = numbers(turn, "ImageOrientationPatient", 6)
    if place is None or turned is None:
        return None
    normal = np.cross(turned[:3], turned[3:])
    length = float(np.linalg.norm(normal))
    return float(place @ normal) / length if length > 0 else None
