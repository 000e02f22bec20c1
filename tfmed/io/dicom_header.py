"""The DICOM header: what indexing, planning and decoding need to know of a file.

Source: DICOM PS3.3 C.7.6.3 (image pixel), C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.2 and
C.7.6.16 (image plane, functional groups); PS3.5 chapter 7 and 8 (data elements, pixel data).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.uid import UID

from tfmed.errors import ReadError
from tfmed.image import PHYSICAL_UNITS
from tfmed.io import dicom_geometry, dicom_window
from tfmed.io.dicom_element import PixelElement, pixel_element
from tfmed.io.dicom_rescale import checked_rescale, text, units
from tfmed.io.formats import HEAD_BYTES, is_dicom
from tfmed.io.guard import check_size, reading

NATIVE_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
PHOTOMETRICS = (*GREY, *COLOUR, PALETTE)
NO_PIXELS = "it holds no image (no pixel data)"


@dataclass(frozen=True)
class Header:
    """A DICOM image's header.

    Attributes:
        patient: Patient ID, `""` where there is none. Like `study` and `series`, it is for
            grouping and is kept out of `repr`, messages and logs.
        study: Study Instance UID.
        series: Series Instance UID.
        modality: `"CT"`, `"DX"`, ...
        manufacturer: as written.
        rows: height in pixels.
        columns: width in pixels.
        frames: frames in the file.
        channels: 1 or 3 as it is read: a palette counts as 3.
        bits_allocated: bits a stored sample takes: 1, 8, 16, 32 or 64.
        bits_stored: bits of it that hold the value, the low ones.
        signed: whether stored samples are two's complement.
        photometric: photometric interpretation.
        transfer_syntax: its UID.
        slope: rescale slope (of the first frame); 1 where there is a modality LUT.
        intercept: rescale intercept (of the first frame); 0 where there is a modality LUT.
        lut_bits: bits of the modality LUT's entries, 0 where there is no LUT.
        same_rescale: whether all frames share slope and intercept.
        units: `"HU"`, `"BQML"`, `"SUV"` or `""`.
        window: the file's first display window `(low, high)` in the units of the pixels as
            they are read (turned with them where they are turned), or None.
        spacing_mm: `(row, column)`, or `(slice, row, column)` for frames that lie evenly in
            space, or None.
        position_mm: place of the (first) frame along its normal, or None.
        instance_number: or None.
        pixel_offset: byte where the pixel values start in the file, -1 if not `native`.
        native: whether the values lie in the file as they are: little-endian, uncompressed,
            grey, 8 or 16 bits allocated, no LUT, none missing. Then `decode_raw` at
            `pixel_offset`, the shift of `unused_bits`, slope, intercept and
            `inversion_sum` give what `dicom.read` gives.
    """

    patient: str = field(repr=False)
    study: str = field(repr=False)
    series: str = field(repr=False)
    modality: str
    manufacturer: str
    rows: int
    columns: int
    frames: int
    channels: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    transfer_syntax: str
    slope: float
    intercept: float
    lut_bits: int
    same_rescale: bool
    units: str
    window: tuple[float, float] | None
    spacing_mm: tuple[float, ...] | None
    position_mm: float | None
    instance_number: int | None
    pixel_offset: int
    native: bool

    @property
    def inverted(self) -> bool:
        """Whether reading turns the shades: MONOCHROME1 whose units are not physical."""
        physical = self.units in PHYSICAL_UNITS or self.modality == "PT"
        return self.photometric == "MONOCHROME1" and not physical

    @property
    def unused_bits(self) -> int:
        """High bits of a stored sample that hold no part of it.

        Old files keep overlays there: shift the sample left by as many bits, then right
        (arithmetically where it is signed), as pydicom does.
        """
        return self.bits_allocated - self.bits_stored

    @property
    def syntax_name(self) -> str:
        """The transfer syntax in words."""
        name = UID(self.transfer_syntax).name
        return "unknown transfer syntax" if name == self.transfer_syntax else name


def inversion_sum(header: Header) -> float:
    """What a shade and its inverse add up to, so that `inverse = total - value`.

    It is the lowest and the highest value that the stored bits can hold, both taken through
    slope and intercept (or the ends of the modality LUT's range), so it is one constant a
    file, the same for the graph's route and the general one. Only meaningful where
    `header.inverted`.

    Example: 12 bits unsigned, slope 2, intercept 10: 10 + (4095 * 2 + 10) = 8210.
    """
    if header.lut_bits:
        return float(2**header.lut_bits - 1)
    low_plus_high = -1.0 if header.signed else 2.0**header.bits_stored - 1.0
    return header.slope * low_plus_high + 2.0 * header.intercept


def read_header(path: str | Path) -> Header:
    """Read a file's header; no pixel is decoded, but their presence and length is checked.

    Raises:
        ReadError: not DICOM, no pixel data, cut short, sizes that cannot be, slope 0.
    """
    with reading(path, "the DICOM header cannot be parsed"), Path(path).open("rb") as file:
        return parse(file, path)


def parse(file: BinaryIO, path: str | Path) -> Header:
    """Read the header from the start of an open file; to be called inside `guard.reading`."""
    head = file.read(HEAD_BYTES)
    if not is_dicom(head):
        raise ReadError(path, "not a DICOM file")
    file.seek(0)
    dataset = pydicom.dcmread(file, stop_before_pixels=True, force=head[128:132] != b"DICM")
    syntax = transfer_syntax(dataset)
    element = pixel_element(file, path, syntax)
    if element is None or "Rows" not in dataset:
        raise ReadError(path, NO_PIXELS)
    return _header(dataset, element, syntax, file, path)


def transfer_syntax(dataset: pydicom.Dataset) -> str:
    """The transfer syntax UID; where the file does not name it, the one it was parsed with."""
    named = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    if named:
        return str(named)
    implicit, little = dataset.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def _header(
    dataset: Any, element: PixelElement, syntax: str, file: BinaryIO, path: str | Path
) -> Header:
    lut = dataset.get("ModalityLUTSequence")
    stored = _stored(dataset, path)
    frames, bits = stored["frames"], stored["bits_allocated"]
    samples = int(dataset.get("SamplesPerPixel", 1))
    expected = stored["rows"] * stored["columns"] * frames * samples * bits / 8
    if stored["photometric"] == "YBR_FULL_422":
        expected *= 2 / 3
    element.check(file, path, math.ceil(expected))
    pairs = checked_rescale(dataset, frames, path)
    native = (
        syntax in NATIVE_SYNTAXES
        and element.keyword == "PixelData"
        and stored["photometric"] in GREY
        and bits in (8, 16)
        and not lut
        and len(pairs) == 1
    )
    header = Header(
        **_identity(dataset),
        **stored,
        transfer_syntax=syntax,
        slope=pairs[0][0],
        intercept=pairs[0][1],
        lut_bits=int(lut[0].LUTDescriptor[2]) if lut else 0,
        same_rescale=len(pairs) == 1,
        units=units(dataset),
        window=dicom_window.window(dataset),
        spacing_mm=dicom_geometry.spacing(dataset, frames),
        position_mm=dicom_geometry.position(dataset),
        pixel_offset=element.offset if native else -1,
        native=native,
    )
    if header.inverted and not header.same_rescale:
        raise ReadError(path, "MONOCHROME1 frames with several slopes cannot be turned")
    if header.inverted and header.window is not None:
        total = inversion_sum(header)
        low, high = header.window
        header = replace(header, window=(total - high, total - low))
    return header


def _identity(dataset: Any) -> dict[str, Any]:
    number = dicom_geometry.numbers(dataset, "InstanceNumber", 1)
    return {
        "patient": text(dataset, "PatientID"),
        "study": text(dataset, "StudyInstanceUID"),
        "series": text(dataset, "SeriesInstanceUID"),
        "modality": text(dataset, "Modality").upper(),
        "manufacturer": text(dataset, "Manufacturer"),
        "instance_number": None if number is None else int(number[0]),
    }


def _stored(dataset: Any, path: str | Path) -> dict[str, Any]:
    """The image pixel module, checked."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    samples = int(dataset.get("SamplesPerPixel", 1))
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip().upper()
    allocated = int(dataset.BitsAllocated)
    stored = int(dataset.get("BitsStored") or allocated)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if samples != (3 if photometric in COLOUR else 1) or photometric not in PHOTOMETRICS:
        known = photometric if photometric in PHOTOMETRICS else "an unknown photometric"
        raise ReadError(path, f"{samples} samples a pixel as {known} cannot be read")
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= stored <= allocated:
        raise ReadError(path, f"{stored} bits stored in {allocated} cannot be read")
    if int(dataset.get("HighBit", stored - 1)) != stored - 1:
        raise ReadError(path, "the stored bits are not the low ones (retired in DICOM)")
    if int(dataset.get("PixelRepresentation", 0)) not in (0, 1):
        raise ReadError(path, "pixels are neither signed nor unsigned")
    check_size(path, rows, columns, frames * samples, max(1, allocated // 8))
    return {
        "rows": rows,
        "columns": columns,
        "frames": frames,
        "channels": 3 if samples == 3 or photometric == PALETTE else 1,
        "bits_allocated": allocated,
        "bits_stored": stored,
        "signed": int(dataset.get("PixelRepresentation", 0)) == 1,
        "photometric": photometric,
    }
