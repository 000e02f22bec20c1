"""From stored values to modality units: slope, intercept and what the result is measured in.

Source: DICOM PS3.3 C.11.1 (modality LUT), C.7.6.16.2.9 (pixel value transformation), C.8.9.1
(PET units).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfmed.errors import ReadError
from tfmed.io.dicom_geometry import functional_groups

TRANSFORMATION = "PixelValueTransformationSequence"
_PET_UNITS = {"BQML": "BQML", "GML": "SUV"}


def rescale(dataset: Any, frames: int) -> list[tuple[float, float]]:
    """Slope and intercept: of the file (one pair), or one pair a frame where they differ.

    Raises:
        ValueError: one of the two is missing or no number.
        TypeError: likewise.
    """
    if "RescaleSlope" in dataset or "RescaleIntercept" in dataset:
        return [_pair(dataset)]
    pairs = [_pair(item) for item in functional_groups(dataset, TRANSFORMATION)]
    if not pairs:
        return [(1.0, 0.0)]
    if len(set(pairs)) == 1:
        return pairs[:1]
    if len(pairs) != frames:
        raise ValueError("frames without slope and intercept")
    return pairs


def _pair(place: Any) -> tuple[float, float]:
    return float(place.get("RescaleSlope")), float(place.get("RescaleIntercept"))


def checked_rescale(dataset: Any, frames: int, path: str | Path) -> list[tuple[float, float]]:
    """`rescale`, refused where slope or intercept is missing, not finite or the slope is 0.

    Raises:
        ReadError: the pairs are damaged.
    """
    if dataset.get("ModalityLUTSequence"):
        return [(1.0, 0.0)]
    try:
        pairs = rescale(dataset, frames)
    except (ValueError, AttributeError, TypeError):
        raise ReadError(path, "rescale slope or intercept is missing or no number") from None
    if not np.isfinite(pairs).all() or any(slope == 0 for slope, _ in pairs):
        raise ReadError(path, "the rescale slope is 0 or not finite")
    return pairs


def units(dataset: Any) -> str:
    """`"HU"`, `"BQML"`, `"SUV"`, or `""` where numbers are shades of grey.

    HU is a Rescale Type of HU, or a CT with an intercept that names no type; a CT whose type
    is US (unspecified) is taken at its word. PET: Units (0054,1001).
    """
    modality = text(dataset, "Modality").upper()
    if modality == "PT":
        return _PET_UNITS.get(text(dataset, "Units").upper(), "")
    places = [dataset, *functional_groups(dataset, TRANSFORMATION)[:1]]
    for place in places:
        kind = text(place, "RescaleType").upper()
        if kind or "RescaleIntercept" in place:
            return "HU" if kind == "HU" or (modality == "CT" and not kind) else ""
    return ""


def text(dataset: Any, keyword: str) -> str:
    """An attribute as stripped text, `""` where it is missing or empty."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()
