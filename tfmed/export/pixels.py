"""`PixelCode`: what the integers of a PNG or JPEG mean."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image as Pillow

from tfmed.errors import ConfigError, DataError


@dataclass(frozen=True)
class PixelCode:
    """How the integers of a PNG or JPEG become modality units: `pixels * slope + intercept`.

    Attributes:
        bits: 8 or 16; a file of another depth is not valid.
        slope: modality units a step.
        intercept: modality units at 0.
    """

    bits: int = 8
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise ConfigError(f"a PNG carries 8 or 16 bits a channel, not {self.bits}")
        if self.slope == 0:
            raise ConfigError("the slope of a pixel code must not be 0")

    @classmethod
    def of(cls, minimum: float, maximum: float, bits: int = 8) -> PixelCode:
        """The code for data of a range: 8-bit, 16-bit, or 16-bit with a shifted zero.

        Args:
            minimum: smallest value of the data, in modality units.
            maximum: largest value.
            bits: bits that held the data in its source; more than 8 needs 16.
        """
        if minimum < 0:
            return cls(16, 1.0, -32768.0)
        return cls(8) if bits <= 8 and maximum <= 255 else cls(16)

    def to_dict(self) -> dict[str, Any]:
        """The card's `input.bytes`."""
        return {"bits": self.bits, "slope": self.slope, "intercept": self.intercept}

    def encode(self, image: np.ndarray) -> bytes:
        """Write an image as a lossless PNG.

        Args:
            image: `[H, W, C]` in modality units; C is 1, or 3 where `bits` is 8.

        Raises:
            DataError: values that the code cannot hold exactly, or 16-bit colour.
        """
        stored = (np.asarray(image, np.float64) - self.intercept) / self.slope
        whole = np.rint(stored)
        if not np.all(np.abs(stored - whole) < 1e-6):
            raise DataError(f"values are not whole steps of {self.slope:g}")
        if whole.min() < 0 or whole.max() >= 1 << self.bits:
            raise DataError(
                f"values {np.min(image):g}..{np.max(image):g} do not fit {self.bits} bits with "
                f"slope {self.slope:g} and intercept {self.intercept:g}"
            )
        pixels = whole.astype(np.uint8 if self.bits == 8 else np.uint16)
        if self.bits == 16:
            if pixels.shape[-1] != 1:
                raise DataError("16-bit colour PNG is not written")
            return bytes(tf.io.encode_png(pixels).numpy())
        buffer = io.BytesIO()
        Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
        return buffer.getvalue()
