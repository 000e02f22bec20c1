"""What planning a segmenter needs to know of one case: its size, and its foreground's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.data import case_reading
from tfmed.errors import TfmedError

SEED = 1234

Item = tuple[Mapping[str, Any], Mapping[str, Any], int]


@dataclass(frozen=True, eq=False)
class CaseFacts:
    """One case in numbers.

    Attributes:
        shape: voxels along each axis, of the box around all voxels that are not 0.
        relative_size: that box's share of the image.
        spacing_mm: of a voxel, None where it is not known.
        units: what the values mean, as `"HU"`, or `""`.
        modality: of DICOM, or what the source says, or `""`.
        foreground: float32, values in modality units drawn from the voxels of all classes but
            the background, all channels together; empty where there are none.
    """

    shape: tuple[int, ...]
    relative_size: float
    spacing_mm: tuple[float, ...] | None
    units: str
    modality: str
    foreground: np.ndarray


def measure(item: Item) -> CaseFacts | str:
    """Read one case with its mask, and tell its facts, or the reason why it cannot be read.

    Args:
        item: a row of a data set's table, `facts["masks"]`, and how many values to draw; with
            replacement, so that each case counts the same.
    """
    example, about, samples = item
    try:
        case = case_reading.read(example, about)
    except TfmedError as error:
        return getattr(error, "reason", str(error))
    shape = _box((case.pixels != 0).any(axis=-1))
    values = case.pixels[case.mask > 0].ravel() if case.mask is not None else np.empty(0)
    if values.size:
        values = np.random.default_rng(SEED).choice(values, samples)
    return CaseFacts(
        shape=shape,
        relative_size=float(np.prod(shape) / np.prod(case.pixels.shape[:-1])),
        spacing_mm=case.spacing_mm,
        units=case.units,
        modality=case.modality,
        foreground=values.astype(np.float32),
    )


def _box(inside: np.ndarray) -> tuple[int, ...]:
    """Sides of the box around all that is True; holes in it change nothing. Whole if none is."""
    sides = []
    for axis, whole in enumerate(inside.shape):
        others = tuple(other for other in range(inside.ndim) if other != axis)
        found = np.flatnonzero(inside.any(axis=others))
        sides.append(int(found[-1] - found[0] + 1) if len(found) else whole)
    return tuple(sides)
