"""What an example's header tells alone: the columns of an audit without pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfmed.data.examined import of_header, spacings, told, volumes, window
from tfmed.errors import UnsupportedFormat
from tfmed.io import READERS, dicom, gif, nifti, raster, sniff
from tfmed.io.dicom import Header
from tfmed.io.dicom_geometry import even_step
from tfmed.io.nifti import NiftiHeader
from tfmed.io.reading import UNREAD


def look(example: Mapping[str, Any]) -> dict[str, Any] | str:
    """As `tfmed.data.examined.measure`, of headers alone: no pixel is decoded.

    What only pixels tell is left out; of TIFF, NPY and video only the format is told.
    """
    return told(_looked, example)


def _looked(example: Mapping[str, Any]) -> dict[str, Any] | str:
    path, files, frame = example["path"], example["files"], int(example["frame"])
    kind = sniff(path)
    if kind not in READERS:
        raise UnsupportedFormat(path, UNREAD[kind])
    found: dict[str, Any] | str = {"clip": kind == "video" and frame < 0}
    if kind == "dicom":
        found = _dicom(dicom.read_header(path), files, frame)
    elif kind in ("png", "jpeg", "bmp"):
        about = raster.read_header(path)
        found = _sizes((1, about.height, about.width, about.channels), bits=about.bits)
    elif kind == "gif":
        shown = gif.read_header(path)
        found = _sizes((shown.frames, shown.height, shown.width, 3), frame)
        found |= _time(shown.frames > 1 and frame < 0, shown.frame_rate_hz)
    elif kind == "nifti":
        found = _nifti(nifti.read_header(path), frame)
    return found if isinstance(found, str) else {"format": kind, **found}


def _dicom(header: Header, files: Sequence[str] | None, frame: int) -> dict[str, Any]:
    sizes = (header.frames, header.rows, header.columns, header.channels)
    spacing = header.spacing_mm and header.spacing_mm[-2 if frame >= 0 else -3 :]
    if files is not None and len(files) > 1:
        sizes = (len(files), *sizes[1:])
        step = even_step([header.position_mm, dicom.read_header(files[1]).position_mm])
        spacing = (step, *spacing[-2:]) if spacing and step else spacing
    return {
        **_sizes(sizes, frame, header.bits_stored),
        **_time(header.clip and frame < 0, header.frame_rate_hz),
        "modality": header.modality,
        "units": header.units,
        **spacings(spacing),
        **window(header.window),
        **of_header(header),
    }


def _nifti(header: NiftiHeader, frame: int) -> dict[str, Any] | str:
    depth, height, width = header.size
    timed, flat = header.times > 1, depth == 1
    if timed and not flat and frame < 0:
        return volumes(header.times)
    sizes = (header.times if timed and flat else depth, height, width, min(header.samples, 3))
    spacing: tuple[float, ...] | None = header.spacing_mm
    if spacing and (flat or (frame >= 0 and not timed)):
        spacing = spacing[1:]
    return {
        **_sizes(sizes, -1 if timed and not flat else frame, header.dtype.itemsize * 8),
        **_time(timed and frame < 0, header.frame_rate_hz),
        **spacings(spacing),
    }


def _sizes(sizes: tuple[int, int, int, int], frame: int = -1, bits: int = 8) -> dict[str, Any]:
    depth, height, width, channels = sizes
    depth = depth if frame < 0 else 1
    return {"depth": depth, "height": height, "width": width, "channels": channels, "bits": bits}


def _time(clip: bool, rate_hz: float | None) -> dict[str, Any]:
    return {"clip": clip, "frame_rate_hz": rate_hz if clip and rate_hz else math.nan}
