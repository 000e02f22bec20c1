"""One compressed frame by pydicom's plugins or by GDCM, whose death `tfmed.io.apart` survives."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from pydicom.pixels import get_decoder

from tfmed.io import gdcm_frame, jpeg

# Extended, spectral selection, full progression: with 12 bits only GDCM's own libjpeg does.
JPEG_12_BIT = tuple(f"1.2.840.10008.1.2.4.{process}" for process in (51, 53, 55))
_LOSSLESS_JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
# An empty table of frames, then the tag of the one frame.
_WRAPPING = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0"


def by_gdcm(stream: bytes, syntax: str, settings: dict[str, Any]) -> np.ndarray:
    """One frame as GDCM has it.

    Args:
        stream: the codec's bytes.
        syntax: the transfer syntax UID.
        settings: pydicom's names and values of the image pixel module.
    """
    grey = settings["samples_per_pixel"] == 1 and settings["bits_allocated"] in (8, 16)
    if syntax in _LOSSLESS_JPEG and grey:
        return gdcm_frame.decode(stream, syntax, settings)
    if syntax not in JPEG_12_BIT:
        return by_pydicom(stream, syntax, settings, "gdcm")
    values = jpeg.decode_12_bit(stream, syntax)
    return values.astype(np.int16) if settings["pixel_representation"] else values


def by_pydicom(stream: bytes, syntax: str, settings: dict[str, Any], codec: str) -> np.ndarray:
    """One frame as a plugin of pydicom has it, by its name there; "" is the first that can."""
    wrapped = b"".join((_WRAPPING, struct.pack("<I", len(stream)), stream))
    found, _ = get_decoder(syntax).as_array(
        wrapped, index=0, validate=False, decoding_plugin=codec, **settings
    )
    return found
