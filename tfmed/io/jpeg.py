"""JPEG: what its markers tell, and the 12-bit kinds that only GDCM decodes.

Source: ITU-T T.81 annex B (markers); CIPA DC-008 (EXIF orientation); Adobe technical note 5116
(the APP14 marker).
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as PillowImage

_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_ORIENTATION_TAG = 0x0112
# Shorter ones libjpeg does not take for the marker.
_JFIF_BYTES, _ADOBE_BYTES = 14, 12


@dataclass(frozen=True)
class JpegHeader:
    """What stands before a JPEG's first scan.

    Attributes:
        process: the frame marker's second byte: 0xC0 baseline, 0xC1 extended, 0xC2
            progressive, 0xC3 lossless, 0xF7 JPEG-LS.
        bits: bits a sample.
        height: rows.
        width: columns.
        components: 1 grey, 3 colour, 4 CMYK.
        component_ids: what the components call themselves.
        jfif: whether it says that it is JFIF, whose colours are YCbCr.
        adobe_transform: what Adobe's marker says of the colours, 0 for none and 1 for YCbCr;
            None without the marker.
        orientation: EXIF orientation, 1 (upright) to 8.
    """

    process: int
    bits: int
    height: int
    width: int
    components: int
    component_ids: bytes = b""
    jfif: bool = False
    adobe_transform: int | None = None
    orientation: int = 1

    @property
    def transformed(self) -> bool:
        """Whether libjpeg, and with it Pillow and TensorFlow, take three colours for YCbCr."""
        if self.jfif or self.adobe_transform is not None:
            return self.jfif or self.adobe_transform != 0
        return self.component_ids != b"RGB"


def parse(data: bytes) -> JpegHeader:
    """Read the markers of `data`, the start of a JPEG stream, up to the frame header.

    Raises:
        ValueError: there is no frame header in `data`.
    """
    position = 2
    told: dict[str, Any] = {}
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _NO_LENGTH:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if marker in _FRAMES and len(body) >= 6:
            bits, height, width, components = struct.unpack(">BHHB", body[:6])
            return JpegHeader(marker, bits, height, width, components, body[6::3], **told)
        _application(marker, body, told)
        position += 2 + length
    raise ValueError("no JPEG frame header")


def decode_8_bit(frame: bytes) -> np.ndarray:
    """Decode a JPEG of 8 bits by libjpeg, as TensorFlow does it.

    Args:
        frame: one JPEG stream, baseline, extended or progressive.

    Returns:
        uint8 `[H, W]`, or `[H, W, 3]` RGB.

    Raises:
        Exception: what Pillow raises for damaged data.
    """
    with PillowImage.open(io.BytesIO(frame), formats=("JPEG",)) as image:
        return np.asarray(image)


def decode_12_bit(frame: bytes, transfer_syntax: str) -> np.ndarray:
    """Decode a grey JPEG of 9 to 12 bits: extended, spectral selection or full progression.

    pydicom's plugins refuse these. GDCM carries libjpeg built for 12 bits; its values are
    those of libjpeg-turbo's own 12-bit build on every such file of the WG04 set.

    Args:
        frame: one JPEG stream.
        transfer_syntax: the DICOM UID of its process.

    Returns:
        uint16 `[H, W]`.

    Raises:
        ValueError: the stream is none of these, or is damaged.
    """
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    header = parse(frame)
    if not (8 < header.bits <= 12 and header.components == 1):
        raise ValueError("not a grey JPEG of 9 to 12 bits")
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    kind = gdcm.TransferSyntax.GetTSType(transfer_syntax)
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((header.width, header.height, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(kind))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, header.bits, header.bits - 1, 0))
    text = image.GetBuffer()
    if text is None:
        raise ValueError("damaged JPEG stream")
    # GDCM hands its bytes over as text with lone surrogates.
    values = np.frombuffer(text.encode("utf-8", "surrogateescape"), dtype="<u2")
    return values.reshape(header.height, header.width)


def _application(marker: int, body: bytes, told: dict[str, Any]) -> None:
    """Note what an application's marker says of the colours and of the way up."""
    if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
        told["jfif"] = True
    elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
        told["adobe_transform"] = body[_ADOBE_BYTES - 1]
    elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
        told["orientation"] = _orientation(body[6:])
    elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/"):
        # Pillow, which turns the pixels, looks here too.
        named = re.search(rb"tiff:Orientation(?:=\"|>)([1-8])", body)
        if told.get("orientation", 1) == 1:
            told["orientation"] = int(named[1]) if named else 1


def _orientation(tiff: bytes) -> int:
    """The orientation in an EXIF block; 1 where there is none or the block is damaged."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    start = struct.unpack(f"{order}I", tiff[4:8])[0]
    count = tiff[start : start + 2]
    entries = struct.unpack(f"{order}H", count)[0] if len(count) == 2 else 0
    for index in range(entries):
        entry = tiff[start + 2 + 12 * index : start + 14 + 12 * index]
        if len(entry) < 12:
            break
        tag, _, _, value = struct.unpack(f"{order}HHIH", entry[:10])
        if tag == _ORIENTATION_TAG:
            return value if 1 <= value <= 8 else 1
    return 1
