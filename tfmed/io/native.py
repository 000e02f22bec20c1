"""What TensorFlow's graph must know of a file to decode it as `tfmed.io.read` does.

The audit asks while it has the file open; `tfmed.feed.in_graph` has the graph. Only files for
which both answers are equal, number for number, are described; all others have `native` of "".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfmed.image import Image
from tfmed.io import nifti, raster
from tfmed.io.dicom_header import Header

# Kinds of `native`; each is followed by the stored dtype and the channels.
RAW, JPEG_PART, NIFTI, PNG, JPEG = "raw", "jpeg-part", "nifti", "png", "jpeg"


def describe(path: str | Path, kind: str, image: Image, header: Header | None) -> dict[str, Any]:
    """Columns that tell the graph how to decode a whole file.

    Args:
        path: the file.
        kind: its format, as `sniff` names it.
        image: what `tfmed.io.read` gave, for its shape.
        header: of a DICOM file.

    Returns:
        `native`: words that are equal for files which one graph decodes: the kind, the dtype of
        stored values, channels, and for NIfTI the order of axes and those that are turned
        round; `pixel_offset`: where the stored values begin; `pixel_bytes`: of a JPEG stream
        inside another file; for NIfTI `slope` and `intercept`.
    """
    if kind == "dicom" and header is not None:
        return _dicom(header)
    if kind in (PNG, JPEG):
        told = raster.read_header(path)
        return {"native": f"{kind} uint{told.bits} {told.channels}"} if told.native else {}
    if kind == "nifti" and not image.clip:
        return _nifti(nifti.read_header(path))
    return {}


def _dicom(header: Header) -> dict[str, Any]:
    if header.native:
        dtype = f"{'int' if header.signed else 'uint'}{header.bits_allocated}"
        return {
            "native": f"{RAW} {dtype} {header.channels}",
            "pixel_offset": header.pixel_offset,
        }
    if header.jpeg_offset >= 0:
        return {
            "native": f"{JPEG_PART} uint8 {header.channels}",
            "pixel_offset": header.jpeg_offset,
            "pixel_bytes": header.jpeg_length,
        }
    return {}


def _nifti(header: nifti.NiftiHeader) -> dict[str, Any]:
    if not header.native:
        return {}
    order, flips = ("".join(map(str, axes)) for axes in (header.order, header.flips))
    return {
        "native": f"{NIFTI} {header.dtype.str} 1 {order} {flips}".strip(),
        "pixel_offset": header.offset,
        "slope": header.slope,
        "intercept": header.intercept,
    }
