"""What one example's header and pixels tell: the columns that an audit adds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfmed.errors import TfmedError
from tfmed.image import Image
from tfmed.io import dicom, read, read_series, sniff
from tfmed.io.dicom import Header

LOWER_PERCENT, UPPER_PERCENT = 0.5, 99.5
NOT_FINITE = "holds values that are not finite (NaN or infinity)"
CONSTANT = "all its pixels are equal"

# Column: its value where a format does not tell it. Spacing in mm, windows in modality units.
COLUMNS: dict[str, Any] = {
    "format": "",
    "height": 0,
    "width": 0,
    "depth": 1,
    "channels": 1,
    "bits": 8,
    "dtype": "",
    "modality": "",
    "units": "",
    "photometric": "",
    "manufacturer": "",
    "transfer_syntax": "",
    "slope": 1.0,
    "intercept": 0.0,
    "signed": False,
    "inverted": False,
    "pixel_offset": -1,
    "row_spacing_mm": math.nan,
    "column_spacing_mm": math.nan,
    "window_low": math.nan,
    "window_high": math.nan,
    "minimum": math.nan,
    "maximum": math.nan,
    "p005": math.nan,
    "p995": math.nan,
    "mean": math.nan,
    "std": math.nan,
    "digest": "",
}


def measure(example: Mapping[str, Any]) -> dict[str, Any] | str:
    """Read one example and tell its columns, or the reason why it cannot be used.

    Args:
        example: `path`, `files` and `frame` of a data set's row.

    Returns:
        `COLUMNS`, and for DICOM `patient`, `study` and `series`; or a reason in words.
    """
    files = example["files"]
    try:
        kind = sniff(example["path"])
        if files is not None and len(files) > 1:
            image = read_series(list(files))
            header = dicom.read_header(files[0]) if kind == "dicom" else None
        elif kind == "dicom":
            image, header = dicom.load(example["path"], int(example["frame"]))
        else:
            image, header = read(example["path"], frame=int(example["frame"])), None
        reason = unusable(image.pixels)
        return reason or {"format": kind, **_of_image(image), **_of_header(header)}
    except TfmedError as error:
        return getattr(error, "reason", str(error))
    except MemoryError:
        return "it asks for more memory than there is"


def unusable(pixels: np.ndarray) -> str:
    """Why pixels carry nothing to learn from, or ""."""
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        return NOT_FINITE
    return CONSTANT if pixels.size == 0 or pixels.min() == pixels.max() else ""


def digest(pixels: np.ndarray) -> str:
    """Hex SHA-256 of shape and values: equal for equal images, whatever their dtype.

    Values are hashed as float32, which holds integers of up to 24 bits exactly, or as float64
    where they are wider.
    """
    wide = pixels.dtype.itemsize > 4 or (pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 4)
    # Adding 0 turns -0.0, which equals 0.0, into it.
    values = np.ascontiguousarray(pixels, dtype="<f8" if wide else "<f4") + 0
    if wide and np.array_equal(values, values.astype("<f4")):
        values = values.astype("<f4")
    found = hashlib.sha256(repr(pixels.shape).encode())
    found.update(values.data)
    return found.hexdigest()


def _of_image(image: Image) -> dict[str, Any]:
    pixels = image.pixels
    shape = pixels.shape if pixels.ndim == 4 else (1, *pixels.shape)
    low, high = np.percentile(pixels, (LOWER_PERCENT, UPPER_PERCENT))
    spacing = image.spacing_mm[-2:] if image.spacing_mm else (math.nan, math.nan)
    window = image.window or (math.nan, math.nan)
    return {
        "depth": shape[0],
        "height": shape[1],
        "width": shape[2],
        "channels": shape[3],
        "bits": image.bits,
        "dtype": pixels.dtype.name,
        "modality": image.modality,
        "units": image.units,
        "row_spacing_mm": float(spacing[0]),
        "column_spacing_mm": float(spacing[1]),
        "window_low": float(window[0]),
        "window_high": float(window[1]),
        "minimum": float(pixels.min()),
        "maximum": float(pixels.max()),
        "p005": float(low),
        "p995": float(high),
        "mean": float(pixels.mean(dtype=np.float64)),
        "std": float(pixels.std(dtype=np.float64)),
        "digest": digest(pixels),
    }


def _of_header(header: Header | None) -> dict[str, Any]:
    if header is None:
        return {}
    return {
        "photometric": header.photometric,
        "manufacturer": header.manufacturer,
        "transfer_syntax": header.transfer_syntax,
        "slope": header.slope,
        "intercept": header.intercept,
        "signed": header.signed,
        "inverted": header.inverted,
        "pixel_offset": header.pixel_offset,
        "patient": header.patient,
        "study": header.study,
        "series": header.series,
    }
