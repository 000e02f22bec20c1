"""Intervals: the bootstrap over patients, and Wilson's for a share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

import numpy as np
from scipy.special import ndtri

CONFIDENCE = 0.95
RESAMPLES = 1000
# Resampled weights held at once, which keeps memory flat for any number of examples.
CHUNK_NUMBERS = 4_000_000

Interval = tuple[float, float]
Name = TypeVar("Name", bound=Hashable)


def bootstrap_weighted(
    statistic: Callable[[np.ndarray], dict[Name, np.ndarray]],
    patients: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[Name, Interval]:
    """95 % percentile intervals (Efron 1979) of any statistics, by resampling patients.

    Patients are drawn with replacement, each with all of its rows, because rows of one patient
    resemble each other: resampling rows would make intervals too narrow.

    Args:
        statistic: takes `[R, N]` int, how often each row stands in each resample, and gives named
            `[R]` values, NaN where one is not defined; see `tfmed.metrics`.
        patients: `[N]`, the patient of each row.
        resamples: how often patients are drawn.
        seed: of the draw; equal seeds give equal intervals.

    Returns:
        `(low, high)` for each name. Resamples in which a number is not defined do not count
        for it; if they are more than half, its interval is `(nan, nan)`.
    """
    parts = [statistic(weights) for weights in _draw(np.asarray(patients), resamples, seed)]
    if not parts:
        return {}
    return {name: interval(np.concatenate([part[name] for part in parts])) for name in parts[0]}


def interval(values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """The middle `confidence` of values; `(nan, nan)` if more than half of them are not finite."""
    values = np.asarray(values, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if finite.size == 0 or 2 * finite.size < values.size:
        return float("nan"), float("nan")
    tail = 50 * (1 - confidence)
    low, high = np.percentile(finite, [tail, 100 - tail])
    return float(low), float(high)


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval (1927) of a share: right also for few trials and near 0 and 1.

    Args:
        successes: 0 up to `trials`.
        trials: how many independent patients.
        confidence: share of such intervals that hold the truth.

    Returns:
        `(low, high)`, both NaN without trials.

    Example:
        >>> low, high = wilson(8, 10)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be 0 to {trials} (the trials), got {successes}")
    if trials == 0:
        return float("nan"), float("nan")
    z = float(ndtri((1 + confidence) / 2))
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))


def _draw(patients: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each row stands in each resample, `[r, N]` int32, a chunk at a time."""
    names, member = np.unique(patients.astype(str), return_inverse=True)
    count = len(names)
    if count == 0 or resamples <= 0:
        return
    generator = np.random.default_rng(seed)
    size = max(1, CHUNK_NUMBERS // len(member))
    for start in range(0, resamples, size):
        chunk = min(size, resamples - start)
        times = np.empty((count, chunk), np.int32)
        for draw in range(chunk):
            times[:, draw] = np.bincount(generator.integers(count, size=count), minlength=count)
        # Rows are laid out one after the other, which the metrics sort by.
        yield times[member].T
