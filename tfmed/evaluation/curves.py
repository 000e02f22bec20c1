"""The curves of a classifier, as numbers: ROC, precision-recall, reliability, confusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from tfmed.statistics import wilson

GRID = np.linspace(0.0, 1.0, 101)


# Truth, scores and patients as codes, of the examples whose truth is known.
Known = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Curve:
    """A curve with a 95 % band.

    Attributes:
        x: false positive rate, or recall; float `[P]`, rising.
        y: true positive rate, or precision; float `[P]`.
        grid: float `[G]` positions of the band in x.
        low: float `[G]`, the band's lower edge; NaN where it is not defined.
        high: float `[G]`, its upper edge.
        base: share of positives among the examples.
    """

    x: np.ndarray
    y: np.ndarray
    grid: np.ndarray
    low: np.ndarray
    high: np.ndarray
    base: float


def roc(
    truth: np.ndarray,
    score: np.ndarray,
    patients: Sequence[str] | np.ndarray,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Curve | None:
    """True positive rate over false positive rate, with its band.

    Args:
        truth: `[N]` of 0 and 1; NaN (unknown) is left out.
        score: float `[N]`, larger for positives.
        patients: `[N]`, who each example is of; the bootstrap draws patients.
        resamples: bootstrap draws; one that lacks a class is left out.
        seed: of the draws.

    Returns:
        The curve, or None where fewer than two classes are present: it is undefined.
    """

    def points(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, _ = roc_curve(truth, score)
        return x, y

    def resampled(true: np.ndarray, false: np.ndarray) -> np.ndarray:
        return np.interp(GRID, np.append(0, false / false[-1]), np.append(0, true / true[-1]))

    return _curve(_known(truth, score, patients), points, resampled, resamples, seed)


def precision_recall(
    truth: np.ndarray,
    score: np.ndarray,
    patients: Sequence[str] | np.ndarray,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Curve | None:
    """Precision over recall, with its band; arguments and undefined case as `roc`.

    Precision is not interpolated linearly between points (Davis and Goadrich, ICML 2006);
    at a recall it is that of the first threshold which reaches it.
    """

    def points(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        precision, recall, _ = precision_recall_curve(truth, score, drop_intermediate=True)
        return recall[::-1], precision[::-1]

    def resampled(true: np.ndarray, false: np.ndarray) -> np.ndarray:
        reached = np.searchsorted(true / true[-1], GRID - 1e-12)
        positive = true + false
        share = np.divide(true, positive, out=np.full(len(true), np.nan), where=positive > 0)
        return share[np.minimum(reached, len(true) - 1)]

    return _curve(_known(truth, score, patients), points, resampled, resamples, seed)


def reliability(truth: np.ndarray, score: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """What share of examples was positive, by how sure the network was.

    Args:
        truth: `[N]` of 0 and 1; NaN (unknown) is left out.
        score: float `[N]` in 0..1.
        bins: number of equal steps of 0..1.

    Returns:
        A row a step: `low`, `high` (the step's edges), `count`, `score` (its mean), `share`
        (of positives), `share_low`, `share_high` (95 % Wilson, which takes examples for
        independent). Empty steps have NaN.
    """
    truth, score = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    known = np.isfinite(truth) & np.isfinite(score)
    truth, score = truth[known], score[known]
    step = np.minimum((score * bins).astype(int), bins - 1)
    rows = []
    for index in range(bins):
        inside = step == index
        count, ones = int(inside.sum()), int(truth[inside].sum())
        low, high = wilson(ones, count) if count else (np.nan, np.nan)
        mean = float(score[inside].mean()) if count else np.nan
        share = ones / count if count else np.nan
        rows.append((index / bins, (index + 1) / bins, count, mean, share, low, high))
    names = ["low", "high", "count", "score", "share", "share_low", "share_high"]
    return pd.DataFrame(rows, columns=names)


def confusion(
    truth: Sequence[str], prediction: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """How often each class (row) was called each class (column): int `[K, K]`."""
    if len(truth) == 0:
        return np.zeros((len(classes), len(classes)), np.int64)
    return confusion_matrix(list(truth), list(prediction), labels=list(classes))


def _curve(
    known: Known | None,
    points: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    resampled: Callable[[np.ndarray, np.ndarray], np.ndarray],
    resamples: int,
    seed: int,
) -> Curve | None:
    """A curve's points and its band; `resampled` gives its height over `GRID` for one draw."""
    if known is None:
        return None
    truth, score, codes = known
    low, high = _band(truth, score, codes, resampled, resamples, seed)
    return Curve(*points(truth, score), GRID, low, high, float(truth.mean()))


def _known(
    truth: np.ndarray, score: np.ndarray, patients: Sequence[str] | np.ndarray
) -> Known | None:
    """Rows with a known truth, highest score first, patients as codes; None with one class."""
    truth, score = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    rows = np.flatnonzero(np.isfinite(truth) & np.isfinite(score))
    rows = rows[np.argsort(-score[rows], kind="stable")]
    if len(rows) == 0 or np.ptp(truth[rows]) == 0:
        return None
    codes = np.unique(np.asarray(patients).astype(str)[rows], return_inverse=True)[1]
    return truth[rows], score[rows], codes


def _band(
    truth: np.ndarray,
    score: np.ndarray,
    codes: np.ndarray,
    resampled: Callable[[np.ndarray, np.ndarray], np.ndarray],
    resamples: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise 2.5th and 97.5th percentiles over draws of patients with replacement."""
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)  # one point a threshold
    curves = [
        resampled(true, false)
        for true, false in _draws(truth, codes, ends, resamples, seed)
        if true[-1] > 0 and false[-1] > 0
    ]
    if len(curves) < 2:
        return np.full(len(GRID), np.nan), np.full(len(GRID), np.nan)
    stack = np.stack(curves)
    # At recall 0 a draw may have called nobody positive: that column can be all NaN.
    defined = np.isfinite(stack).any(axis=0)
    edges = np.full((2, len(GRID)), np.nan)
    edges[:, defined] = np.nanpercentile(stack[:, defined], [2.5, 97.5], axis=0)
    return edges[0], edges[1]


def _draws(
    truth: np.ndarray, codes: np.ndarray, ends: np.ndarray, resamples: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Counts of true and false positives at every threshold, a pair a draw of patients."""
    random = np.random.default_rng(seed)
    people = int(codes.max()) + 1
    for _ in range(resamples):
        drawn = np.bincount(random.integers(people, size=people), minlength=people)[codes]
        yield np.cumsum(drawn * truth)[ends], np.cumsum(drawn * (1 - truth))[ends]
