"""Arrays of images inside npz files."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from tfmed.errors import ReadError
from tfmed.io.guard import reading

COLOURS = (1, 3)


def load(path: str | Path, member: str) -> np.ndarray:
    """An array as it is; kept while few others are asked for, and read-only.

    Raises:
        ReadError: the archive or the array cannot be read.
    """
    return _load(str(path), member, Path(path).stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _load(path: str, member: str, changed: int) -> np.ndarray:
    with (
        reading(path, f"array {member!r} cannot be read"),
        np.load(path, allow_pickle=False) as archive,
    ):
        array: np.ndarray = archive[member]
    array.setflags(write=False)
    return array


def images(path: str | Path, member: str) -> np.ndarray:
    """All images of one array, as `[N, H, W, C]`, or `[N, D, H, W, C]` for volumes.

    Raises:
        ReadError: the archive or the array cannot be read.
    """
    array = load(path, member)
    if array.ndim in (4, 5) and array.shape[-1] in COLOURS:
        return array
    if array.ndim in (3, 4):
        return array[..., np.newaxis]
    raise ReadError(path, f"{member} has shape {array.shape}; expected [N, H, W] or [N, H, W, 3]")
