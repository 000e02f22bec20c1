"""Images as people look at them: 8-bit shades by the file's own window or table.

Source: DICOM PS3.3 C.11.2.1.1 (VOI LUT), C.11.2.1.2 (window), C.11.2.1.3 (functions).
"""

from __future__ import annotations

import numpy as np

from tfmed.image import Image, VoiLut

LOWER_PERCENT, UPPER_PERCENT = 0.5, 99.5
BRIGHTEST = 255


def display(image: Image) -> np.ndarray:
    """Shades of grey, or colours, for people to look at.

    Grey goes through the file's VOI LUT, else through its window, else from the 0.5th
    percentile of the pixels to the 99.5th. Colours of 8 bits are left as they are, deeper ones
    go from 0 to the brightest that their bits hold.

    Args:
        image: as it was read.

    Returns:
        uint8, of the shape of `image.pixels`. What is not finite is 0.
    """
    if image.channels == 3:
        if image.pixels.dtype == np.uint8:
            return image.pixels
        return _eight_bits(image.pixels / np.float32(2**image.bits - 1))
    if image.voi_lut is not None:
        return _eight_bits(_looked_up(image.pixels, image.voi_lut))
    low, high = image.window or _percentiles(image.pixels)
    values = image.pixels.astype(np.float32)
    if image.window is not None and image.voi_function == "SIGMOID":
        # Past the middle by a whole width the shades are at 98 %: exp(-4) is 2 %.
        centre, width = (low + high) / 2, high - low
        with np.errstate(over="ignore"):
            return _eight_bits(1 / (1 + np.exp(-4 * (values - centre) / width)))
    # LINEAR and LINEAR_EXACT differ in where black and white lie, which the window tells.
    return _eight_bits((values - low) / (high - low))


def _looked_up(pixels: np.ndarray, lut: VoiLut) -> np.ndarray:
    """Shades 0 to 1 of a table; what lies beyond its ends takes the entry there."""
    places = np.nan_to_num(np.rint(pixels.astype(np.float64) - lut.first), posinf=2**31, neginf=0)
    index = np.clip(places, 0, len(lut.entries) - 1).astype(np.int64)
    return lut.entries[index] / np.float32(2**lut.bits - 1)


def _percentiles(pixels: np.ndarray) -> tuple[float, float]:
    finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    if finite.size == 0:
        return 0.0, 1.0
    low, high = (float(end) for end in np.percentile(finite, (LOWER_PERCENT, UPPER_PERCENT)))
    if low == high:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _eight_bits(shades: np.ndarray) -> np.ndarray:
    """0 to 1 as 0 to 255; what lies beyond is clipped."""
    scaled = np.rint(np.nan_to_num(shades, posinf=1.0, neginf=0.0) * BRIGHTEST)
    return np.clip(scaled, 0, BRIGHTEST).astype(np.uint8)
