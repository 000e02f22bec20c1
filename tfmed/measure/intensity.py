"""First-order statistics of the intensities under a mask."""

from __future__ import annotations

import numpy as np
from scipy import stats

BINS = 32


def first_order(values: np.ndarray) -> dict[str, float | None]:
    """Mean, spread, percentiles, form and entropy of the values under a mask.

    Equal to IBSI's mean (Q4LE), median (Y12H), 10th and 90th percentile (QG58, 8DWT), minimum
    (1GSF), maximum (84IY), skewness (KE2A) and excess kurtosis (IPH6). The standard deviation is
    the root of IBSI's variance (ECT3; divided by N). Entropy is IBSI's (TLU2) after `levels`:
    bits, 0 where all are equal, at most 5.

    Args:
        values: `[N]`, in modality units.

    Returns:
        By name; None where it is undefined: all of no value, skewness and kurtosis of equal ones.
    """
    names = ("mean", "sd", "median", "p10", "p90", "minimum", "maximum")
    if values.size == 0:
        return dict.fromkeys((*names, "skewness", "kurtosis", "entropy"))
    own = values.astype(np.float64)
    p10, median, p90 = np.percentile(own, [10, 50, 90])
    found = (own.mean(), own.std(), median, p10, p90, own.min(), own.max())
    varied = own.std() > 0
    shares = np.bincount(levels(own)) / own.size
    shares = shares[shares > 0]
    return {
        **{name: float(value) for name, value in zip(names, found, strict=True)},
        "skewness": float(stats.skew(own)) if varied else None,
        "kurtosis": float(stats.kurtosis(own)) if varied else None,
        "entropy": float(-(shares * np.log2(shares)).sum()) + 0.0,
    }


def levels(values: np.ndarray) -> np.ndarray:
    """Values as 32 levels of equal width from their least (1) to their greatest (32).

    IBSI's fixed bin number. Equal values are all level 1.
    """
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.ones(values.shape, np.uint8)
    scaled = np.floor(BINS * (values.astype(np.float64) - low) / (high - low)) + 1
    return np.minimum(scaled, BINS).astype(np.uint8)
