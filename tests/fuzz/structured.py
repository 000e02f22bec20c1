"""Damage that keeps a format's frame whole: fields of headers, chunks, compressed streams.

Each function takes the file and a generator, and gives the damaged file.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
from fuzz import fields

SYNTAXES = (
    *("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"),
    *("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"),
    *("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.3.4"),
)
NUMBERS = (0, 1, 2, 3, 7, 8, 12, 16, 32, 64, 255, 1000, 65535)
# What each attribute of the image pixel module, and what gives pixels their units, may become.
ATTRIBUTES: dict[str, tuple[Any, ...]] = {
    "Rows": NUMBERS,
    "Columns": NUMBERS,
    "BitsAllocated": NUMBERS,
    "BitsStored": NUMBERS,
    "HighBit": NUMBERS,
    "SamplesPerPixel": NUMBERS,
    "PixelRepresentation": (0, 1, 2),
    "PlanarConfiguration": (0, 1, 2),
    "NumberOfFrames": (0, 1, 2, 3, 100, 10**9, -1),
    "PhotometricInterpretation": ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "ARGB", ""),
    "RescaleSlope": (0, -1, 2, 1e30, "nan", ""),
    "RescaleIntercept": (-1024, 1e30, "inf", ""),
}

_PNG_START = b"\x89PNG\r\n\x1a\n"
Structured = Callable[[bytes, np.random.Generator], bytes]


def drop_element(data: bytes, generator: np.random.Generator) -> bytes:
    """A DICOM file without one of its elements."""
    dataset = _dicom(data)
    tags = [tag for tag in dataset.keys()]  # noqa: SIM118  (a Dataset yields elements)
    del dataset[tags[generator.integers(len(tags))]]
    return _saved(dataset)


def change_attribute(data: bytes, generator: np.random.Generator) -> bytes:
    """A DICOM file in which one attribute of its pixels says something else."""
    dataset = _dicom(data)
    keyword = list(ATTRIBUTES)[generator.integers(len(ATTRIBUTES))]
    choices = ATTRIBUTES[keyword]
    setattr(dataset, keyword, choices[generator.integers(len(choices))])
    return _saved(dataset)


def change_syntax(data: bytes, generator: np.random.Generator) -> bytes:
    """A DICOM file that names another transfer syntax than the one it is written in."""
    uid = SYNTAXES[generator.integers(len(SYNTAXES))].encode()
    uid += b"\0" * (len(uid) % 2)
    start = data.index(b"\x02\x00\x10\x00UI", 128)
    old = struct.unpack("<H", data[start + 6 : start + 8])[0]
    changed = bytearray(data)
    changed[start + 6 : start + 8 + old] = struct.pack("<H", len(uid)) + uid
    if data[132:136] == b"\x02\0\0\0":
        group = struct.unpack("<I", data[140:144])[0]
        changed[140:144] = struct.pack("<I", group + len(uid) - old)
    return bytes(changed)


def empty_pixels(data: bytes, _: np.random.Generator) -> bytes:
    """A DICOM file whose pixel data is there and empty."""
    dataset = _dicom(data)
    dataset.PixelData = b""
    dataset["PixelData"].is_undefined_length = False
    return _saved(dataset)


def drop_chunk(data: bytes, generator: np.random.Generator) -> bytes:
    """A PNG without one of its chunks."""
    chunks = _chunks(data)
    del chunks[generator.integers(len(chunks))]
    return _png(chunks)


def swap_chunks(data: bytes, generator: np.random.Generator) -> bytes:
    """A PNG in which two chunks changed places, or one stands twice."""
    chunks = _chunks(data)
    first, second = generator.integers(0, len(chunks), 2)
    if first == second:
        chunks.insert(first, chunks[first])
    chunks[first], chunks[second] = chunks[second], chunks[first]
    return _png(chunks)


def change_chunk(data: bytes, generator: np.random.Generator) -> bytes:
    """A PNG with a byte of a chunk changed, its checksum right."""
    chunks = _chunks(data)
    full = [i for i, (_, body) in enumerate(chunks) if body]
    chosen = full[generator.integers(len(full))]
    name, body = chunks[chosen]
    changed = bytearray(body)
    changed[generator.integers(len(body))] = int(generator.integers(256))
    chunks[chosen] = (name, bytes(changed))
    return _png(chunks)


def shorten_rows(data: bytes, generator: np.random.Generator) -> bytes:
    """A PNG whose compressed stream is whole and holds fewer bytes than the header asks for."""
    chunks = _chunks(data)
    rows = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    packed = zlib.compress(rows[: generator.integers(len(rows))])
    others = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    return _png([*others[:-1], (b"IDAT", packed), others[-1]])


def cut_inside(data: bytes, generator: np.random.Generator) -> bytes:
    """A gzip stream that is whole and holds a file cut short."""
    inside = gzip.decompress(data)
    return gzip.compress(inside[: generator.integers(len(inside))], mtime=0)


def cut_stream(data: bytes, generator: np.random.Generator) -> bytes:
    """A gzip stream without its last bytes: often its checksum alone."""
    return data[: -int(generator.integers(1, 16))]


STRUCTURED: dict[str, dict[str, Structured]] = {
    "dicom": {
        "drop element": drop_element,
        "change attribute": change_attribute,
        "change syntax": change_syntax,
        "empty pixels": empty_pixels,
    },
    "png": {
        "drop chunk": drop_chunk,
        "swap chunks": swap_chunks,
        "change chunk": change_chunk,
        "shorten rows": shorten_rows,
    },
    "nifti.gz": {
        "change field": fields.change,
        "cut inside": cut_inside,
        "cut stream": cut_stream,
    },
    **{name: {"change field": fields.change} for name in ("jpeg", "tiff", "bmp", "gif", "nifti")},
    "npy": {"change field": fields.change},
}
IN_PIXELS = ("empty pixels", "shorten rows", "cut stream")


def _dicom(data: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(data), force=True)


def _saved(dataset: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], len(_PNG_START)
    while position < len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        chunks.append((name, data[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def _png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    packed = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return _PNG_START + b"".join(packed)
