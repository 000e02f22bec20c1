"""Whether slices make an even volume, and what is wrong where they do not.

Source: DICOM PS3.3 C.7.6.2.1.1: a slice's place along the normal of its plane is what orders a
series; neither instance numbers nor slice locations need to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tfmed.io.dicom_geometry import Plane, Vector, dot

# Directions and spacings that differ by less are one (files round them to some decimals).
TURNED = 0.01
STRETCHED = 0.01
# Slices nearer than this lie at one place.
SAME_MM = 0.01
# How far a slice may lie from an even grid, as a share of the grid's step, but positions that
# are rounded to 0.1 mm are no fault in any case.
UNEVEN = 0.1
ROUNDED_MM = 0.06
# From which share of the usual step on a gap means that a slice is missing.
GAP = 1.5
# How far positions may leave the normal: a share of the way, but half a pixel in any case.
TILTED = 0.01
_SHOWN = 5


def order(planes: Sequence[Plane | None]) -> list[float] | None:
    """Places in mm along the normal of most slices, or None where one is not known."""
    known = [plane for plane in planes if plane is not None]
    if not known or len(known) < len(planes):
        return None
    normal = known[_turned(known)[1]].normal
    return [dot(plane.position, normal) for plane in known]


def fault(planes: Sequence[Plane | None], spacings_mm: Sequence[Vector | None]) -> str:
    """What keeps slices from being an even volume, in words; "" where nothing does.

    Slices without any position (radiographs, ultrasound, photographs) are no volume, which is
    no fault.

    Args:
        planes: of each slice.
        spacings_mm: `(row, column)` of each slice.

    Returns:
        What, how many and where: slice 1 is the first along the normal (or of `planes`, where
        the fault is that no such order is known).
    """
    known = [plane for plane in planes if plane is not None]
    if not known or len(planes) < 2:
        return ""
    lost = [number for number, plane in enumerate(planes, 1) if plane is None]
    if lost:
        return f"{_of(lost, planes)} no position or orientation ({_slices(lost)})"
    turned, _ = _turned(known)
    if turned:
        words = f"{_of(turned, planes)} another orientation than the rest ({_slices(turned)})"
        return f"{words}: a localizer among them, or two series in one?"
    places = order(known) or []
    row = sorted(range(len(known)), key=lambda index: places[index])
    pairs = [spacings_mm[index] for index in row]
    other = [number for number, pair in enumerate(pairs, 1) if not _alike(pair, pairs[0])]
    if other:
        return f"{_of(other, planes)} another pixel spacing than the first ({_slices(other)})"
    along = np.array([places[index] for index in row])
    return _repeated(along) or _gaps(along) or _tilt([known[index] for index in row], pairs[0])


def _turned(known: Sequence[Plane]) -> tuple[list[int], int]:
    """The numbers of slices in another orientation than most, and the index of one of most."""
    directions = np.array([plane.orientation for plane in known])
    best: np.ndarray | None = None
    first = 0
    left = np.ones(len(known), bool)
    while left.any() and (best is None or left.sum() > best.sum()):
        index = int(np.argmax(left))
        alike = np.abs(directions - directions[index]).max(axis=1) <= TURNED
        if best is None or alike.sum() > best.sum():
            best, first = alike, index
        left &= ~alike
    assert best is not None
    return [int(index) + 1 for index in np.flatnonzero(~best)], first


def _alike(one: Vector | None, other: Vector | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(abs(a - b) <= STRETCHED * b for a, b in zip(one, other, strict=True))


def _repeated(along: np.ndarray) -> str:
    """Slices that lie where another one does."""
    new = np.diff(along) > SAME_MM
    counts = np.bincount(np.concatenate([[0], np.cumsum(new)]))
    if counts.max() == 1:
        return ""
    if len(counts) == 1:
        return f"all {len(along)} slices lie at one position (moments, phases or echoes?)"
    if counts.min() == counts.max():
        return (
            f"{len(counts)} positions hold {counts[0]} slices each (phases or echoes?); a volume "
            "has one"
        )
    ends = np.cumsum(counts)
    where = [
        f"slices {end - count + 1} to {end} at {along[end - 1]:.4g} mm"
        for count, end in zip(counts, ends, strict=True)
        if count > 1
    ]
    return f"slices lie at one position: {_some(where)}"


def _gaps(along: np.ndarray) -> str:
    """Slices that are missing, or lie unevenly."""
    steps = np.diff(along)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    wide = np.flatnonzero(steps > GAP * usual)
    if len(wide):
        lost = int(np.rint(steps[wide] / usual - 1).sum())
        where = [f"slices {i + 1} and {i + 2} ({steps[i]:.4g} mm apart)" for i in wide]
        words = "slice is" if lost == 1 else "slices are"
        return f"{lost} {words} missing between {_some(where)}; the others are {usual:.4g} mm apart"
    number = np.arange(len(along))
    step, start = np.polyfit(number, along, 1)
    off = np.abs(along - start - step * number)
    if off.max() > max(UNEVEN * step, ROUNDED_MM):
        return (
            f"slices are unevenly spaced, {steps.min():.4g} to {steps.max():.4g} mm apart (slice "
            f"{int(off.argmax()) + 1} lies {off.max():.4g} mm off an even place)"
        )
    return ""


def _tilt(planes: Sequence[Plane], spacing_mm: Vector | None) -> str:
    """Positions that do not run along the normal."""
    normal = np.array(planes[0].normal)
    offsets = np.array([plane.position for plane in planes]) - planes[0].position
    aside = np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1)
    way = float(offsets[-1] @ normal)
    if aside.max() <= max(TILTED * way, min(spacing_mm or (0.0,)) / 2):
        return ""
    degrees = math.degrees(math.atan2(aside.max(), way))
    return (
        f"slices are tilted: their positions leave the normal by {aside.max():.4g} mm over "
        f"{way:.4g} mm, {degrees:.3g} degrees (a gantry tilt?)"
    )


def _of(numbers: Sequence[int], every: Sequence[object]) -> str:
    return f"{len(numbers)} of {len(every)} slices {'has' if len(numbers) == 1 else 'have'}"


def _slices(numbers: Sequence[int]) -> str:
    return f"slice{'s' * (len(numbers) > 1)} {_some([str(number) for number in numbers])}"


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more
