"""NumPy's .npy files as images and volumes.

The rule of the axes: two are `[H, W]`. A last axis of at most four is channels, 1 or 3 (4 in
uint8 is RGBA, of which alpha is dropped); so three axes are `[H, W, C]` or else `[D, H, W]`, and
four axes are `[D, H, W, C]`. An array says nothing of units, spacing or time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io.guard import check_size, reading
from tfmed.io.numbers import plain_values

MOST_CHANNELS = 4
_RGB, _RGBA = 3, 4


def read(path: str | Path, frame: int = -1) -> Image:
    """Read a .npy file; the file is mapped, so that one slice of many reads no other.

    Args:
        path: the file.
        frame: index of a slice, or -1 for all.

    Returns:
        `[H, W, C]` or `[D, H, W, C]`: integers as stored (64 bits as 32 where they fit), reals
        as float32, booleans as 0 and 255.

    Raises:
        ReadError: damaged, cut short, of other axes or types (objects are never unpickled), or
            with values that are not finite.
    """
    path = Path(path)
    with reading(path, "the NPY header cannot be parsed"):
        shape, fortran, dtype, offset = _header(path)
        axes = _axes(path, shape, dtype)
        frames = axes[0]
        if not -1 <= frame < frames:
            raise ReadError(path, f"frame {frame} was asked for, it has {frames}")
        mapped = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C").reshape(axes)
        part = mapped[frame : frame + 1] if frame >= 0 else mapped
        pixels = plain_values(path, np.array(part[..., :_RGB], order="C"))
    return Image(
        pixels=pixels if len(pixels) > 1 else pixels[0],
        bits=8 * max(1, dtype.itemsize),
        frames=frames,
    )


def _header(path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether it is in Fortran's order, type and place of the values.

    Raises:
        ReadError: the file holds fewer or more values than its header promises.
    """
    with path.open("rb") as file:
        version = npy.read_magic(file)
        parse = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = parse(file)
        offset = file.tell()
    if dtype.hasobject or dtype.kind not in "biuf":
        raise ReadError(path, "its type is none of integers, reals and booleans")
    there = path.stat().st_size - offset
    expected = dtype.itemsize * int(np.prod(shape, dtype=object))
    if there != expected:
        raise ReadError(path, f"{there} bytes of values, its header says {expected}")
    return shape, fortran, dtype, offset


def _axes(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, int, int, int]:
    """`(D, H, W, C)` of an array's shape, by the rule of the module."""
    sizes, channels = list(shape), 1
    if len(shape) in (3, 4) and shape[-1] <= MOST_CHANNELS:
        channels = sizes.pop()
        if channels not in (1, _RGB) and not (channels == _RGBA and dtype == np.uint8):
            raise ReadError(path, f"{channels} channels of {dtype}; 1 or 3 can be read")
    if len(sizes) not in (2, 3):
        raise ReadError(
            path, f"shape {shape}; expected [H, W], [H, W, C], [D, H, W] or [D, H, W, C]"
        )
    depth, height, width = (1, *sizes)[-3:]
    check_size(path, height, width, depth * channels, dtype.itemsize)
    return depth, height, width, channels
