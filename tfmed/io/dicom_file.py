"""A DICOM file taken apart: its header's elements, and where its pixel data lies.

Source: DICOM PS3.10 chapter 7 (preamble, file meta information), PS3.5 annex A (transfer
syntaxes, encapsulation).
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tfmed.errors import ReadError
from tfmed.io.dicom_values import WANTED, Values
from tfmed.io.dicom_walk import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    Coding,
    Element,
    Head,
    element_at,
    walk,
)
from tfmed.io.formats import is_dicom
from tfmed.io.guard import MAX_BYTES

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
UNCOMPRESSED = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)
_TRANSFER_SYNTAX = 0x00020010


@dataclass(frozen=True)
class DicomFile:
    """A file's parts.

    Attributes:
        values: of the elements that tfmed asks for, no others.
        syntax: its transfer syntax UID; where the file does not name it, the one found.
        pixels: its pixel data element.
        coding: how its elements are written.
        file: where the pixel data can be read: the file itself, or what was inflated of it.
        path: for errors.
    """

    values: Values
    syntax: str
    pixels: Element
    coding: Coding
    file: BinaryIO
    path: str | Path

    @property
    def size(self) -> int:
        """Bytes in `file`."""
        return self.file.seek(0, io.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of `file`.

        Raises:
            ReadError: they are not all there.
        """
        self.file.seek(offset)
        data = self.file.read(length)
        if len(data) < length:
            raise ReadError(self.path, "it ends while it is read")
        return data


def take_apart(file: BinaryIO, path: str | Path) -> DicomFile:
    """Walk a file's header; to be called inside `guard.reading`.

    Raises:
        ReadError: it is not DICOM, holds no pixel data, or its structure is damaged.
    """
    head = Head(file, path)
    if not is_dicom(head.data):
        raise ReadError(path, "not a DICOM file")
    syntax, start = _meta(head, 132 if head.data[128:132] == b"DICM" else 0)
    if syntax == DEFLATED:
        file = io.BytesIO(_inflate(head.need(head.size)[start:], path))
        head, start = Head(file, path), 0
    coding = _coding(head, start, syntax)
    if syntax == EXPLICIT_BIG and coding is not BIG_ENDIAN:
        raise ReadError(path, "damaged DICOM: it is not big-endian as it says")
    found, pixels = walk(head, start, coding, WANTED)
    if pixels is None:
        raise ReadError(path, "it holds no image (no pixel data)")
    if not syntax:
        little = EXPLICIT_LITTLE if coding.explicit else IMPLICIT_LITTLE
        syntax = EXPLICIT_BIG if coding is BIG_ENDIAN else little
    return DicomFile(Values(head.data, found, coding), syntax, pixels, coding, file, path)


def _meta(head: Head, start: int) -> tuple[str, int]:
    """The transfer syntax that the file names, or "", and where its data set begins."""
    syntax = ""
    while head.data[start : start + 2] == b"\2\0":
        element = element_at(head, start, EXPLICIT)
        start = element.start + element.length
        data = head.need(start)
        if element.tag == _TRANSFER_SYNTAX:
            syntax = data[element.start : start].rstrip(b"\0 ").decode("ascii")
    return syntax, start


def _coding(head: Head, start: int, syntax: str) -> Coding:
    """How the data set is written, as its first element shows; some files name another way."""
    first = head.need(start + 8)[start : start + 8]
    if not (first[4:6].isalpha() and first[4:6].isupper()):
        return IMPLICIT
    # Groups are below 256 here, so that the byte that is 0 tells the order.
    return BIG_ENDIAN if syntax == EXPLICIT_BIG or (not syntax and not first[0]) else EXPLICIT


def _inflate(data: bytes, path: str | Path) -> bytes:
    """The data set of a deflated file (RFC 1951, without a checksum of its own)."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = stream.decompress(data, MAX_BYTES)
    rest = stream.unused_data
    if not stream.eof:
        raise ReadError(path, "damaged DICOM: its deflated data has no end")
    # Some writers append gzip's checksum and length.
    checked = struct.pack("<II", zlib.crc32(inflated), len(inflated) & 0xFFFFFFFF)
    if rest.rstrip(b"\0") and rest != checked:
        raise ReadError(path, "damaged DICOM: bytes follow its deflated data")
    return inflated
