"""What a whole example is: an image, a volume or a clip; a row of `INPUTS` each.

A new kind of input is a file here and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tfmed.tables import lookup

INPUTS = {
    "image": "tfmed.tasks.recognition.inputs.images:IMAGE",
    "volume": "tfmed.tasks.recognition.inputs.volumes:VOLUME",
    "clip": "tfmed.tasks.recognition.inputs.clips:CLIP",
}

Size = tuple[int, ...]


@dataclass(frozen=True)
class Input:
    """One kind of input.

    Attributes:
        what: its plural, in words.
        axes: of a batch, in words.
        sampled: whether the first of three axes is time, of which frames are picked.
        why_sampled: the plan's reason for it.
        in_files: whether PNG and JPEG carry it.
        size: of the median size and whether a GPU is there, the network's size and the reason.
    """

    what: str
    axes: str
    sampled: bool
    why_sampled: str
    in_files: bool
    size: Callable[[Size, bool], tuple[Size, str]]


def input_of(axes: int, is_clip: bool) -> Input:
    """The kind of input.

    Args:
        axes: of an example, without channels: 2 or 3.
        is_clip: whether the first of three is time.
    """
    name = "clip" if is_clip else "image" if axes == 2 else "volume"
    found: Input = lookup(INPUTS, name, "input")
    return found


def shrunk(median: Size, limit: int, accelerated: bool) -> tuple[Size, str]:
    """The median size, its longest side brought to a limit, and the reason."""
    text = " x ".join(map(str, median))
    longest = max(median)
    if longest <= limit:
        return median, f"the median size {text}"
    size = tuple(max(1, round(side * limit / longest)) for side in median)
    device = "a GPU" if accelerated else "a CPU"
    return size, f"the median size {text}, its longest side brought to {limit} for {device}"
