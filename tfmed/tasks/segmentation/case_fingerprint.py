"""`CaseFingerprint`: what the training part's cases look like, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfmed.data import case_facts
from tfmed.data.case_facts import CaseFacts
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError

MIXED = "a segmenter takes images or volumes; here are clips, or both together"


@dataclass(frozen=True)
class CaseFingerprint:
    """The training part in numbers that a plan follows from.

    Attributes:
        examples: with a mask.
        channels: 1 grey, 3 colour, as the files have them.
        bits: the most bits stored in any image.
        modality: the DICOM modality that all share, or `""`.
        units: the physical units that all share, or `""`.
        shapes: of each case the voxels along each axis, of the box around all that is not 0.
        spacings_mm: of each case; None where any case has none.
        without_spacing: cases that have none.
        relative_size: the median share of an image that is within that box.
        mean, std, median, minimum, maximum, low, high: of the foreground in modality units; `low`
            and `high` are the 0.5th and 99.5th percentile.
    """

    examples: int
    channels: int
    bits: int
    modality: str
    units: str
    shapes: tuple[tuple[int, ...], ...]
    spacings_mm: tuple[tuple[float, ...], ...] | None
    without_spacing: int
    relative_size: float
    mean: float
    std: float
    median: float
    minimum: float
    maximum: float
    low: float
    high: float

    @property
    def axes(self) -> int:
        """2 for images, 3 for volumes."""
        return len(self.shapes[0])


def case_fingerprint(train: Dataset, workers: int | None = None) -> CaseFingerprint:
    """Summarise every training case that has a mask, of what their audit has read.

    Args:
        train: the training part, audited with its masks.
        workers: processes, for files that have changed since; None for one a core, 0 for none.

    Raises:
        DataError: no case has a mask, one cannot be read, or images stand among volumes.
    """
    cases = train.where(train.answered)
    table = cases.table
    if table.empty:
        raise DataError("the training part has no masks: nothing to plan from")
    if "clip" in table and table["clip"].any():
        raise DataError(MIXED)
    found: list[CaseFacts] = []
    for path, one in zip(table["path"], case_facts.of(cases, workers), strict=True):
        if isinstance(one, str):
            raise DataError(f"{path}: {one}")
        found.append(one)
    ranks = {len(one.shape) for one in found}
    if len(ranks) > 1:
        raise DataError(MIXED)
    spacings = [one.spacing_mm for one in found if one.spacing_mm is not None]
    whole = len(spacings) == len(found)
    return CaseFingerprint(
        examples=len(found),
        channels=int(table["channels"].max()),
        bits=int(table["bits"].max()),
        modality=_shared(list(table["modality"])),
        units=_shared(list(table["units"])),
        shapes=tuple(one.shape for one in found),
        spacings_mm=tuple(spacings) if whole else None,
        without_spacing=len(found) - len(spacings),
        relative_size=float(np.median([one.relative_size for one in found])),
        **_of_foreground([one for one in found if one.spread]),
    )


def _of_foreground(cases: Sequence[CaseFacts]) -> dict[str, float]:
    """The values of all cases together, each of which counts the same."""
    if not cases:
        raise DataError("no training mask has foreground: every class but the first is empty")
    minima, maxima, means, stds = np.array([one.spread for one in cases]).T
    values = np.concatenate([one.foreground for one in cases])
    low, median, high = np.percentile(values, (0.5, 50.0, 99.5))
    return {
        "mean": float(means.mean()),
        "std": float(np.sqrt((stds**2).mean() + means.var())),
        "median": float(median),
        "minimum": float(minima.min()),
        "maximum": float(maxima.max()),
        "low": float(low),
        "high": float(high),
    }


def _shared(values: list[str]) -> str:
    """The one value that all have, or nothing."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""
