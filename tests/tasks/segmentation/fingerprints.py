"""Fingerprints by hand, and plans that follow from them."""

from __future__ import annotations

from typing import Any

from tfmed.tasks.segmentation.budget import Budget
from tfmed.tasks.segmentation.case_fingerprint import CaseFingerprint
from tfmed.tasks.segmentation.network_fit import Fitted
from tfmed.tasks.segmentation.nnunet_rules import planned
from tfmed.tasks.segmentation.plan import SegmentationPlan

GPU = Fitted(8.0, None)


def cpu(minutes: float, limited: bool = False) -> Fitted:
    """Two cores for so many minutes."""
    return Fitted(8.0, Budget(60 * minutes, 2, limited))


def seen(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...] | None = None,
    cases: int = 100,
    **other: Any,
) -> CaseFingerprint:
    """So many cases of one shape and spacing, 16 bits deep and without units."""
    values: dict[str, Any] = {
        "examples": cases,
        "channels": 1,
        "bits": 16,
        "modality": "",
        "units": "",
        "shapes": (shape,) * cases,
        "spacings_mm": None if spacing_mm is None else (spacing_mm,) * cases,
        "without_spacing": cases if spacing_mm is None else 0,
        "relative_size": 1.0,
        "mean": 100.0,
        "std": 20.0,
        "median": 100.0,
        "minimum": 0.0,
        "maximum": 200.0,
        "low": 10.0,
        "high": 190.0,
    }
    return CaseFingerprint(**{**values, **other})


def plan(
    of: CaseFingerprint,
    machine: Fitted = GPU,
    classes: tuple[str, ...] = ("background", "organ"),
    model: str = "auto",
    size: tuple[int, ...] | None = None,
    **given: Any,
) -> SegmentationPlan:
    """What is planned of it."""
    return planned(of, classes, machine, model=model, size=size, given=given)
