"""From a DICOM file's bytes to its `Header`, with every value checked that decoding rests on.

Source: DICOM PS3.3 C.7.6.3 (image pixel), C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.1.1 and
C.7.2.2 (patient), C.7.3.1 and C.8.7.6 (series, X-ray).
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from tfmed.errors import ReadError
from tfmed.io import dicom_geometry, dicom_stack, dicom_window, jpeg
from tfmed.io.dicom_file import EXPLICIT_LITTLE, IMPLICIT_LITTLE, DicomFile, take_apart
from tfmed.io.dicom_geometry import Plane
from tfmed.io.dicom_header import Header, inversion_sum
from tfmed.io.dicom_pixels import Frames, locate
from tfmed.io.dicom_rescale import checked_rescale, text, units
from tfmed.io.dicom_time import frame_rate_hz, is_clip
from tfmed.io.dicom_walk import PIXEL_TAGS
from tfmed.io.guard import check_size, reading

# Bytes of a JPEG stream within which the frame header is looked for.
_JPEG_START = 1 << 12
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
PHOTOMETRICS = (*GREY, *COLOUR, PALETTE)
_REQUIRED_OF_FLOATS = tuple(
    ["Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation"]
)
_REQUIRED = (*_REQUIRED_OF_FLOATS, "BitsStored", "PixelRepresentation")
_DAYS_A_YEAR = 365.25
_AGE_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 7 / _DAYS_A_YEAR, "D": 1 / _DAYS_A_YEAR}


@dataclass(frozen=True)
class Parsed:
    """A file whose header is read and whose frames are found.

    Attributes:
        header: what others need to know.
        file: the file taken apart.
        frames: where the pixel data lies.
        planes: the plane of each frame in space, or None.
        pairs: slope and intercept, one pair or one a frame.
        samples: stored samples a pixel, 1 or 3.
        planar: whether colours lie apart, one plane each.
    """

    header: Header
    file: DicomFile
    frames: Frames
    planes: list[Plane] | None
    pairs: list[tuple[float, float]]
    samples: int
    planar: bool


def read_header(path: str | Path) -> Header:
    """Read a file's header; no pixel is decoded, but their presence and length is checked.

    Raises:
        ReadError: not DICOM, no pixel data, damaged, cut short, sizes that cannot be, slope 0.
    """
    with reading(path, "the DICOM header cannot be parsed"), Path(path).open("rb") as file:
        return parse(file, path).header


def parse(file: BinaryIO, path: str | Path) -> Parsed:
    """Read the header from the start of an open file; to be called inside `guard.reading`."""
    parts = take_apart(file, path)
    dataset = parts.values
    stored, samples = _stored(dataset, parts.pixels.tag, path)
    frames, bits = stored["frames"], stored["bits_allocated"]
    frame_bytes = stored["rows"] * stored["columns"] * samples * bits / 8
    if stored["photometric"] == "YBR_FULL_422":
        frame_bytes = frame_bytes * 2 / 3
    located = locate(parts, frames, frame_bytes)
    pairs = checked_rescale(dataset, frames, path)
    lut = dataset.get("ModalityLUTSequence")
    planes = dicom_geometry.planes(dataset, frames)
    header = Header(
        **_identity(dataset),
        **stored,
        **_space_and_time(dataset, frames, planes),
        transfer_syntax=parts.syntax,
        slope=pairs[0][0],
        intercept=pairs[0][1],
        lut_bits=int(lut[0].LUTDescriptor[2]) if lut else 0,
        same_rescale=len(pairs) == 1,
        units=units(dataset),
        window=dicom_window.window(dataset),
        voi_function=dicom_window.function(dataset),
        pixel_offset=-1,
        native=False,
        jpeg_offset=-1,
        jpeg_length=0,
    )
    planar = _planar(dataset, samples, path)
    if header.inverted and not header.same_rescale:
        raise ReadError(path, "MONOCHROME1 frames with several slopes cannot be turned")
    if header.inverted and header.window is not None:
        total = inversion_sum(header)
        low, high = header.window
        header = replace(header, window=(total - high, total - low))
    header = replace(header, **_direct(header, parts, located, planar))
    return Parsed(header, parts, located, planes, pairs, samples, planar)


def _direct(header: Header, file: DicomFile, frames: Frames, planar: bool) -> dict[str, Any]:
    """Where the pixels lie, for those that a graph can decode."""
    if header.lut_bits or not header.same_rescale:
        return {}
    grey = header.photometric in GREY and header.bits_allocated in (8, 16)
    rgb = header.photometric == "RGB" and not planar and header.bits_allocated == 8
    plain = file.syntax in (IMPLICIT_LITTLE, EXPLICIT_LITTLE) and frames.keyword == "PixelData"
    if plain and (grey or (rgb and header.bits_stored == 8 and not header.signed)):
        return {"native": True, "pixel_offset": frames.pieces[0][0][0]}
    if file.syntax == JPEG_BASELINE and header.frames == len(frames.pieces[0]) == 1:
        offset, length = frames.pieces[0][0]
        with suppress(ValueError):
            found = jpeg.parse(file.read(offset, min(length, _JPEG_START)))
            if jpeg_as_it_is(found, header):
                return {"jpeg_offset": offset, "jpeg_length": length}
    return {}


def jpeg_as_it_is(found: jpeg.JpegHeader, header: Header) -> bool:
    """Whether libjpeg's pixels are the file's: 8 bits, and colours turned to RGB as they should.

    Without a marker it takes any three colours for YCbCr, also where the file says RGB.
    """
    plain = header.bits_allocated == header.bits_stored == found.bits == 8 and not header.signed
    if not plain or found.components != header.channels or header.photometric == PALETTE:
        return False
    if found.components == 1 or found.component_ids in (b"RGB", b"rgb"):
        return found.components == 1 or not found.transformed
    ybr = "YBR" in header.photometric or found.jfif
    return found.transformed if ybr else not found.transformed or found.adobe_transform is not None


def _identity(dataset: Any) -> dict[str, Any]:
    number = dicom_geometry.numbers(dataset, "InstanceNumber", 1)
    return {
        "patient": text(dataset, "PatientID"),
        "study": text(dataset, "StudyInstanceUID"),
        "series": text(dataset, "SeriesInstanceUID"),
        "sex": text(dataset, "PatientSex").upper(),
        "age_years": _age_years(dataset),
        "modality": text(dataset, "Modality").upper(),
        "manufacturer": text(dataset, "Manufacturer"),
        "device": text(dataset, "ManufacturerModelName"),
        "body_part": text(dataset, "BodyPartExamined").upper(),
        "view": text(dataset, "ViewPosition").upper(),
        "instance_number": None if number is None else int(number[0]),
    }


def _age_years(dataset: Any) -> float:
    """Age as written (PS3.5 6.2: three digits and D, W, M or Y), else by the dates; or NaN."""
    age = text(dataset, "PatientAge").upper()
    if age[:-1].isdigit() and age[-1] in _AGE_UNITS:
        return int(age[:-1]) * _AGE_UNITS[age[-1]]
    try:
        born, seen = (
            date.fromisoformat(text(dataset, keyword))
            for keyword in ("PatientBirthDate", "StudyDate")
        )
    except ValueError:
        return math.nan
    return (seen - born).days / _DAYS_A_YEAR if seen >= born else math.nan


def _space_and_time(dataset: Any, frames: int, planes: list[Plane] | None) -> dict[str, Any]:
    placed = planes is not None and len({plane.position for plane in planes}) > 1
    clip = is_clip(dataset, frames, placed=placed)
    plane_mm = dicom_geometry.pixel_spacing(dataset)
    spacing: tuple[float, ...] | None = plane_mm
    fault = ""
    if frames > 1 and not clip:
        step = dicom_geometry.step_mm(dataset, frames, planes)
        spacing = None if step is None or plane_mm is None else (step, *plane_mm)
        fault = dicom_stack.fault(planes or [], [plane_mm] * frames)
    first = planes[0] if planes else None
    return {
        "clip": clip,
        "frame_rate_hz": frame_rate_hz(dataset, frames) if clip else None,
        "spacing_mm": spacing,
        "position": first.position if first else None,
        "orientation": first.orientation if first else None,
        "position_mm": first.along if first else None,
        "fault": fault,
    }


def _planar(dataset: Any, samples: int, path: str | Path) -> bool:
    planar = int(dataset.get("PlanarConfiguration") or 0)
    if samples > 1 and planar not in (0, 1):
        raise ReadError(path, "colours are neither side by side nor in planes")
    return samples > 1 and planar == 1


def _stored(dataset: Any, tag: int, path: str | Path) -> tuple[dict[str, Any], int]:
    """The image pixel module, checked, and the samples a pixel."""
    for keyword in _REQUIRED if PIXEL_TAGS[tag] == "PixelData" else _REQUIRED_OF_FLOATS:
        if dataset.get(keyword) is None:
            raise ReadError(path, f"its header does not say {keyword}")
    frames = int(dataset.get("NumberOfFrames") or 1)
    samples = int(dataset.get("SamplesPerPixel"))
    photometric = text(dataset, "PhotometricInterpretation").upper()
    allocated = int(dataset.get("BitsAllocated"))
    stored = int(dataset.get("BitsStored") or allocated)
    rows, columns = int(dataset.get("Rows")), int(dataset.get("Columns"))
    if samples != (3 if photometric in COLOUR else 1) or photometric not in PHOTOMETRICS:
        known = photometric if photometric in PHOTOMETRICS else "an unknown photometric"
        raise ReadError(path, f"{samples} samples a pixel as {known} cannot be read")
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= stored <= allocated:
        raise ReadError(path, f"{stored} bits stored in {allocated} cannot be read")
    if int(dataset.get("HighBit", stored - 1)) != stored - 1:
        raise ReadError(path, "the stored bits are not the low ones (retired in DICOM)")
    representation = int(dataset.get("PixelRepresentation", 0))
    if representation not in (0, 1):
        raise ReadError(path, "pixels are neither signed nor unsigned")
    check_size(path, rows, columns, frames * samples, max(1, allocated // 8))
    fields = {
        "rows": rows,
        "columns": columns,
        "frames": frames,
        "channels": 3 if samples == 3 or photometric == PALETTE else 1,
        "bits_allocated": allocated,
        "bits_stored": stored,
        "signed": representation == 1,
        "photometric": photometric,
    }
    return fields, samples
