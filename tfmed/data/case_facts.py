"""What planning a segmenter needs to know of each case: its size, and its foreground's values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.data import auditing
from tfmed.data.dataset import Dataset
from tfmed.data.truth.known_truth import REASON
from tfmed.data.truth.mask_reading import BOX, BOX_SHARE, FOREGROUND, SPREAD

SPACINGS = ("slice_spacing_mm", "row_spacing_mm", "column_spacing_mm")
COLUMNS = ("reason", REASON, BOX, BOX_SHARE, SPREAD, *SPACINGS)


@dataclass(frozen=True, eq=False)
class CaseFacts:
    """One case in numbers.

    Attributes:
        shape: voxels along each axis, of the box around all voxels that are not 0.
        relative_size: that box's share of the image.
        spacing_mm: of a voxel, None where it is not known.
        foreground: float32, quantiles of the values in modality units that the voxels of all
            classes but the background have, all channels together, as many of each case; empty
            where there are none.
        spread: of the same values minimum, maximum, mean and standard deviation, or nothing.
    """

    shape: tuple[int, ...]
    relative_size: float
    spacing_mm: tuple[float, ...] | None
    foreground: np.ndarray
    spread: tuple[float, ...]


def of(dataset: Dataset, workers: int | None = None) -> list[CaseFacts | str]:
    """The facts of each case, or why there are none; what its audit has read is not read again.

    Args:
        dataset: audited, each example with a mask.
        workers: processes, for files that have changed since; None for one a core, 0 for none.
    """
    facts = auditing.read_facts(dataset, workers)
    rows = facts.select(COLUMNS).to_pylist()
    # Not as Python's numbers, of which there were a thousand a case.
    values = facts[FOREGROUND].to_pandas()
    return [_of_row(row, one) for row, one in zip(rows, values, strict=True)]


def _of_row(row: dict[str, Any], foreground: np.ndarray) -> CaseFacts | str:
    if reason := row["reason"] or row[REASON]:
        return str(reason)
    if row[BOX] is None:
        return "it is a clip; a segmenter takes images or volumes"
    shape = tuple(row[BOX])
    spacing = tuple(row[name] for name in SPACINGS[-len(shape) :])
    return CaseFacts(
        shape=shape,
        relative_size=row[BOX_SHARE],
        spacing_mm=None if any(math.isnan(length) for length in spacing) else spacing,
        foreground=foreground,
        spread=tuple(row[SPREAD]),
    )
