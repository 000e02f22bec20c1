"""The DICOM header: what indexing, planning and decoding need to know of a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.uid import UID

from tfmed.image import PHYSICAL_UNITS


@dataclass(frozen=True)
class Header:
    """A DICOM image's header.

    Attributes:
        patient: Patient ID, `""` where there is none. Like `study` and `series`, it is for
            grouping and is kept out of `repr`, messages and logs.
        study: Study Instance UID.
        series: Series Instance UID.
        sex: Patient's Sex as written: `"F"`, `"M"`, `"O"` or `""`.
        age_years: Patient's Age, else from the dates of birth and study; NaN where unknown.
        modality: `"CT"`, `"DX"`, ...
        manufacturer: as written.
        device: Manufacturer's Model Name, as written.
        body_part: Body Part Examined, as written.
        view: View Position, as written: `"PA"`, `"LL"`, ...
        rows: height in pixels.
        columns: width in pixels.
        frames: frames in the file.
        clip: whether the frames are moments (a video), not slices.
        frame_rate_hz: frames a second, or None.
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
        voi_function: how shades run within `window`: `"LINEAR"`, `"LINEAR_EXACT"` or
            `"SIGMOID"`.
        spacing_mm: `(row, column)`, or `(slice, row, column)` for frames that lie evenly in
            space, or None.
        position: centre of the first pixel of the (first) frame, `(x, y, z)` in mm, LPS, or
            None.
        orientation: directions along a row and down a column, six numbers, or None.
        position_mm: place of the (first) frame along its normal, or None.
        fault: what keeps several frames from being an even volume, in words (see
            `dicom_stack.fault`), or "".
        instance_number: or None.
        pixel_offset: byte where the pixel values start in the file, -1 if not `native`.
        native: whether the values lie in the file as they are: little-endian, uncompressed,
            no LUT, none missing; grey of 8 or 16 bits allocated, or RGB of 8 bits with a
            pixel's three samples side by side. Then `decode_raw` at `pixel_offset`, the shift
            of `unused_bits`, slope, intercept and `inversion_sum` give what `dicom.read`
            gives.
        jpeg_offset: byte where the file's one JPEG stream begins, for which
            `tf.io.decode_jpeg` (`fancy_upscaling`, `dct_method="INTEGER_ACCURATE"`), slope,
            intercept and `inversion_sum` give what `dicom.read` gives; -1 for other files.
        jpeg_length: bytes of that stream, 0 for other files.
    """

    patient: str = field(repr=False)
    study: str = field(repr=False)
    series: str = field(repr=False)
    sex: str = field(repr=False)
    age_years: float = field(repr=False)
    modality: str
    manufacturer: str
    device: str
    body_part: str
    view: str
    rows: int
    columns: int
    frames: int
    clip: bool
    frame_rate_hz: float | None
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
    voi_function: str
    spacing_mm: tuple[float, ...] | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    position_mm: float | None
    fault: str
    instance_number: int | None
    pixel_offset: int
    native: bool
    jpeg_offset: int
    jpeg_length: int

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
