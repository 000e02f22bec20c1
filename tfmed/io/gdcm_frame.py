"""One frame by GDCM, or by another codec that pydicom knows.

GDCM's Python gives pixels as text, of which bytes are made again: a quarter of the time of a
lossless JPEG. Here they are copied from where GDCM keeps them.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import gdcm
import numpy as np
from pydicom.pixels import get_decoder

from tfmed.io import jpeg

# Extended, spectral selection, full progression: with 12 bits only GDCM's own libjpeg does.
JPEG_12_BIT = tuple(f"1.2.840.10008.1.2.4.{process}" for process in (51, 53, 55))
_LOSSLESS_JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
# An empty table of frames, then the tag of the one frame.
_WRAPPING = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0"
_PIXEL_DATA = (0x7FE0, 0x0010)


def by_gdcm(stream: bytes, syntax: str, settings: dict[str, Any]) -> np.ndarray:
    """One frame as GDCM has it; what the child process of `apart` calls.

    Args:
        stream: the codec's bytes.
        syntax: the transfer syntax UID.
        settings: pydicom's names and values of the image pixel module.
    """
    grey = settings["samples_per_pixel"] == 1 and settings["bits_allocated"] in (8, 16)
    if syntax in _LOSSLESS_JPEG and grey:
        return _grey(stream, syntax, settings)
    if syntax not in JPEG_12_BIT:
        return by_pydicom(stream, syntax, settings, "gdcm")
    values = jpeg.decode_12_bit(stream, syntax)
    return values.astype(np.int16) if settings["pixel_representation"] else values


def by_pydicom(stream: bytes, syntax: str, settings: dict[str, Any], codec: str) -> np.ndarray:
    """One frame as the codec of that name has it, through pydicom."""
    wrapped = b"".join((_WRAPPING, struct.pack("<I", len(stream)), stream))
    found, _ = get_decoder(syntax).as_array(
        wrapped, index=0, validate=False, decoding_plugin=codec, **settings
    )
    return found


def _grey(stream: bytes, syntax: str, settings: dict[str, Any]) -> np.ndarray:
    """The stored values of one frame.

    Args:
        stream: the codec's bytes.
        syntax: the transfer syntax UID.
        settings: pydicom's names and values of the image pixel module; one sample a pixel, of
            8 or 16 bits.

    Returns:
        uint8, int8, uint16 or int16 `[H, W]`.

    Raises:
        ValueError: GDCM refuses the data, or makes another number of bytes of it.
    """
    rows, columns = settings["rows"], settings["columns"]
    allocated, stored = settings["bits_allocated"], settings["bits_stored"]
    signed = settings["pixel_representation"]
    image = _image(stream, syntax, settings)
    image.SetPixelFormat(gdcm.PixelFormat(1, allocated, stored, stored - 1, signed))
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
    # From here on it counts who holds it, and is gone with the last.
    image.thisown = False
    change.SetInput(image)
    if not change.Change():
        raise ValueError("GDCM cannot decode it")
    # Each lives only as long as what it was got from.
    output = change.GetOutput()
    element = output.GetDataElement()
    value = element.GetByteValue()
    length = rows * columns * allocated // 8
    if value is None or int(str(element.GetVL())) != length:
        raise ValueError("GDCM decodes another number of bytes than the header says")
    data = ctypes.string_at(int(value.GetVoidPointer()), length)
    return np.frombuffer(data, f"<{'i' if signed else 'u'}{allocated // 8}").reshape(rows, columns)


def _image(stream: bytes, syntax: str, settings: dict[str, Any]) -> Any:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(*_PIXEL_DATA))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((settings["columns"], settings["rows"], 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(settings["photometric_interpretation"])
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    return image
