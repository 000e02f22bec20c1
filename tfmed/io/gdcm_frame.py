"""One grey frame by GDCM, its values taken from memory.

GDCM's Python gives pixels as text, of which bytes are made again: a quarter of the time of a
lossless JPEG. Here they are copied from where GDCM keeps them.
"""

from __future__ import annotations

import ctypes
from typing import Any

import gdcm
import numpy as np

_PIXEL_DATA = (0x7FE0, 0x0010)


def decode(stream: bytes, syntax: str, settings: dict[str, Any]) -> np.ndarray:
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
