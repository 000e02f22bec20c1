"""A DICOM file's own display window (PS3.3 C.11.2.1.2); told on, never applied."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmed.io.dicom_geometry import functional_groups


def window(dataset: Any) -> tuple[float, float] | None:
    """The first window of a file as `(low, high)` in modality units, or None.

    Example: centre 40, width 400, LINEAR: -160 to 239.
    """
    for place in (dataset, *functional_groups(dataset, "FrameVOILUTSequence")[:1]):
        centre, width = _first(place, "WindowCenter"), _first(place, "WindowWidth")
        if centre is not None and width is not None:
            return _ends(centre, width, str(place.get("VOILUTFunction", "LINEAR")))
    return None


def _ends(centre: float, width: float, function: str) -> tuple[float, float] | None:
    """Where the display reaches black and white.

    LINEAR (the default) maps from `centre - 0.5 - (width - 1) / 2` to the same distance
    above, C.11.2.1.2.1; LINEAR_EXACT and, as its useful range, SIGMOID have no such halves.
    """
    if function.strip().upper() in ("LINEAR_EXACT", "SIGMOID"):
        low, high = centre - width / 2, centre + width / 2
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return (low, high) if low < high else None


def _first(dataset: Any, keyword: str) -> float | None:
    """The first number of an optional attribute; None where there is none that is finite."""
    try:
        value = dataset.get(keyword)
        if value is None:
            return None
        first = float(np.atleast_1d(np.asarray(value, dtype=np.float64))[0])
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError):
        return None
    return first if np.isfinite(first) else None
