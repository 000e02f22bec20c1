"""A file's structure: what is damaged is refused in words, what is only odd is read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import makers
import numpy as np
import pydicom
import pytest

from tfmed.errors import ReadError
from tfmed.io import dicom

RLE, JPEG_LS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"
DEFLATED = "1.2.840.10008.1.2.1.99"
STORED = makers.noise((16, 12), high=4096, dtype="uint16")


def written(
    folder: Path, syntax: str = "1.2.840.10008.1.2.1", frames: int = 0
) -> tuple[Path, bytes]:
    pixels = makers.noise((frames, 16, 12), high=4096, dtype="uint16") if frames else STORED
    path = makers.dicom(folder / "a.dcm", pixels, makers.Slice(bits=12, syntax=syntax))
    return path, path.read_bytes()


def rows_at(data: bytes) -> int:
    """Where the element Rows begins."""
    return data.index(b"\x28\x00\x10\x00US")


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte lost in the header": (lambda d: d[: rows_at(d)] + d[rows_at(d) + 1 :], "damaged"),
    "a byte too many in the header": (
        lambda d: d[: rows_at(d)] + b"\1" + d[rows_at(d) :],
        "damaged",
    ),
    "no value representation": (
        lambda d: d[: rows_at(d) + 4] + b"\xff\xff" + d[rows_at(d) + 6 :],
        "no value representation of the standard",
    ),
    "another value representation": (
        lambda d: d[: rows_at(d) + 4] + b"SL" + d[rows_at(d) + 6 :],
        "the value representation of another one",
    ),
    "an element twice": (
        lambda d: d[: rows_at(d)] + 2 * d[rows_at(d) : rows_at(d) + 10] + d[rows_at(d) + 10 :],
        "not in order",
    ),
    "a tag out of order": (
        lambda d: d[: rows_at(d)] + b"\x20\x00\x13" + d[rows_at(d) + 3 :],
        "not in order|representation of another",
    ),
    "a length that is too long": (
        lambda d: d[: rows_at(d) + 6] + b"\xff\x7f" + d[rows_at(d) + 8 :],
        "damaged",
    ),
    "pixels moved on by bytes put in": (lambda d: d[:-100] + b"\1\2\3\4" + d[-100:], "damaged"),
    "pixels cut": (lambda d: d[:-3], "cut short"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_to_the_structure_is_refused(tmp_path: Path, name: str) -> None:
    path, data = written(tmp_path)
    damage, words = DAMAGE[name]
    path.write_bytes(damage(data))
    with pytest.raises(ReadError, match=words):
        dicom.read(path)


ODD: dict[str, Callable[[bytes], bytes]] = {
    "a wrong length of the meta information": lambda d: d[:140] + b"\x07\0\0\0" + d[144:],
    "zeros up to a full block": lambda d: d + bytes(-len(d) % 512),
    "trailing padding": lambda d: d + b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<I", 6) + b"abcdef",
    "an element that asks for nothing, out of order": lambda d: (
        d[: rows_at(d)] + b"\x09\0\x10\0LO\4\0abcd" + d[rows_at(d) :]
    ),
    "an element of odd length": lambda d: (
        d[: rows_at(d)] + b"\x28\0\x0b\0LO\3\0abc" + d[rows_at(d) :]
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_only_odd_is_read(tmp_path: Path, name: str) -> None:
    path, data = written(tmp_path)
    path.write_bytes(ODD[name](data))
    assert np.array_equal(dicom.read(path).pixels[..., 0], STORED)


def fragment(data: bytes) -> int:
    """Where the first fragment's item begins."""
    table = data.index(b"\xfe\xff\x00\xe0", data.index(b"\xe0\x7f\x10\x00"))
    return data.index(b"\xfe\xff\x00\xe0", table + 4)


TORN: dict[str, Callable[[bytes], bytes]] = {
    "the delimiter lost": lambda d: d[:-8],
    "the last bytes lost": lambda d: d[:-20],
    "a fragment's length wrong": lambda d: (
        d[: fragment(d) + 4] + struct.pack("<I", 20) + d[fragment(d) + 8 :]
    ),
    "a byte lost in a fragment": lambda d: d[: fragment(d) + 40] + d[fragment(d) + 41 :],
    "a frame lost": lambda d: d[: fragment(d)] + d[-8:],
}


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS])
@pytest.mark.parametrize("name", TORN)
def test_torn_frames_are_refused(tmp_path: Path, name: str, syntax: str) -> None:
    path, data = written(tmp_path, syntax)
    path.write_bytes(TORN[name](data))
    with pytest.raises(ReadError):
        dicom.read_header(path)


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS])
def test_rows_that_are_too_few_for_the_frame_are_refused(tmp_path: Path, syntax: str) -> None:
    path, data = written(tmp_path, syntax)
    place = rows_at(data) + 8
    path.write_bytes(data[:place] + b"\x08\0" + data[place + 2 :])
    with pytest.raises(ReadError, match="cannot be decoded"):
        dicom.read(path)


def test_a_frame_without_its_end_is_refused(tmp_path: Path) -> None:
    path, data = written(tmp_path, JPEG_LS)
    path.write_bytes(data.replace(b"\xff\xd9", b"\xff\x00"))
    with pytest.raises(ReadError, match="cannot be decoded"):
        dicom.read(path)


@pytest.mark.parametrize("table", [True, False])
def test_frames_in_several_fragments_are_joined(tmp_path: Path, table: bool) -> None:
    path, _ = written(tmp_path, JPEG_LS, frames=3)
    expected = dicom.read(path).pixels
    data = pydicom.dcmread(path)
    streams = list(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=3))
    data.PixelData = pydicom.encaps.encapsulate(streams, fragments_per_frame=2, has_bot=table)
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    assert np.array_equal(dicom.read(path).pixels, expected)
    assert np.array_equal(dicom.read(path, 1).pixels, expected[1])


def deflated(folder: Path) -> tuple[Path, bytes, bytes]:
    """A deflated file, its meta information and what is inflated of the rest."""
    path, data = written(folder, DEFLATED)
    start = 144 + struct.unpack("<I", data[140:144])[0]
    return path, data[:start], zlib.decompress(data[start:], -zlib.MAX_WBITS)


def raw(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def test_a_deflated_file_is_walked_like_any_other(tmp_path: Path) -> None:
    path, meta, inside = deflated(tmp_path)
    assert np.array_equal(dicom.read(path).pixels[..., 0], STORED)
    checksum = struct.pack("<II", zlib.crc32(inside), len(inside))
    path.write_bytes(meta + raw(inside) + checksum)
    assert np.array_equal(dicom.read(path).pixels[..., 0], STORED)
    for bad in (raw(inside)[:-9], raw(inside) + b"12345678", raw(inside[:-50])):
        path.write_bytes(meta + bad)
        with pytest.raises(ReadError):
            dicom.read(path)


def test_a_length_that_no_file_has_asks_for_no_memory(tmp_path: Path) -> None:
    path, data = written(tmp_path)
    start = rows_at(data)
    huge = b"\x23\x00\x10\x00OB\0\0" + struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data[:start] + huge + data[start:])
    with pytest.raises(ReadError, match="damaged"):
        dicom.read_header(path)
