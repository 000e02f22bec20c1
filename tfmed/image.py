"""What every reader returns: pixels in modality units, with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PHYSICAL_UNITS = ("HU", "SUV", "BQML")


class VoiLut(NamedTuple):
    """A file's own table of shades.

    Attributes:
        first: the value, in modality units, that the first entry stands for; values beyond
            the ends take the entry there.
        entries: uint16, a shade for each whole value from `first` up.
        bits: bits of a shade; the brightest is `2**bits - 1`.
    """

    first: int
    entries: np.ndarray
    bits: int


@dataclass(frozen=True, eq=False)
class Image:
    """One image, volume or clip, as it was read.

    Attributes:
        pixels: `[H, W, C]`, or `[D, H, W, C]` for a volume or several frames; C is 1 or 3.
            Modality units: slope and intercept, or the modality LUT, are applied; a display
            window is not. Integer dtypes are kept where they are exact, else float32.
        units: `"HU"` and its like (see `PHYSICAL_UNITS`), or `""` where numbers are only
            shades of grey.
        bits: bits that hold information in the stored pixels, 8, 12, 16, ...
        spacing_mm: distance between pixel centres, `(row, column)` or `(slice, row,
            column)`, or None where it is not known.
        modality: the DICOM modality (`"CT"`, `"DX"`, ...), or `""`.
        window: the file's own display window `(low, high)` in modality units, or None.
        voi_function: how shades run within the window: `"LINEAR"`, `"LINEAR_EXACT"` or
            `"SIGMOID"`.
        voi_lut: the file's own table of shades, or None.
        clip: whether the first of four axes is time: frames of a video, not slices.
        frame_rate_hz: frames a second of a clip, or None where it is not known.
        frames: frames or slices of the file, of which `pixels` may be a sample.
        affine: float64 `[4, 4]` that takes an index `(slice, row, column, 1)` to the patient's
            coordinates in mm, RAS+ as in NIfTI, or None where they are not known.
    """

    pixels: np.ndarray
    units: str = ""
    bits: int = 8
    spacing_mm: tuple[float, ...] | None = None
    modality: str = ""
    window: tuple[float, float] | None = None
    clip: bool = False
    frame_rate_hz: float | None = None
    frames: int = 1
    affine: np.ndarray | None = None
    voi_function: str = "LINEAR"
    voi_lut: VoiLut | None = None

    @property
    def physical(self) -> bool:
        """Whether values are physical quantities, which must never be inverted or rescaled."""
        return self.units in PHYSICAL_UNITS

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self.pixels.shape[-1])
