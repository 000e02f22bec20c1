"""Images: two axes."""

from __future__ import annotations

from tfmed.tasks.recognition.inputs import Input, Size, shrunk

LONG_SIDE_CPU, LONG_SIDE_GPU = 128, 224


def _size(median: Size, accelerated: bool) -> tuple[Size, str]:
    return shrunk(median, LONG_SIDE_GPU if accelerated else LONG_SIDE_CPU, accelerated)


IMAGE = Input(
    what="images",
    axes="N, H, W, C",
    sampled=False,
    why_sampled="images",
    in_files=True,
    size=_size,
)
