"""Whether a DICOM file's frames follow each other in time, and how fast.

Source: DICOM PS3.3 C.7.6.5 (cine), C.7.6.6 (multi-frame: the frame increment pointer).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmed.io.dicom_geometry import numbers

# Frame Time and Frame Time Vector, as the frame increment pointer names them.
_TIME_TAGS = (0x00181063, 0x00181065)
_TIMED = ("FrameTime", "FrameTimeVector", "CineRate", "RecommendedDisplayFrameRate")
# Their frames are moments where nothing tells otherwise: ultrasound, angiography, fluoroscopy,
# endoscopy, microscopy and photography on video.
_FILMED = ("US", "XA", "RF", "IVUS", "ES", "XC", "GM", "OP")


def is_clip(dataset: Any, frames: int, *, placed: bool) -> bool:
    """Whether frames are moments rather than slices.

    Args:
        dataset: the header.
        frames: how many there are.
        placed: whether they are known to lie at different places.
    """
    if frames < 2:
        return False
    pointer = dataset.get("FrameIncrementPointer")
    if pointer:
        several = isinstance(pointer, Sequence) and not isinstance(pointer, str)
        tags = pointer if several else [pointer]
        return any(tag in _TIME_TAGS for tag in tags)
    if placed:
        return False
    timed = any(dataset.get(keyword) for keyword in _TIMED)
    return timed or str(dataset.get("Modality", "")).strip().upper() in _FILMED


def frame_rate_hz(dataset: Any, frames: int) -> float | None:
    """Frames a second, the mean where they come unevenly; None where it is not told."""
    time_ms = numbers(dataset, "FrameTime", 1)
    if time_ms is None:
        # The first entry belongs to no pair of frames and is 0.
        vector = numbers(dataset, "FrameTimeVector", frames)
        if vector is not None and frames > 1:
            time_ms = (sum(vector[1:]) / (frames - 1),)
    if time_ms is not None and time_ms[0] > 0:
        return 1000.0 / time_ms[0]
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = numbers(dataset, keyword, 1)
        if rate is not None and rate[0] > 0:
            return rate[0]
    return None
