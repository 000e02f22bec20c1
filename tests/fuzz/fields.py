"""One number of a file's header set to another, above all to sizes that memory does not hold."""

from __future__ import annotations

import gzip
import re
import struct

import numpy as np

NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 24, 32, 64, 255, 512, 1000, 4096, 16000, 0x7FFF, 0x8000, 0xFFFF)
WIDE_NUMBERS = (*NUMBERS, 100_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
FLOATS = (0.0, -1.0, 0.5, 1e-30, 3e38, float("nan"), float("inf"))

Field = tuple[int, str]

# Place and type of the NIfTI-1 fields (nifti1.h) that say what the values are.
_NIFTI: tuple[Field, ...] = (
    *((40 + 2 * axis, "<H") for axis in range(8)),  # dim
    *((place, "<H") for place in (70, 72, 252, 254)),  # datatype, bitpix, qform, sform
    *((place, "<f") for place in (76, 80, 84, 88, 108, 112, 116)),  # pixdim, vox_offset, scl
    *((280 + 4 * number, "<f") for number in range(12)),  # srow
)
# Where pixels begin, the header's length, width, height, planes, bits, compression, colours.
_BMP: tuple[Field, ...] = (
    *((place, "<I") for place in (10, 14, 18, 22, 30, 46)),
    *((place, "<H") for place in (26, 28)),
)


def change(data: bytes, generator: np.random.Generator) -> bytes:
    """A JPEG, TIFF, BMP, GIF, NIfTI-1 (packed or not) or NPY file with one field changed."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.compress(change(gzip.decompress(data), generator), mtime=0)
    if data.startswith(b"\x93NUMPY"):
        return _change_npy(data, generator)
    fields = _fields(data)
    place, kind = fields[generator.integers(len(fields))]
    choices = {"f": FLOATS, "I": WIDE_NUMBERS, "H": NUMBERS, "B": NUMBERS[:12]}[kind[-1]]
    changed = bytearray(data)
    struct.pack_into(kind, changed, place, choices[generator.integers(len(choices))])
    return bytes(changed)


def _fields(data: bytes) -> tuple[Field, ...]:
    if data.startswith(b"\xff\xd8"):
        frame = next(re.finditer(rb"\xff[\xc0-\xc2]\0", data)).start()
        # Bits, height, width, components (T.81 B.2.2).
        return ((frame + 4, "B"), (frame + 5, ">H"), (frame + 7, ">H"), (frame + 9, "B"))
    if data.startswith(b"II*\0"):
        return _tiff_fields(data)
    if data.startswith(b"BM"):
        return _BMP
    if data.startswith(b"GIF"):
        frame = data.index(b"\x2c", 13)
        # The screen's width and height, and those of the first frame with its place.
        return tuple((place, "<H") for place in (6, 8, *range(frame + 1, frame + 9, 2)))
    return _NIFTI


def _tiff_fields(data: bytes) -> tuple[Field, ...]:
    """Type, count and value of each entry of the first directory (TIFF 6.0, section 2)."""
    start = struct.unpack_from("<I", data, 4)[0]
    entries = [start + 2 + 12 * i for i in range(struct.unpack_from("<H", data, start)[0])]
    parts = ((2, "<H"), (4, "<I"), (8, "<I"))
    return tuple((entry + place, kind) for entry in entries for place, kind in parts)


def _change_npy(data: bytes, generator: np.random.Generator) -> bytes:
    """A number in the header's text: of the shape or of the type, of equal length in all."""
    end = 10 + int.from_bytes(data[8:10], "little")
    text = data[10:end]
    found = list(re.finditer(rb"\d+", text))
    match = found[generator.integers(len(found))]
    number = str(WIDE_NUMBERS[generator.integers(len(WIDE_NUMBERS))]).encode()
    changed = text[: match.start()] + number + text[match.end() :]
    return data[:10] + changed.rstrip().ljust(len(text) - 1)[: len(text) - 1] + b"\n" + data[end:]
