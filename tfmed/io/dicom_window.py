"""What a DICOM file says of its display: told on here, applied by `tfmed.io.display`.

Source: DICOM PS3.3 C.11.2.1.1 (VOI LUT), C.11.2.1.2 (window).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmed.image import VoiLut
from tfmed.io.dicom_geometry import functional_groups

LINEAR, LINEAR_EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"
# Of a VOI LUT: bits of a shade, and how many entries a count of 0 stands for.
_LEAST_BITS, _MOST_BITS = 8, 16
_MOST_ENTRIES = 2**16


def window(dataset: Any) -> tuple[float, float] | None:
    """The first window of a file as `(low, high)` in modality units, or None.

    Example: centre 40, width 400, LINEAR: -160 to 239.
    """
    for place in _places(dataset):
        centre, width = _first(place, "WindowCenter"), _first(place, "WindowWidth")
        if centre is not None and width is not None:
            return _ends(centre, width, function(dataset))
    return None


def function(dataset: Any) -> str:
    """How shades run within the window: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`."""
    for place in _places(dataset):
        named = str(place.get("VOILUTFunction") or "").strip().upper()
        if named in (LINEAR_EXACT, SIGMOID):
            return named
    return LINEAR


def _ends(centre: float, width: float, function: str) -> tuple[float, float] | None:
    """Where the display reaches black and white.

    LINEAR (the default) maps from `centre - 0.5 - (width - 1) / 2` to the same distance
    above, C.11.2.1.2.1; LINEAR_EXACT and, as its useful range, SIGMOID have no such halves.
    """
    if function in (LINEAR_EXACT, SIGMOID):
        low, high = centre - width / 2, centre + width / 2
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return (low, high) if low < high else None


def lut(dataset: Any) -> VoiLut | None:
    """The first VOI LUT of a file; None where there is none or it contradicts itself.

    Args:
        dataset: pydicom's.
    """
    try:
        item = dataset.VOILUTSequence[0]
        count, first, bits = (int(number) for number in item.LUTDescriptor)
        data = item.LUTData
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
    # Written as words, or as bytes of words in the file's byte order.
    order = "<" if dataset.original_encoding[1] else ">"
    if isinstance(data, bytes):
        data = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")
    entries = np.atleast_1d(np.asarray(data)).astype(np.uint16)
    if not _LEAST_BITS <= bits <= _MOST_BITS or len(entries) != (count or _MOST_ENTRIES):
        return None
    return VoiLut(first, entries, bits)


def turned(lut: VoiLut, total: float) -> VoiLut:
    """The table for pixels that were turned to `total - value`: dark and bright change places."""
    brightest = 2**lut.bits - 1
    entries = (brightest - np.minimum(lut.entries, brightest)[::-1]).astype(np.uint16)
    return VoiLut(round(total) - (lut.first + len(lut.entries) - 1), entries, lut.bits)


def _places(dataset: Any) -> list[Any]:
    return [dataset, *functional_groups(dataset, "FrameVOILUTSequence")[:1]]


def _first(dataset: Any, keyword: str) -> float | None:
    """The first number of an optional attribute; None where there is none that is finite."""
    try:
        value = dataset.get(keyword)
        if value is None:
            return None
        first = float(
            value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value
        )
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError):
        return None
    return first if math.isfinite(first) else None
