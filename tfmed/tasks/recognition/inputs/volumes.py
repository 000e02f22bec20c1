"""Volumes: slices, rows and columns."""

from __future__ import annotations

from tfmed.tasks.recognition.inputs import Input, Size, shrunk

LONG_SIDE = 64


def _size(median: Size, accelerated: bool) -> tuple[Size, str]:
    return shrunk(median, LONG_SIDE, accelerated)


VOLUME = Input(
    what="volumes",
    axes="N, D, H, W, C",
    sampled=False,
    why_sampled="volumes: slices are resampled as the plane",
    in_files=False,
    size=_size,
)
