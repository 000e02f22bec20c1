"""What pixels tell as numbers: range, percentiles, mean, a digest; exact, and quick to count."""

from __future__ import annotations

import hashlib

import numpy as np

LOWER_PERCENT, UPPER_PERCENT = 0.5, 99.5
NOT_FINITE = "holds values that are not finite (NaN or infinity)"
CONSTANT = "all its pixels are equal"
COUNTED_RANGE = 1 << 16  # integers in a range up to this are counted, not sorted
BLOCK_VALUES = 1 << 20  # pixels counted at a time: a count needs 8 bytes a pixel
LOOKED_AT = 1 << 18  # pixels in which colour is looked for, evenly spread
COLOUR_GAP = 0.1  # of the range; less is a tint, or a video's or a JPEG's rounding
COLOUR_SHARE = 0.02  # of the pixels; less is a logo or a scale beside a grey image


def unusable(pixels: np.ndarray) -> str:
    """Why pixels carry nothing to learn from, or ""."""
    if pixels.size == 0:
        return CONSTANT
    with np.errstate(invalid="ignore"):
        low, high = pixels.min(), pixels.max()
    # One NaN makes both ends NaN, and an infinity is one of them.
    if pixels.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        return NOT_FINITE
    return CONSTANT if low == high else ""


def statistics(pixels: np.ndarray) -> dict[str, float]:
    """`minimum`, `maximum`, `p005`, `p995` (percentiles 0.5 and 99.5), `mean` and `std`.

    Percentiles are NumPy's, linear between neighbours. Integers are counted once, which gives
    all six; wider ranges and floats are sorted.

    Args:
        pixels: of any shape, finite, not empty.
    """
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind in "iu" and int(high) - int(low) < COUNTED_RANGE:
        return _counted(pixels, int(low), int(high))
    p005, p995 = np.percentile(pixels, (LOWER_PERCENT, UPPER_PERCENT))
    return {
        "minimum": float(low),
        "maximum": float(high),
        "p005": float(p005),
        "p995": float(p995),
        "mean": float(pixels.mean(dtype=np.float64)),
        "std": float(pixels.std(dtype=np.float64)),
    }


def coloured(pixels: np.ndarray) -> bool:
    """Whether an image has colours, and not three channels alone, as grey video has.

    Args:
        pixels: `[..., C]`; more than 2 % of them must have channels that differ by more than
            10 % of the range.
    """
    if pixels.shape[-1] == 1:
        return False
    flat = pixels.reshape(-1, pixels.shape[-1])
    some = flat[:: len(flat) // LOOKED_AT + 1].astype(np.float32)
    gaps = some.max(axis=1) - some.min(axis=1)
    return bool((gaps > COLOUR_GAP * (some.max() - some.min())).mean() > COLOUR_SHARE)


def digest(pixels: np.ndarray) -> str:
    """Hex SHA-256 of shape and values: equal for equal images, whatever their dtype.

    Whole numbers are hashed in the smallest integers that hold their range, others as float32
    where that is exact, else as float64.
    """
    found = hashlib.sha256(repr(pixels.shape).encode())
    found.update(np.ascontiguousarray(_canonical(pixels)).data)
    return found.hexdigest()


def _counted(pixels: np.ndarray, low: int, high: int) -> dict[str, float]:
    flat = pixels.reshape(-1)
    times = np.zeros(high - low + 1, np.int64)
    for start in range(0, flat.size, BLOCK_VALUES):
        shifted = np.subtract(flat[start : start + BLOCK_VALUES], low, dtype=np.int64)
        times += np.bincount(shifted, minlength=len(times))
    there = np.flatnonzero(times)
    times, values = times[there], (there + low).astype(np.float64)
    mean = float(times @ values) / flat.size
    upto = np.cumsum(times)
    return {
        "minimum": float(low),
        "maximum": float(high),
        "p005": _percentile(values, upto, LOWER_PERCENT),
        "p995": _percentile(values, upto, UPPER_PERCENT),
        "mean": mean,
        "std": float(np.sqrt(times @ (values - mean) ** 2 / flat.size)),
    }


def _percentile(values: np.ndarray, upto: np.ndarray, percent: float) -> float:
    """Between the two sorted pixels that lie around `percent` of the way from first to last."""
    place = percent / 100 * (upto[-1] - 1)
    around = np.floor([place, min(place + 1, upto[-1] - 1)])
    below, above = values[np.searchsorted(upto, around, side="right")]
    return float(below + (above - below) * (place - around[0]))


def _canonical(pixels: np.ndarray) -> np.ndarray:
    """The values in a dtype that depends on them alone."""
    whole = pixels.dtype.kind in "iub" or np.array_equal(pixels, np.rint(pixels))
    if whole and pixels.size:
        low, high = pixels.min(), pixels.max()
        for kind in (np.uint8, np.int16, np.uint16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return pixels.astype(np.dtype(kind).newbyteorder("<"), copy=False)
    wide = pixels.astype("<f8") + 0  # -0.0 equals 0.0, and adding 0 turns it into it
    narrow = wide.astype("<f4")
    return narrow if np.array_equal(wide, narrow) else wide
