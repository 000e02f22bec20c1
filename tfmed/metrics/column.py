"""One class against the rest, for many resamples at once: the arithmetic under `class_scores`.

Shapes: `truth` `[N]` of 0 and 1, `weights` `[R, N]` float64, results `[R]`; NaN is undefined.
The weights are fastest as the transpose of an array `[N, R]`, as `tfmed.statistics` draws them:
a sort then moves whole rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

BINS = 15


def scores(
    truth: np.ndarray,
    probabilities: np.ndarray,
    called: np.ndarray,
    half: np.ndarray,
    weights: np.ndarray,
    names: Collection[str],
) -> dict[str, np.ndarray]:
    """The named metrics of one class.

    Args:
        truth: `[N]`, 0, 1 or NaN (unknown: left out).
        probabilities: `[N]`, of this class.
        called: `[N]` bool, whether it is called at the operating point.
        half: `[N]` bool, whether it is called at one half.
        weights: `[R, N]`.
        names: of `tfmed.metrics.METRICS`.
    """
    known = ~np.isnan(truth)
    if not known.all():
        truth, probabilities, called, half = (
            values[known] for values in (truth, probabilities, called, half)
        )
        weights = weights.T[known].T
    calls = called.astype(np.float64)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "accuracy": lambda: mean((truth == called).astype(np.float64), weights),
        "accuracy_at_half": lambda: mean((truth == half).astype(np.float64), weights),
        "balanced_accuracy": lambda: (
            (recall(truth, calls, weights) + recall(1 - truth, 1 - calls, weights)) / 2
        ),
        "recall": lambda: recall(truth, calls, weights),
        "precision": lambda: precision(truth, calls, weights),
        "f1": lambda: f1(truth, calls, weights),
        "brier": lambda: mean((probabilities - truth) ** 2, weights),
        "ece": lambda: calibration(truth, probabilities, weights),
    }
    found = {name: ways[name]() for name in names if name in ways}
    if "auroc" in names or "average_precision" in names:
        found["auroc"], found["average_precision"] = areas(truth, probabilities, weights)
    return found


def mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean of `[N]` values."""
    return _ratio(weights @ values, weights.sum(axis=1))


def recall(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the positive that is called."""
    return _ratio(weights @ (truth * called), weights @ truth)


def precision(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the called that is positive; 0 if none is called, undefined if none is positive."""
    share = np.nan_to_num(_ratio(weights @ (truth * called), weights @ called))
    return np.where(weights @ truth > 0, share, np.nan)


def f1(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Harmonic mean of recall and precision; undefined if none is positive."""
    positives = weights @ truth
    share = _ratio(2 * (weights @ (truth * called)), positives + weights @ called)
    return np.where(positives > 0, share, np.nan)


def areas(
    truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUROC (equal scores count one half) and average precision (a step a distinct score)."""
    if not len(truth):
        return np.full(len(weights), np.nan), np.full(len(weights), np.nan)
    order = np.argsort(-probabilities, kind="stable")
    starts = np.flatnonzero(np.diff(probabilities[order], prepend=np.inf))
    sorted_weights = weights.T[order]
    positive = sorted_weights * truth[order][:, None]
    if len(starts) < len(order):
        positive = np.add.reduceat(positive, starts, axis=0)
        sorted_weights = np.add.reduceat(sorted_weights, starts, axis=0)
    hits = np.cumsum(positive, axis=0)
    called = np.cumsum(sorted_weights, axis=0)
    positives, negatives = hits[-1], called[-1] - hits[-1]
    above = ((hits - positive / 2) * (sorted_weights - positive)).sum(axis=0)
    # Nothing is called yet only where nothing is hit either: any divisor will do.
    steps = (hits / np.maximum(called, np.finfo(np.float64).tiny) * positive).sum(axis=0)
    undefined = np.full(len(positives), np.nan)
    average = np.divide(steps, positives, out=undefined, where=positives > 0)
    return _ratio(above, positives * negatives), average


def calibration(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error: the mean gap between probability and share, by bin."""
    bins = np.clip(np.ceil(probabilities * BINS).astype(int) - 1, 0, BINS - 1)
    member = np.eye(BINS)[bins]
    gaps = np.abs(weights @ (member * (probabilities - truth)[:, None]))
    return _ratio(gaps.sum(axis=1), weights.sum(axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
