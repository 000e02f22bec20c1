"""Scores of predicted numbers: how far they lie from the truth, and how well they follow it.

NumPy in, a number out; NaN where a score is not defined, as with no example or, where it asks how
numbers spread, with examples that are all alike. `truth` and `predicted` are `[N]`, in one unit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfmed.errors import DataError

Score = float | np.ndarray

NORMAL = 1.96  # standard deviations that hold 95 % of a normal distribution
ROUNDING = 1e-13  # a variance below this share of the largest square is what rounding leaves
METRICS = ("mae", "rmse", "r2", "concordance", "slope", "bias", "limit_low", "limit_high")


def compute(
    truth: np.ndarray,
    predicted: np.ndarray,
    names: Iterable[str] = METRICS,
    weights: np.ndarray | None = None,
) -> dict[str, Score]:
    """Several scores by name.

    - `mae`: mean absolute error. `rmse`: root of the mean squared error.
    - `r2`: share of the truth's variance that is explained; below 0 the mean would do better.
    - `concordance`: Lin's coefficient (Biometrics, 1989), 1 on the line of identity, lowered by
      scatter, shift and scale alike.
    - `slope`: of the least squares line of prediction on truth; below 1, high numbers are told
      too low and low ones too high.
    - `bias`: mean of prediction less truth. `limit_low`, `limit_high`: the 95 % limits of
      agreement about it (Bland and Altman, Lancet, 1986), undefined with one example.

    Args:
        truth: `[N]`.
        predicted: `[N]`.
        names: of `METRICS`.
        weights: how often each example counts, `[N]`; or `[R, N]`, and then each score is `[R]`,
            one value a resample: so the bootstrap computes a thousand at once.

    Raises:
        DataError: the shapes do not agree, or a number is not finite.
    """
    truth, predicted = checked(truth, predicted)
    counts = np.ones((1, len(truth))) if weights is None else np.atleast_2d(weights)
    found = _scores(truth, predicted, counts.astype(np.float64))
    alone = weights is None or np.ndim(weights) == 1
    return {name: float(found[name][0]) if alone else found[name] for name in names}


def checked(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction as float64 `[N]`.

    Raises:
        DataError: the shapes do not agree, or a number is not finite.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise DataError(
            f"truth has shape {truth.shape} and predictions {predicted.shape}; expected one "
            "number each for every example"
        )
    unknown = int((~(np.isfinite(truth) & np.isfinite(predicted))).sum())
    if unknown:
        raise DataError(f"{unknown} of {len(truth)} examples have no finite number; leave them out")
    return truth, predicted


def _scores(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every score from weighted sums, `[R]` each."""
    total = weights.sum(axis=1)
    # Sums of squares of large numbers that hardly differ would lose what differs.
    middle = truth.mean() if len(truth) else 0.0
    error, true, told = predicted - truth, truth - middle, predicted - middle

    def mean(values: np.ndarray) -> np.ndarray:
        return _ratio(weights @ values, total)

    true_mean, told_mean, bias = mean(true), mean(told), mean(error)
    square = mean(error**2)
    least = ROUNDING * np.square([true, told, error]).max(initial=0)
    true_spread, told_spread, error_spread = (
        np.where(variance > least, variance, 0 * variance)
        for variance in (
            mean(true**2) - true_mean**2,
            mean(told**2) - told_mean**2,
            square - bias**2,
        )
    )
    together = mean(true * told) - true_mean * told_mean
    both = true_spread + told_spread + (true_mean - told_mean) ** 2
    several = np.where(total > 1, total, np.nan)
    limit = NORMAL * np.sqrt(error_spread * several / (several - 1))
    return {
        "mae": mean(np.abs(error)),
        "rmse": np.sqrt(square),
        "r2": 1 - _ratio(square, true_spread),
        # Where neither spreads there is nothing to agree on, not even where both are equal.
        "concordance": np.where(true_spread > 0, _ratio(2 * together, both), np.nan),
        "slope": _ratio(together, true_spread),
        "bias": bias,
        "limit_low": bias - limit,
        "limit_high": bias + limit,
    }


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
