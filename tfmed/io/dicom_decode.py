"""Which codec decodes which DICOM transfer syntax, to stored values; no units yet."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import jpeg_ls  # type: ignore[import-untyped]
import numpy as np
from pydicom.pixels import get_decoder

from tfmed.io import apart, codestream, jpeg
from tfmed.io.dicom_header import Header
from tfmed.io.dicom_parse import JPEG_BASELINE, Parsed, jpeg_as_it_is
from tfmed.io.gdcm_frame import JPEG_12_BIT, by_pydicom

_RLE = "1.2.840.10008.1.2.5"
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
# pydicom's names of the codecs, the first that is safe within this process and fast. Where two
# decode a file, their values are equal.
CODECS = {
    JPEG_BASELINE: "pillow",
    "1.2.840.10008.1.2.4.51": "pillow",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
    _RLE: "pylibjpeg",
}
# Lossless JPEG, which it alone decodes, and what the codecs above refuse.
BY_GDCM = tuple(f"1.2.840.10008.1.2.4.{kind}" for kind in (57, 70, 80, 81, 90, 91))


def stored_frames(parsed: Parsed, chosen: list[int]) -> np.ndarray:
    """Decode some of a file's frames, each alone.

    Args:
        parsed: the file.
        chosen: the frames' indices.

    Returns:
        `[len(chosen), H, W]` or `[len(chosen), H, W, 3]`; YBR is RGB, a palette is not applied.

    Raises:
        Exception: of many kinds; to be called inside `guard.reading`.
    """
    if not parsed.frames.encapsulated:
        return _uncompressed(parsed, chosen)
    header, settings = parsed.header, _settings(parsed, 1)
    decoded = []
    for index in chosen:
        stream = parsed.frames.read(parsed.file, [index])
        codestream.check(stream, header.rows, header.columns, parsed.samples)
        decoded.append(_decode(stream, parsed, settings))
    return np.stack(decoded) if len(decoded) > 1 else decoded[0][np.newaxis]


def _decode(stream: bytes, parsed: Parsed, settings: dict[str, Any]) -> np.ndarray:
    syntax = parsed.file.syntax
    if syntax in JPEG_12_BIT:
        if settings["bits_stored"] > 8:
            return apart.decode(stream, syntax, settings)
        # Processes of 8 bits differ in what the stream itself tells.
        syntax = JPEG_BASELINE
    if syntax == JPEG_BASELINE and jpeg_as_it_is(jpeg.parse(stream), parsed.header):
        return jpeg.decode_8_bit(stream)
    if syntax not in BY_GDCM:
        return _in_process(stream, syntax, parsed, settings)
    if syntax in CODECS:
        # GDCM may do better; if not, its failure is told.
        with suppress(Exception):
            return _in_process(stream, syntax, parsed, settings)
    return apart.decode(stream, syntax, settings)


def _in_process(stream: bytes, syntax: str, parsed: Parsed, settings: dict[str, Any]) -> np.ndarray:
    """By a codec that cannot end this process; the commonest without pydicom's copies around it."""
    header = parsed.header
    plain = parsed.samples == 1 and header.bits_allocated in (8, 16)
    data: Any = None
    if syntax == _RLE:
        pixels = header.rows * header.columns
        # Looked at in any case: pydicom passes over segments that are too long.
        planes = codestream.run_lengths(stream, pixels, parsed.samples, header.bits_allocated)
        data = _joined(planes) if plain else None
    elif syntax in _JPEG_LS and plain:
        coded, told = jpeg_ls.decode_pixel_data(stream)
        data = coded if told["bits_per_sample"] == header.bits_stored else None
    if data is None:
        return by_pydicom(stream, syntax, settings, CODECS.get(syntax, ""))
    kind = f"<{'i' if header.signed else 'u'}{header.bits_allocated // 8}"
    return _used_bits(np.frombuffer(data, kind).reshape(header.rows, header.columns), header)


def _joined(planes: list[bytes]) -> Any:
    """Samples of one or two bytes, of their planes."""
    if len(planes) == 1:
        return planes[0]
    high, low = (np.frombuffer(plane, np.uint8) for plane in planes)
    joined = np.left_shift(high, 8, dtype="<u2")
    joined |= low
    return joined.data


def _used_bits(stored: np.ndarray, header: Header) -> np.ndarray:
    if not header.unused_bits:
        return stored
    return stored << header.unused_bits >> header.unused_bits


def _uncompressed(parsed: Parsed, chosen: list[int]) -> np.ndarray:
    """Frames that lie in the file as they are; in pydicom's hands where that is not plain."""
    header, frames = parsed.header, parsed.frames
    whole = len(frames.pieces) != header.frames or len(chosen) == header.frames
    data = frames.read(parsed.file, range(len(frames.pieces)) if whole else chosen)
    count = header.frames if whole else len(chosen)
    shape = (count, header.rows, header.columns, parsed.samples)
    if header.native:
        kind = f"<{'i' if header.signed else 'u'}{header.bits_allocated // 8}"
        found = _used_bits(np.frombuffer(data, kind).reshape(shape), header)
    else:
        settings = _settings(parsed, count)
        decoder = get_decoder(parsed.file.syntax)
        found = decoder.as_array(data, validate=False, **settings)[0].reshape(shape)
    return found[chosen] if len(found) > len(chosen) else found


def _settings(parsed: Parsed, frames: int) -> dict[str, Any]:
    """The image pixel module by pydicom's names."""
    header = parsed.header
    settings: dict[str, Any] = {
        "rows": header.rows,
        "columns": header.columns,
        "samples_per_pixel": parsed.samples,
        "photometric_interpretation": header.photometric,
        "number_of_frames": frames,
        "bits_allocated": header.bits_allocated,
        "bits_stored": header.bits_stored,
        "pixel_representation": int(header.signed),
        "pixel_keyword": parsed.frames.keyword,
        "pixel_vr": parsed.file.pixels.vr.decode() or "OW",
    }
    if parsed.samples > 1:
        settings["planar_configuration"] = int(parsed.planar)
    return settings
