"""Which codec decodes which DICOM transfer syntax, to stored values; no units yet."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import UID

from tfmed.io import apart, codestream, dicom_header, jpeg
from tfmed.io.dicom_header import Header

# Extended, spectral selection, full progression: with 12 bits only GDCM's own libjpeg does.
JPEG_12_BIT = tuple(f"1.2.840.10008.1.2.4.{process}" for process in (51, 53, 55))
# What pydicom may use within this process. It would ask GDCM first, see `apart`; where GDCM and
# one of these both decode, their values are equal.
SAFE_CODECS = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.51": "pillow",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pillow",
    "1.2.840.10008.1.2.4.91": "pillow",
    "1.2.840.10008.1.2.5": "pydicom",
}
# Lossless JPEG (57, 70), the 12-bit kinds, and what the codecs above refuse of JPEG-LS and
# JPEG 2000.
BY_GDCM = tuple(f"1.2.840.10008.1.2.4.{kind}" for kind in (51, 53, 55, 57, 70, 80, 81, 90, 91))


def stored_values(
    dataset: pydicom.Dataset, header: Header, path: str | Path, frame: int
) -> np.ndarray:
    """Decode a file's pixel data, or one frame of it.

    Args:
        dataset: the whole file, its transfer syntax set.
        header: its header.
        path: the file, for GDCM's process.
        frame: index of a frame, or -1 for all.

    Returns:
        `[H, W]`, `[D, H, W]`, `[H, W, 3]` or `[D, H, W, 3]`; YBR is RGB, a palette is not
        applied.

    Raises:
        Exception: of many kinds; to be called inside `guard.reading`.
    """
    syntax = header.transfer_syntax
    if not UID(syntax).is_encapsulated:
        return _by_pydicom(dataset, frame, "")
    if "ExtendedOffsetTable" not in dataset:
        samples = int(dataset.get("SamplesPerPixel", 1))
        frames = generate_frames(dataset.PixelData, number_of_frames=header.frames)
        codestream.check(frames, header.rows, header.columns, samples)
    if syntax not in BY_GDCM:
        return _by_pydicom(dataset, frame, SAFE_CODECS.get(syntax, ""))
    if syntax in SAFE_CODECS and not _is_12_bit(header):
        # GDCM may do better; if not, its failure is told.
        with suppress(Exception):
            return _by_pydicom(dataset, frame, SAFE_CODECS[syntax])
    return apart.decode(path, frame)


def by_gdcm(path: str | Path, frame: int) -> np.ndarray:
    """Decode a file by GDCM; what the child process of `apart` calls."""
    with Path(path).open("rb") as file:
        header = dicom_header.parse(file, path)
        file.seek(0)
        dataset = pydicom.dcmread(file, force=True)
    dataset.file_meta.TransferSyntaxUID = UID(header.transfer_syntax)
    if not _is_12_bit(header):
        return _by_pydicom(dataset, frame, "gdcm")
    streams = list(generate_frames(dataset.PixelData, number_of_frames=header.frames))
    chosen = streams if frame < 0 else streams[frame : frame + 1]
    values = np.stack([jpeg.decode_12_bit(s, header.transfer_syntax) for s in chosen])
    return values.astype(np.int16) if header.signed else values


def _is_12_bit(header: Header) -> bool:
    return header.transfer_syntax in JPEG_12_BIT and header.bits_stored > 8


def _by_pydicom(dataset: pydicom.Dataset, frame: int, codec: str) -> np.ndarray:
    index = None if frame < 0 else frame
    dataset.pixel_array_options(index=index, decoding_plugin=codec)
    return dataset.pixel_array
