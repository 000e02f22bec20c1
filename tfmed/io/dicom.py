"""DICOM images to pixels in modality units: every transfer syntax that a codec here decodes.

Source: DICOM PS3.3 C.11.1 (modality LUT, slope and intercept), C.7.6.3.1.2 (photometric
interpretation); PS3.5 annex A (transfer syntaxes).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import UID

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io import dicom_header
from tfmed.io.dicom_decode import stored_values
from tfmed.io.dicom_header import Header, inversion_sum, read_header
from tfmed.io.dicom_rescale import rescale
from tfmed.io.guard import reading

__all__ = ["Header", "inversion_sum", "load", "read", "read_header"]


def read(path: str | Path, frame: int = -1) -> Image:
    """Read a DICOM file, or one frame of it.

    Slope and intercept, or the modality LUT, are applied; a display window is only told.
    MONOCHROME1 is turned, to `inversion_sum(header) - value`, unless its units are physical.
    YBR and palette become RGB.

    Args:
        path: the file.
        frame: index of a frame, or -1 for all.

    Returns:
        `[H, W, C]`, or `[D, H, W, C]` for all of several frames. Integers where slope and
        intercept are whole (the smallest type that holds the stored range: int16, uint16,
        int32), else float32.

    Raises:
        ReadError: no DICOM, no pixel data, damaged, a codec that is not here, no such frame.
    """
    return load(path, frame)[0]


def load(path: str | Path, frame: int = -1) -> tuple[Image, Header]:
    """`read`, with the header beside the image."""
    with reading(path, "the DICOM header cannot be parsed"), Path(path).open("rb") as file:
        header = dicom_header.parse(file, path)
        if not -1 <= frame < header.frames:
            raise ReadError(path, f"frame {frame} was asked for, it has {header.frames}")
        with reading(path, f"the pixel data ({header.syntax_name}) cannot be decoded"):
            pixels, bits = _modality_pixels(file, header, path, frame)
    _check(path, header, pixels, frame)
    if header.frames == 1 or frame >= 0:
        pixels = pixels[0]
    spacing = header.spacing_mm
    image = Image(
        pixels=pixels,
        units=header.units,
        bits=bits,
        spacing_mm=spacing[-2:] if spacing and pixels.ndim == 3 else spacing,
        modality=header.modality,
        window=header.window,
    )
    return image, header


def _modality_pixels(
    file: BinaryIO, header: Header, path: str | Path, frame: int
) -> tuple[np.ndarray, int]:
    """Pixels `[D, H, W, C]` in modality units, and the bits that hold information."""
    if header.native:
        stored = _native_frames(file, header, frame)
        return _finish(stored[..., np.newaxis], header, [(header.slope, header.intercept)])
    file.seek(0)
    dataset = pydicom.dcmread(file, force=True)
    dataset.file_meta.TransferSyntaxUID = UID(header.transfer_syntax)
    stored = stored_values(dataset, header, path, frame)
    bits = header.bits_stored
    if header.photometric == dicom_header.PALETTE:
        stored = apply_color_lut(stored, dataset)
        bits = stored.dtype.itemsize * 8
        return stored.reshape(-1, header.rows, header.columns, 3), bits
    if header.lut_bits:
        stored, bits = apply_modality_lut(stored, dataset), header.lut_bits
    stored = stored.reshape(-1, header.rows, header.columns, header.channels)
    pairs = [(1.0, 0.0)] if header.lut_bits else rescale(dataset, header.frames)
    if len(pairs) > 1 and frame >= 0:
        pairs = pairs[frame : frame + 1]
    return _finish(stored, header, pairs)[0], bits


def _native_frames(file: BinaryIO, header: Header, frame: int) -> np.ndarray:
    """Stored values `[D, H, W]` straight from the file: what the graph's `decode_raw` does."""
    item = header.bits_allocated // 8
    frames = header.frames if frame < 0 else 1
    count = frames * header.rows * header.columns
    file.seek(header.pixel_offset + max(frame, 0) * item * header.rows * header.columns)
    stored = np.frombuffer(file.read(count * item), f"<{'i' if header.signed else 'u'}{item}")
    if header.unused_bits:
        stored = stored << header.unused_bits >> header.unused_bits
    return stored.reshape(frames, header.rows, header.columns)


def _finish(
    stored: np.ndarray, header: Header, pairs: list[tuple[float, float]]
) -> tuple[np.ndarray, int]:
    """Slope, intercept and inversion, in whole numbers where they are whole."""
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if not header.inverted and pairs == [(1.0, 0.0)]:
        kept = stored.astype(np.float32) if stored.dtype == np.float64 else stored
        return kept, header.bits_stored
    # Only frames with one slope are ever inverted, see `Header.same_rescale`.
    total = inversion_sum(header) if header.inverted else 0.0
    kind = _type(stored, pairs, total, header)
    work: np.dtype[Any] = np.dtype(np.float64 if kind.kind == "f" else np.int64)
    if kind.kind != "f" and kind.itemsize < 4:
        work = np.dtype(np.int32)
    slopes, intercepts = (
        np.array(part, dtype=work).reshape(-1, 1, 1, 1) for part in zip(*pairs, strict=True)
    )
    values = stored.astype(work)
    values *= slopes
    values += intercepts
    if header.inverted:
        np.subtract(np.array(total, dtype=work), values, out=values)
    return values.astype(kind), header.bits_stored


def _type(
    stored: np.ndarray, pairs: list[tuple[float, float]], total: float, header: Header
) -> np.dtype:
    """The smallest type that holds all that the stored bits can say: one type a header."""
    numbers = [number for pair in pairs for number in pair] + [total]
    if stored.dtype.kind == "f" or not all(number.is_integer() for number in numbers):
        return np.dtype(np.float32)
    half = 2 ** (header.bits_stored - 1)
    ends = [-half, half - 1] if header.signed else [0, 2 * half - 1]
    # A lossy codec may overshoot what the header promises.
    ends += [int(stored.min()), int(stored.max())]
    reach = [end * int(slope) + int(intercept) for end in ends for slope, intercept in pairs]
    # Inversion swaps the ends of the range among themselves; what overshoots, it mirrors.
    reach += [int(total) - value for value in reach] if header.inverted else []
    for kind in (np.uint8, np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= min(reach) and max(reach) <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32)


def _check(path: str | Path, header: Header, pixels: np.ndarray, frame: int) -> None:
    frames = header.frames if frame < 0 else 1
    expected = (frames, header.rows, header.columns, header.channels)
    if pixels.shape != expected:
        raise ReadError(path, f"decoded to shape {pixels.shape}, its header says {expected}")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ReadError(path, "it holds values that are not finite")
