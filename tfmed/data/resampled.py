"""A case read and brought to the network's spacing, as a worker process does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfmed.data import case_reading
from tfmed.data.resampling import resample_case
from tfmed.errors import TfmedError

# Positions that are kept of a class in a case: enough to centre patches on, whatever its size.
POSITIONS = 1000


class WantedCase(NamedTuple):
    """A case to be read.

    Attributes:
        example: row of a data set's table.
        facts_masks: `facts["masks"]` of the data set.
        spacing_mm: target, as `resample_case` takes it.
        classes: how many there are, the background included.
        keep_zeros: see `resample_case`.
    """

    example: Mapping[str, Any]
    facts_masks: Mapping[str, Any] | None
    spacing_mm: tuple[float, ...] | None
    classes: int
    keep_zeros: bool = False


@dataclass(frozen=True, eq=False)
class Resampled:
    """A case at the network's spacing.

    Attributes:
        pixels: `[D, H, W, C]` or `[H, W, C]`, modality units.
        mask: uint8 `[D, H, W]` or `[H, W]`, or None.
        positions: of each class but the background int32 `[n]`, at most `POSITIONS` of its
            voxels, as numbers in the flat mask.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    positions: list[np.ndarray]


def read(wanted: WantedCase) -> Resampled | TfmedError:
    """Read a case and resample it, or tell the error why that cannot be done."""
    try:
        case = case_reading.read(wanted.example, wanted.facts_masks)
        target, own = wanted.spacing_mm, case.spacing_mm
        pixels = resample_case(case.pixels, own, target, keep_zeros=wanted.keep_zeros)
        if case.mask is None:
            return Resampled(pixels, None, [])
        mask = resample_case(case.mask, own, target, kind="mask")
        return Resampled(pixels, mask, foreground(mask, wanted.classes))
    except TfmedError as error:
        return error


def foreground(mask: np.ndarray, classes: int) -> list[np.ndarray]:
    """Some voxels of each class but the background, drawn at random but always the same.

    Args:
        mask: uint8, any shape.
        classes: how many there are, the background included.
    """
    flat = mask.reshape(-1)
    there = np.flatnonzero(flat)
    labels = flat[there]
    draw = np.random.default_rng(0)
    found = []
    for label in range(1, classes):
        voxels = there[labels == label]
        if len(voxels) > POSITIONS:
            voxels = np.sort(voxels[draw.choice(len(voxels), POSITIONS, replace=False)])
        found.append(voxels.astype(np.int32))
    return found
