"""DICOM images to pixels in modality units: every transfer syntax that a codec here decodes.

Source: DICOM PS3.3 C.11.1 (modality LUT, slope and intercept), C.7.6.3.1.2 (photometric
interpretation); PS3.5 annex A (transfer syntaxes).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.pixels import apply_color_lut, apply_modality_lut

from tfmed.errors import ReadError
from tfmed.image import Image, VoiLut
from tfmed.io import dicom_geometry, dicom_window
from tfmed.io.dicom_decode import stored_frames
from tfmed.io.dicom_header import Header, inversion_sum
from tfmed.io.dicom_parse import PALETTE, Parsed, parse, read_header
from tfmed.io.frames import even_frames
from tfmed.io.guard import reading

_INT32 = 2**31

__all__ = ["Header", "inversion_sum", "load", "read", "read_header"]


def read(path: str | Path, frame: int = -1, sample: int = 0) -> Image:
    """Read a DICOM file, or some of its frames.

    Slope and intercept, or the modality LUT, are applied; a display window is only told.
    MONOCHROME1 is turned, to `inversion_sum(header) - value`, unless its units are physical.
    YBR and palette become RGB.

    Args:
        path: the file.
        frame: index of a frame, or -1 for all.
        sample: of a clip, how many evenly spaced frames to decode, 0 for all; of what is no
            clip it is ignored.

    Returns:
        `[H, W, C]`, or `[D, H, W, C]` for several frames. Integers where slope and
        intercept are whole (the smallest type that holds the stored range: int16, uint16,
        int32), else float32.

    Raises:
        ReadError: no DICOM, no pixel data, damaged, a codec that is not here, no such frame.
    """
    return load(path, frame, sample)[0]


def load(path: str | Path, frame: int = -1, sample: int = 0) -> tuple[Image, Header]:
    """`read`, with the header beside the image."""
    with reading(path, "the DICOM header cannot be parsed"), Path(path).open("rb") as file:
        parsed = parse(file, path)
        header = parsed.header
        if not -1 <= frame < header.frames:
            raise ReadError(path, f"frame {frame} was asked for, it has {header.frames}")
        chosen = _chosen(header, frame, sample)
        with reading(path, f"the pixel data ({header.syntax_name}) cannot be decoded"):
            pixels, bits = _modality_pixels(parsed, chosen)
        _check(path, header, pixels, len(chosen))
        image = Image(
            pixels=pixels if len(chosen) > 1 or (header.clip and frame < 0) else pixels[0],
            units=header.units,
            bits=bits,
            spacing_mm=header.spacing_mm and header.spacing_mm[-2 if frame >= 0 else -3 :],
            modality=header.modality,
            window=header.window,
            clip=header.clip and frame < 0,
            frame_rate_hz=header.frame_rate_hz if frame < 0 else None,
            frames=header.frames,
            affine=_affine(parsed, frame),
            voi_function=header.voi_function,
            voi_lut=_voi_lut(parsed),
        )
    return image, header


def _chosen(header: Header, frame: int, sample: int) -> list[int]:
    if frame >= 0:
        return [frame]
    if sample > 0 and header.clip:
        return even_frames(header.frames, sample).tolist()
    return list(range(header.frames))


def _affine(parsed: Parsed, frame: int) -> np.ndarray | None:
    header, planes = parsed.header, parsed.planes
    volume = header.frames > 1 and frame < 0
    if planes is None or header.spacing_mm is None or (volume and len(header.spacing_mm) < 3):
        return None
    row, column = header.spacing_mm[-2:]
    return dicom_geometry.affine(planes if volume else planes[max(frame, 0) :][:1], (row, column))


def _voi_lut(parsed: Parsed) -> VoiLut | None:
    values = parsed.file.values
    lut = dicom_window.lut(values.dataset) if "VOILUTSequence" in values else None
    return (
        dicom_window.turned(lut, inversion_sum(parsed.header))
        if lut and parsed.header.inverted
        else lut
    )


def _modality_pixels(parsed: Parsed, chosen: list[int]) -> tuple[np.ndarray, int]:
    """Pixels `[F, H, W, C]` in modality units, and the bits that hold information."""
    header = parsed.header
    different = sorted(set(chosen))
    stored = stored_frames(parsed, different)
    if len(different) < len(chosen):
        stored = stored[np.searchsorted(different, chosen)]
    bits = header.bits_stored
    shape = (len(chosen), header.rows, header.columns, header.channels)
    if header.photometric == PALETTE:
        stored = apply_color_lut(stored.reshape(shape[:3]), parsed.file.values.dataset)
        return stored.reshape(shape), stored.dtype.itemsize * 8
    if header.lut_bits:
        stored, bits = apply_modality_lut(stored, parsed.file.values.dataset), header.lut_bits
    pairs = parsed.pairs
    if len(pairs) > 1:
        pairs = [pairs[index] for index in chosen]
    return _finish(stored.reshape(shape), header, pairs), bits


def _finish(stored: np.ndarray, header: Header, pairs: list[tuple[float, float]]) -> np.ndarray:
    """Slope, intercept and inversion, in whole numbers where they are whole."""
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if not header.inverted and pairs == [(1.0, 0.0)]:
        return stored.astype(np.float32) if stored.dtype == np.float64 else stored
    # Only frames with one slope are ever inverted, see `Header.same_rescale`.
    total = inversion_sum(header) if header.inverted else 0.0
    kind = _type(stored, pairs, total, header)
    work: np.dtype[Any] = np.dtype(np.float64 if kind.kind == "f" else np.int32)
    slopes, intercepts = (
        np.array(part, dtype=work).reshape(-1, 1, 1, 1) for part in zip(*pairs, strict=True)
    )
    values = stored.astype(work)
    if (slopes != 1).any():
        values *= slopes
    values += intercepts
    if header.inverted:
        np.subtract(np.array(total, dtype=work), values, out=values)
    return values.astype(kind, copy=False)


def _type(
    stored: np.ndarray, pairs: list[tuple[float, float]], total: float, header: Header
) -> np.dtype:
    """The smallest type that holds all that the stored bits can say: one type a header."""
    numbers = [number for pair in pairs for number in pair] + [total]
    whole = all(number.is_integer() and abs(number) < _INT32 for number in numbers)
    if stored.dtype.kind == "f" or not whole:
        return np.dtype(np.float32)
    half = 2 ** (header.bits_stored - 1)
    ends = [-half, half - 1] if header.signed else [0, 2 * half - 1]
    if header.bits_stored < 8 * stored.dtype.itemsize:
        # A lossy codec may overshoot what the header promises.
        ends += [int(stored.min()), int(stored.max())]
    reach = [end * int(slope) + int(intercept) for end in ends for slope, intercept in pairs]
    # Inversion swaps the ends of the range among themselves; what overshoots, it mirrors.
    reach += [int(total) - value for value in reach] if header.inverted else []
    for kind in (np.uint8, np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= min(reach) and max(reach) <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32)


def _check(path: str | Path, header: Header, pixels: np.ndarray, frames: int) -> None:
    expected = (frames, header.rows, header.columns, header.channels)
    if pixels.shape != expected:
        raise ReadError(path, f"decoded to shape {pixels.shape}, its header says {expected}")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ReadError(path, "it holds values that are not finite")
