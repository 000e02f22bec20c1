"""How values are stored: fixed-point numbers of 16 bits where they serve, else float32.

Stored = round((value - offset) * scale), the scale a power of two that fills 16 bits. Plain
rounding of a resized 8-bit image would move probabilities by up to 1.5e-3; here the error is at
most half of 1/256 of a grey value, or 1/16 HU over 4096 HU. A range over 16 bits, or one that
leaves too few steps for what the network sees of an image, is stored as float32.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmed.data import Dataset

LEVELS = 65535
EIGHT_BITS = 8
# The rounding allowed, as a share of the window: at 1/200 probabilities moved by 1e-3, at 1/6000
# by 5e-5.
ROUNDING = 1 / 16384


class Encoding(NamedTuple):
    """How values are stored.

    Attributes:
        dtype: `"uint16"`, `"uint8"` or `"float32"`.
        offset: the value that is stored as 0.
        scale: stored steps a unit; a power of two.
    """

    dtype: str = "uint16"
    offset: float = 0.0
    scale: float = 1.0

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values as they are stored.

        Args:
            images: float32 `[N, ...]`, modality units.

        Returns:
            The stored numbers, and bool `[N]`: whether an image's values can be stored. One step
            beyond the range is rounded into it: interpolation may leave the range by an error of
            rounding.
        """
        if self.dtype == "float32":
            return images.astype(np.float32, copy=False), np.ones(len(images), bool)
        steps = images.astype(np.float32)
        steps -= np.float32(self.offset)
        steps *= np.float32(self.scale)
        np.rint(steps, out=steps)
        axes = tuple(range(1, steps.ndim))
        top = float(np.iinfo(self.dtype).max)
        good = (steps.min(axes) >= -1) & (steps.max(axes) <= top + 1)
        if not good.all():
            steps[~good] = 0
        return np.clip(steps, 0, top, out=steps).astype(self.dtype), good

    def decode(self, stored: tf.Tensor) -> tf.Tensor:
        """Stored numbers as float32 in modality units, in the graph."""
        values = tf.cast(stored, tf.float32)
        if self.scale != 1:
            values *= 1 / self.scale
        return values + self.offset if self.offset else values


def encoding(dataset: Dataset, window: tuple[float, float] | None = None) -> Encoding:
    """How a data set's range is stored.

    8-bit images take offset 0 and scale 256; others the minimum and the largest power of two
    that keeps the maximum within 16 bits. Where that is too coarse for the window (8-bit images
    among 16-bit ones, a narrow window of a wide range) it is float32.

    Args:
        dataset: audited (its table has `minimum`, `maximum`, `bits`).
        window: the network's, in modality units; None for each image's own percentiles.
    """
    low, high = dataset.table["minimum"].min(), dataset.table["maximum"].max()
    if (dataset.table["bits"] <= EIGHT_BITS).all() and low >= 0 and high < 2**EIGHT_BITS:
        return Encoding("uint16", 0.0, 256.0)
    extent = float(high) - float(low)
    if not math.isfinite(extent) or extent > LEVELS:
        return Encoding("float32")
    scale = 2.0 ** min(16, math.floor(math.log2(LEVELS / extent))) if extent else 1.0
    if extent and 0.5 / scale > ROUNDING * _narrowest(dataset, window):
        return Encoding("float32")
    # Rounded down, to a number that the graph's float32 holds too.
    offset = np.float32(low)
    if offset > low:
        offset = np.nextafter(offset, np.float32(-np.inf))
    return Encoding("uint16", float(offset), scale)


def _narrowest(dataset: Dataset, window: tuple[float, float] | None) -> float:
    """The least range of values that becomes 0..1 for any image."""
    if window is not None:
        return window[1] - window[0]
    ranges = dataset.table["p995"] - dataset.table["p005"]
    return float(ranges[ranges > 0].min()) if (ranges > 0).any() else math.inf
