"""The bootstrap of a statistic of rows, one resample after the other: plain, and slow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfmed.statistics import Interval, bootstrap_weighted


def bootstrap(
    statistic: Callable[[np.ndarray], dict[str, float]],
    patients: np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    rows = np.arange(len(patients))

    def each(weights: np.ndarray) -> dict[str, np.ndarray]:
        drawn = [statistic(np.repeat(rows, row)) for row in weights]
        return {name: np.array([values[name] for values in drawn]) for name in drawn[0]}

    return bootstrap_weighted(each, patients, resamples, seed)
