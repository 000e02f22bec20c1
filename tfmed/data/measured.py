"""What one example's header and pixels tell: the columns that an audit adds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tfmed.data.pixels import CONSTANT, NOT_FINITE, digest, statistics, unusable
from tfmed.errors import TfmedError
from tfmed.image import Image
from tfmed.io import dicom, native, read, read_series, sniff
from tfmed.io.dicom import Header
from tfmed.io.dicom_geometry import even_step

__all__ = ["COLUMNS", "CONSTANT", "NOT_FINITE", "look", "measure", "of_image", "passes"]

CLIP_FRAMES = 64  # of a clip, evenly spaced, that stand for all of it
NO_MEMORY = "it asks for more memory than there is"
# Reasons that are gone when permissions, a disk or the machine's load are others.
PASSING = ("no permission", "no such file", NO_MEMORY, "the file cannot be read (", "pip install")

# Column: its value where a format does not tell it. Spacing in mm, windows in modality units.
COLUMNS: dict[str, Any] = {
    "format": "",
    "height": 0,
    "width": 0,
    "depth": 1,
    "channels": 1,
    "clip": False,
    "frame_rate_hz": math.nan,
    "bits": 8,
    "dtype": "",
    "modality": "",
    "units": "",
    "photometric": "",
    "manufacturer": "",
    "device": "",
    "body_part": "",
    "view": "",
    "sex": "",
    "age_years": math.nan,
    "transfer_syntax": "",
    "slope": 1.0,
    "intercept": 0.0,
    "signed": False,
    "inverted": False,
    "native": "",
    "pixel_offset": -1,
    "pixel_bytes": 0,
    "slice_spacing_mm": math.nan,
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
    return _told(_measured, example)


def look(example: Mapping[str, Any]) -> dict[str, Any] | str:
    """As `measure`, of what stands in a header alone; no pixel is decoded.

    Of formats other than DICOM only `format` is told.
    """
    return _told(_looked_at, example)


def of_image(image: Image, pixels: bool = True) -> dict[str, Any] | str:
    """The columns that an image in memory tells, or the reason why it cannot be used.

    Args:
        image: of a clip a sample may do.
        pixels: whether to tell of its values too, and not of its shape alone.
    """
    values = image.pixels
    if values.ndim > 4:
        return (
            f"it holds {len(values)} volumes, one after another in time; one volume, or a clip of "
            "single slices, was expected: write each volume to a file of its own"
        )
    if pixels and (reason := unusable(values)):
        return reason
    depth, height, width, channels = (1, *values.shape)[-4:]
    return {
        "depth": image.frames if image.clip else depth,
        "height": height,
        "width": width,
        "channels": channels,
        "clip": image.clip,
        "frame_rate_hz": math.nan if image.frame_rate_hz is None else image.frame_rate_hz,
        "bits": image.bits,
        "dtype": values.dtype.name,
        "modality": image.modality,
        "units": image.units,
        **_spacings(image.spacing_mm),
        **_window(image.window),
        **({**statistics(values), "digest": digest(values)} if pixels else {}),
    }


def passes(reason: str) -> bool:
    """Whether a reason may be another one tomorrow, though the file is the same."""
    return any(words in reason for words in PASSING)


def _told(tell: Any, example: Mapping[str, Any]) -> dict[str, Any] | str:
    try:
        found: dict[str, Any] | str = tell(example)
        return found
    except TfmedError as error:
        return getattr(error, "reason", str(error))
    except MemoryError:
        return NO_MEMORY


def _measured(example: Mapping[str, Any]) -> dict[str, Any] | str:
    path, files, frame = example["path"], example["files"], int(example["frame"])
    kind = sniff(path)
    header = None
    if files is not None and len(files) > 1:
        image = read_series(list(files))
        header = dicom.read_header(files[0]) if kind == "dicom" else None
    elif kind == "dicom":
        image, header = dicom.load(path, frame)
    else:
        image = read(path, frame=frame, sample=CLIP_FRAMES)
    found = of_image(image)
    if isinstance(found, str):
        return found
    route = native.describe(path, kind, image, header) if files is None else {}
    return {"format": kind, **found, **_of_header(header), **route}


def _looked_at(example: Mapping[str, Any]) -> dict[str, Any]:
    path, files = example["path"], example["files"]
    kind = sniff(path)
    if kind != "dicom":
        return {"format": kind}
    header = dicom.read_header(path)
    depth = header.frames if int(example["frame"]) < 0 else 1
    spacing = header.spacing_mm
    if files is not None and len(files) > 1:
        depth = len(files)
        step = even_step([header.position_mm, dicom.read_header(files[1]).position_mm])
        spacing = (step or math.nan, *spacing[-2:]) if spacing else None
    return {
        "format": kind,
        "height": header.rows,
        "width": header.columns,
        "depth": depth,
        "channels": header.channels,
        "bits": header.bits_stored,
        "modality": header.modality,
        "units": header.units,
        **_spacings(spacing),
        **_window(header.window),
        **_of_header(header),
    }


def _spacings(spacing_mm: tuple[float, ...] | None) -> dict[str, float]:
    names = ("slice_spacing_mm", "row_spacing_mm", "column_spacing_mm")
    sides = map(float, reversed(spacing_mm or ()))
    return dict(zip(reversed(names), sides, strict=False))


def _window(window: tuple[float, float] | None) -> dict[str, float]:
    low, high = window or (math.nan, math.nan)
    return {"window_low": float(low), "window_high": float(high)}


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
