"""Where a DICOM file's pixel data element lies, and whether all of it is there.

Source: DICOM PS3.5 7.1 (data elements), 8.1.1 and A.4 (native and encapsulated pixel data).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tfmed.errors import ReadError

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_VALUE_REPRESENTATIONS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
_UNDEFINED = 0xFFFFFFFF
_TAGS = {0x0010: "PixelData", 0x0009: "DoubleFloatPixelData", 0x0008: "FloatPixelData"}


@dataclass(frozen=True)
class PixelElement:
    """The pixel data element of a file.

    Attributes:
        keyword: `"PixelData"`, `"FloatPixelData"` or `"DoubleFloatPixelData"`.
        offset: byte of the file where its value starts.
        length: bytes of the value, or None where they are not known: encapsulated.
        available: bytes from `offset` to the end of the file.
    """

    keyword: str
    offset: int
    length: int | None
    available: int

    def check(self, file: BinaryIO, path: str | Path, expected: int) -> None:
        """Compare the bytes of uncompressed data with what the header asks for.

        A header whose rows or frames are damaged asks for less than there is, which decodes
        without a word; zeros behind the last pixel are padding and harmless.

        Raises:
            ReadError: bytes are missing, or there are more, and these are not zero.
        """
        if self.length is None:
            return
        if self.length > self.available or self.length < expected:
            there = min(self.length, self.available)
            raise ReadError(path, f"pixel data is cut short: {there} of {expected} bytes")
        excess = self.length - expected
        if excess > 1:
            file.seek(self.offset + expected)
            if excess > expected or any(file.read(excess)):
                raise ReadError(
                    path,
                    f"{self.length} bytes of pixel data where the header describes {expected}",
                )


def pixel_element(file: BinaryIO, path: str | Path, syntax: str) -> PixelElement | None:
    """Read the element header at the file's position, where the parser stopped.

    Args:
        file: open, standing before the pixel data element.
        path: the file, for errors.
        syntax: the transfer syntax UID.

    Returns:
        The element, or None where the file ends without one. For the deflated syntax, whose
        offsets are those of the inflated data, an element of unknown place and length.

    Raises:
        ReadError: the data is encapsulated and the transfer syntax is not, or the reverse.
    """
    if syntax == DEFLATED:
        return PixelElement("PixelData", -1, None, 0)
    order = ">" if syntax == EXPLICIT_BIG else "<"
    head = file.read(12)
    if len(head) < 12:
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    if group != 0x7FE0 or element not in _TAGS:
        return None
    # Some writers leave the VR out of explicit files; pydicom reads these too.
    if syntax != IMPLICIT_LITTLE and head[4:6] in _VALUE_REPRESENTATIONS:
        length, offset = struct.unpack(f"{order}I", head[8:12])[0], file.tell()
    else:
        length, offset = struct.unpack(f"{order}I", head[4:8])[0], file.tell() - 4
    native = syntax in (IMPLICIT_LITTLE, "1.2.840.10008.1.2.1", EXPLICIT_BIG)
    if native != (length != _UNDEFINED):
        raise ReadError(path, "pixel data is not packed as its transfer syntax says")
    available = os.fstat(file.fileno()).st_size - offset
    return PixelElement(_TAGS[element], offset, length if native else None, available)
