"""Which frames of a clip are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfmed.errors import ReadError
from tfmed.io.guard import MAX_BYTES, check_size


def even_frames(count: int, sample: int) -> np.ndarray:
    """Indices of `sample` frames, evenly spaced from the first of `count` to the last.

    Returns:
        int64 `[sample]`, rising: `rint(linspace(0, count - 1, sample))`. A clip of fewer
        frames than are asked for repeats some; one frame asked for is the first.

    Example:
        >>> even_frames(10, 4).tolist()
        [0, 3, 6, 9]
        >>> even_frames(2, 4).tolist()
        [0, 0, 1, 1]
    """
    return np.rint(np.linspace(0, count - 1, sample)).astype(np.int64)


def chosen_frames(path: str | Path, count: int, frame: int, sample: int) -> np.ndarray:
    """Indices of the frames to read: one, an even sample, or all.

    Args:
        path: the file, for the error.
        count: frames of the file.
        frame: index of one frame, or -1.
        sample: how many, where `frame` is -1; 0 for all.

    Raises:
        ReadError: there is no such frame.
    """
    if not -1 <= frame < count:
        raise ReadError(path, f"frame {frame} was asked for, it has {count}")
    if frame >= 0:
        return np.array([frame])
    return even_frames(count, sample) if sample > 0 else np.arange(count)


def empty_clip(path: str | Path, count: int, height: int, width: int) -> np.ndarray:
    """Room for RGB frames, uint8 `[count, height, width, 3]`.

    Raises:
        ReadError: a side is not in 1 to 16384, or the whole takes more than 2 GiB.
    """
    check_size(path, height, width, 3, 1)
    if 3 * count * height * width > MAX_BYTES:
        raise ReadError(
            path,
            f"{count} frames of {height} x {width} pixels take more than 2 GiB; "
            "read fewer of them (sample)",
        )
    return np.empty((count, height, width, 3), np.uint8)
