"""What one example's header and pixels tell: the columns that an audit adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfmed.data.pixel_facts import CONSTANT, NOT_FINITE, coloured, digest, statistics, unusable
from tfmed.errors import TfmedError
from tfmed.image import Image
from tfmed.io import dicom, native, nifti, read, read_series, sniff
from tfmed.io.dicom import Header

__all__ = ["COLUMNS", "CONSTANT", "NOT_FINITE", "measure", "of_image", "passes"]

Tell = Callable[[Mapping[str, Any]], "dict[str, Any] | str"]

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
    "coloured": False,
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
        example: `path`, `files` and `frame` of a data set's row; and `beside`, where files of its
            truth are read with it: these, and what reads them.

    Returns:
        `COLUMNS`, for DICOM `patient`, `study` and `series`, and what was read beside; or a
        reason in words.
    """
    return told(_measured, example)


def of_image(image: Image, pixels: bool = True) -> dict[str, Any] | str:
    """The columns that an image in memory tells, or the reason why it cannot be used.

    Args:
        image: of a clip a sample may do.
        pixels: whether to tell of its values too, and not of its shape alone.
    """
    values = image.pixels
    if values.ndim > 4:
        return volumes(image.frames)
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
        **spacings(image.spacing_mm),
        **window(image.window),
        **(_of_values(values) if pixels else {}),
    }


def _of_values(values: np.ndarray) -> dict[str, Any]:
    return {**statistics(values), "coloured": coloured(values), "digest": digest(values)}


def volumes(count: int) -> str:
    """Why a file of several volumes cannot be used."""
    return (
        f"it holds {count} volumes, one after another in time; one volume, or a clip of single "
        "slices, was expected: write each volume to a file of its own"
    )


def passes(reason: str) -> bool:
    """Whether a reason may be another one tomorrow, though the file is the same."""
    return any(words in reason for words in PASSING)


def told(tell: Tell, example: Mapping[str, Any]) -> dict[str, Any] | str:
    """What `tell` makes of an example; the reason where it raises one of our errors."""
    try:
        return tell(example)
    except TfmedError as error:
        return getattr(error, "reason", str(error))
    except MemoryError:
        return NO_MEMORY


def _measured(example: Mapping[str, Any]) -> dict[str, Any] | str:
    path, files, frame = example["path"], example["files"], int(example["frame"])
    kind = sniff(path)
    header = None
    if files is not None and len(files) > 1:
        image = read_series(list(files), on_geometry="ignore")
        header = dicom.read_header(files[0]) if kind == "dicom" else None
    elif kind == "dicom":
        image, header = dicom.load(path, frame, CLIP_FRAMES)
    else:
        if kind == "nifti" and frame < 0:
            about = nifti.read_header(path)
            if about.times > 1 and about.size[0] > 1:
                return volumes(about.times)  # so large that they are not read first
        image = read(path, frame=frame, sample=CLIP_FRAMES)
    found = of_image(image)
    if isinstance(found, str):
        return found
    route = native.describe(path, kind, image, header) if files is None else {}
    read_beside, more = example.get("beside", (None, None))
    truth = read_beside(image, example, more) if more is not None else {}
    return {"format": kind, **found, **of_header(header), **route, **truth}


def spacings(spacing_mm: tuple[float, ...] | None) -> dict[str, float]:
    """The columns of `(row, column)` or `(slice, row, column)` in mm."""
    names = ("slice_spacing_mm", "row_spacing_mm", "column_spacing_mm")
    sides = map(float, reversed(spacing_mm or ()))
    return dict(zip(reversed(names), sides, strict=False))


def window(ends: tuple[float, float] | None) -> dict[str, float]:
    """The columns of a file's display window."""
    low, high = ends or (math.nan, math.nan)
    return {"window_low": float(low), "window_high": float(high)}


def of_header(header: Header | None) -> dict[str, Any]:
    """The columns that only DICOM tells."""
    if header is None:
        return {}
    return {
        "photometric": header.photometric,
        "manufacturer": header.manufacturer,
        "device": header.device,
        "body_part": header.body_part,
        "view": header.view,
        "sex": header.sex,
        "age_years": header.age_years,
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
