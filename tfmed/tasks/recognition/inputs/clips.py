"""Clips: frames in time, rows and columns."""

from __future__ import annotations

from tfmed.tasks.recognition.inputs import Input, Size

# Frames and side as in 3D ResNets for video (Tran et al., CVPR 2018), half of each without a GPU.
FRAMES_CPU, SIDE_CPU = 8, 56
FRAMES_GPU, SIDE_GPU = 16, 112


def _size(median: Size, accelerated: bool) -> tuple[Size, str]:
    """Frames and plane are brought down apart: time is no length."""
    frames, limit = (FRAMES_GPU, SIDE_GPU) if accelerated else (FRAMES_CPU, SIDE_CPU)
    share = min(1.0, limit / max(median[1:]))
    plane = tuple(max(1, round(side * share)) for side in median[1:])
    text = " x ".join(map(str, median))
    device = "a GPU" if accelerated else "a CPU"
    why = f"clips of {text} at the median: at most {frames} frames, sides to {limit}, for {device}"
    return (min(frames, median[0]), *plane), why


CLIP = Input(
    what="clips",
    axes="N, T, H, W, C",
    sampled=True,
    why_sampled="clips: frames evenly spaced in time, which blending would blur",
    in_files=False,
    size=_size,
)
