"""NIfTI-1 and -2 to volumes in RAS+: plain, gzipped, or a pair of .hdr and .img.

zlib inflates a gzipped file straight into the array, and checks the CRC at its end; that is
1.4 times as fast as nibabel, with equal values. A file must hold as many bytes as its header
promises, no fewer and no more.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io.frames import chosen_frames
from tfmed.io.guard import MAX_BYTES, reading
from tfmed.io.inflate import MOST_INFLATED, inflated
from tfmed.io.nifti_header import GZIP, NiftiHeader, read_header
from tfmed.io.numbers import plain_values

__all__ = ["NiftiHeader", "read", "read_header"]

RGB = 3
CUT_SHORT = "it is cut short: it holds fewer voxels than its header promises"
TOO_LONG = "it holds more bytes than its header promises"


def read(path: str | Path, frame: int = -1, sample: int = 0) -> Image:
    """Read a NIfTI file, turned to the closest RAS+ axes as nibabel's `as_closest_canonical`.

    Slices rise to the head, rows to the front, columns to the right. Sform goes before qform;
    a file with neither keeps nibabel's rule (its first axis points left), and its `affine` is
    None. Lengths in metres and micrometres become mm. Alpha is dropped.

    Args:
        path: the file; the `.hdr` of a pair.
        frame: index of a volume along time, or of a slice where there is no time axis; -1 for
            all.
        sample: how many evenly spaced volumes along time to return; 0 for all.

    Returns:
        `[D, H, W, C]`, or `[H, W, C]` of a single slice. With a time axis a clip: `[T, H, W, C]`
        of a single slice, else `[T, D, H, W, C]`. Values are scaled; integers where slope and
        intercept are whole, else float32.

    Raises:
        ReadError: damaged, cut short, too long, of values that are not finite, complex, or of
            more than 2 GiB.
    """
    path = Path(path)
    header = read_header(path)
    timed = header.times > 1
    count = header.times if timed else header.size[0]
    times = chosen_frames(path, count, frame, sample)
    if not timed:
        times = np.zeros(1, np.int64)
    with reading(path, "the NIfTI voxels cannot be read"):
        stored = _stored(path, header, times)
        pixels = _scaled(path, _oriented(stored, header), header)
    affine = header.affine
    spacing: tuple[float, ...] | None = header.spacing_mm
    if header.size[0] == 1:
        pixels, spacing = pixels[:, 0], spacing and spacing[1:]
    elif not timed and frame >= 0:
        pixels, spacing = pixels[:, frame], spacing and spacing[1:]
        affine = affine if affine is None else _from_slice(affine, frame)
    clip = timed and frame < 0
    return Image(
        pixels=np.ascontiguousarray(pixels if clip else pixels[0]),
        bits=8 * header.dtype.itemsize,
        spacing_mm=spacing,
        clip=clip,
        frame_rate_hz=header.frame_rate_hz if clip else None,
        frames=count,
        affine=affine,
    )


def _from_slice(affine: np.ndarray, number: int) -> np.ndarray:
    """The affine of an image that begins at a later slice."""
    moved = affine.copy()
    moved[:, 3] += number * affine[:, 0]
    return moved


def _stored(path: Path, header: NiftiHeader, times: np.ndarray) -> np.ndarray:
    """The stored values of some volumes, `[T, k, j, i, samples]`, in the file's byte order."""
    total = header.volume_bytes * header.times
    wanted, places = np.unique(times, return_inverse=True)
    if header.volume_bytes * len(times) > MAX_BYTES:
        raise ReadError(
            path, f"{len(times)} volumes of {header.volume_bytes} bytes; up to 2 GiB can be read"
        )
    buffer = np.empty((len(wanted), header.volume_bytes), np.uint8)
    with header.data_path.open("rb") as file:
        there = os.fstat(file.fileno()).st_size
        packed = file.read(len(GZIP)) == GZIP
        if header.offset + total > there * (MOST_INFLATED if packed else 1):
            raise ReadError(path, CUT_SHORT)
        file.seek(0)
        if packed:
            there = _inflate(file, header, wanted, buffer)
        else:
            for slot, time in enumerate(wanted):
                file.seek(header.offset + int(time) * header.volume_bytes)
                file.readinto(buffer[slot].data)
    if there != header.offset + total:
        raise ReadError(path, CUT_SHORT if there < header.offset + total else TOO_LONG)
    values = buffer.view(header.dtype).reshape(-1, *header.shape[2::-1], header.samples)
    return values if len(times) == len(wanted) else values[places]


def _inflate(file: BinaryIO, header: NiftiHeader, wanted: np.ndarray, buffer: np.ndarray) -> int:
    """Fill `buffer` with the wanted volumes of a gzip stream, and tell the stream's length."""
    size, start = header.volume_bytes, 0
    for piece in inflated(file):
        end = start + len(piece)
        first, last = (start - header.offset) // size, (end - 1 - header.offset) // size
        for slot in range(*np.searchsorted(wanted, (first, last + 1))):
            place = header.offset + int(wanted[slot]) * size
            low, high = max(start, place), min(end, place + size)
            buffer[slot, low - place : high - place] = np.frombuffer(piece, np.uint8)[
                low - start : high - start
            ]
        start = end
    return start


def _oriented(stored: np.ndarray, header: NiftiHeader) -> np.ndarray:
    """`[T, slice, row, column, samples]` of `[T, k, j, i, samples]`, a view."""
    turned = stored.transpose(0, *(axis + 1 for axis in header.order), 4)
    return np.flip(turned, tuple(axis + 1 for axis in header.flips))[..., :RGB]


def _scaled(path: Path, stored: np.ndarray, header: NiftiHeader) -> np.ndarray:
    """Values with slope and intercept: computed in float64, kept whole where they are whole."""
    if (header.slope, header.intercept) == (1.0, 0.0):
        return plain_values(path, stored)
    kind = _type(header)
    values = np.empty(stored.shape, kind)
    with np.errstate(over="ignore", invalid="ignore"):
        for place in np.ndindex(stored.shape[:2]):
            values[place] = stored[place] * np.float64(header.slope) + header.intercept
    return plain_values(path, values)


def _type(header: NiftiHeader) -> np.dtype[Any]:
    """The smallest type that holds all that a header's type and scaling can say."""
    scaling = (header.slope, header.intercept)
    if header.dtype.kind in "iu" and all(number.is_integer() for number in scaling):
        ends = (np.iinfo(header.dtype).min, np.iinfo(header.dtype).max)
        reach = [int(end) * int(header.slope) + int(header.intercept) for end in ends]
        for kind in (np.uint8, np.int16, np.uint16, np.int32):
            if np.iinfo(kind).min <= min(reach) and max(reach) <= np.iinfo(kind).max:
                return np.dtype(kind)
    return np.dtype(np.float32)
