"""Scores of a classifier: NumPy in, a number out; NaN where a score is not defined.

Every metric is called as `metric(truth, probabilities, **options)`:

- `truth`: `[N, K]`, one-hot, or with `multi_label` 0, 1 or NaN (unknown); or `[N]` class
  indices.
- `probabilities`: `[N, K]`; or `[N]`, the probability of the positive class of two.
- the options are those of `Options`; a metric that calls nothing leaves `threshold` unused.

Two classes: the score of the positive class, the one at index 1. Three and more: the mean over
the classes (macro), undefined when a class has no example. Multi-label: the mean over the
labels of which both values are known; an example counts for the labels that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict, Unpack

import numpy as np

from tfmed.errors import DataError

BINS = 15
HALF = 0.5

Threshold = float | Sequence[float] | None
Score = float | np.ndarray
# A kernel scores one column: truth [N] of 0 and 1, values [N], weights [R, N]; it gives [R].
Kernel = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Options(TypedDict, total=False):
    """What every metric takes by name.

    Attributes:
        multi_label: labels do not exclude each other.
        threshold: see `call`.
        weights: how much each example counts, `[N]`; or `[R, N]`, and then the result is
            `[R]`, one value a resample: so the bootstrap computes a thousand at once.
    """

    multi_label: bool
    threshold: Threshold
    weights: np.ndarray | None


def call(
    probabilities: np.ndarray, threshold: Threshold = None, multi_label: bool = False
) -> np.ndarray:
    """Which classes are called, `[N, K]` bool: at the threshold and above.

    Args:
        probabilities: `[N, K]`.
        threshold: of the positive class for two classes; one, or one a label, for
            `multi_label`; None is one half. Three and more exclusive classes have none: the
            largest probability is called, the first of equal ones.
        multi_label: labels do not exclude each other.
    """
    level = np.asarray(HALF if threshold is None else threshold, np.float64)
    if multi_label:
        return np.asarray(probabilities >= level)
    if probabilities.shape[1] == 2:
        positive = probabilities[:, 1] >= level
        return np.stack([~positive, positive], axis=1)
    return np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(axis=1)]


def accuracy(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Share of examples (multi-label: of an example's labels) that are called right."""
    return _score(truth, probabilities, options, _agreement, called=True, exclusive=_right)


def accuracy_at_half(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]
) -> Score:
    """Accuracy at a threshold of one half, whatever the operating point."""
    return accuracy(truth, probabilities, **(options | {"threshold": None}))  # type: ignore[typeddict-item]


def balanced_accuracy(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]
) -> Score:
    """Mean recall of the classes; for multi-label, of a label and of its absence."""
    several = np.ndim(probabilities) == 2 and np.shape(probabilities)[1] > 2
    kernel = _recall if several and not options.get("multi_label") else _balanced
    return _score(truth, probabilities, options, kernel, called=True)


def recall(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Share of the positive that is called positive (sensitivity)."""
    return _score(truth, probabilities, options, _recall, called=True)


def precision(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Share of the called that is positive; 0 where there are positives and none is called."""
    return _score(truth, probabilities, options, _precision, called=True)


def f1(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Harmonic mean of recall and precision; undefined without a positive example."""
    return _score(truth, probabilities, options, _f1, called=True)


def auroc(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Area under the ROC curve, one class against the rest; equal scores count one half."""
    return _score(truth, probabilities, options, _auroc)


def average_precision(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]
) -> Score:
    """Precision averaged over the steps of recall, without interpolation."""
    return _score(truth, probabilities, options, _average_precision)


def brier(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Mean squared error of the probabilities (Brier 1950); 0 is best.

    Two classes: of the positive class, up to 1. Three and more: summed over the classes, up
    to 2.
    """
    return _score(truth, probabilities, options, _brier, exclusive=_brier_sum)


def ece(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[Options]) -> Score:
    """Expected calibration error in 15 bins of equal width; 0 is best.

    Two classes and multi-label: the probability of the positive class against the share of
    positives (Naeini 2015). Three and more: the largest probability against the share that is
    right (Guo 2017).
    """
    return _score(truth, probabilities, options, _ece, exclusive=_ece_of_largest)


METRICS: dict[str, Callable[..., Score]] = {
    function.__name__: function
    for function in (
        accuracy, balanced_accuracy, recall, precision, f1,
        auroc, average_precision, brier, ece, accuracy_at_half,
    )
}  # fmt: skip
PER_CLASS = ("recall", "precision", "f1", "auroc", "average_precision", "brier")


def compute(
    truth: np.ndarray,
    probabilities: np.ndarray,
    names: Iterable[str] = tuple(METRICS),
    **options: Unpack[Options],
) -> dict[str, Score]:
    """Several metrics by name."""
    return {name: METRICS[name](truth, probabilities, **options) for name in names}


def compute_column(
    truth: np.ndarray, probabilities: np.ndarray, called: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """One class against the rest: the metrics of `PER_CLASS`, each `[R]`.

    Args:
        truth: `[N]`, 0, 1 or NaN (unknown: left out).
        probabilities: `[N]`, of this class.
        called: `[N]` bool, whether it is called.
        weights: `[R, N]`.
    """
    kernels = (_recall, _precision, _f1, _auroc, _average_precision, _brier)
    known = ~np.isnan(truth)
    if not known.any():
        return {name: np.full(len(weights), np.nan) for name in PER_CLASS}
    truth, weights = truth[known], weights[:, known].astype(np.float64)
    values = [called[known].astype(np.float64)] * 3 + [probabilities[known]] * 3
    return {
        name: kernel(truth, value, weights)
        for name, kernel, value in zip(PER_CLASS, kernels, values, strict=True)
    }


def _score(
    truth: np.ndarray,
    probabilities: np.ndarray,
    options: Options,
    kernel: Kernel,
    *,
    called: bool = False,
    exclusive: Kernel | None = None,
) -> Score:
    """Bring arguments to `[N, K]`, take the columns that count, score them, take their mean.

    `exclusive` scores all columns at once, for three and more classes.
    """
    multi_label = options.get("multi_label", False)
    truth, values = _matrices(truth, probabilities, multi_label)
    if called:
        values = call(values, options.get("threshold"), multi_label).astype(np.float64)
    given = options.get("weights")
    weights = np.ones((1, len(truth))) if given is None else np.atleast_2d(given).astype(np.float64)
    count = truth.shape[1]
    if multi_label:
        columns = [k for k in range(count) if (truth[:, k] == 0).any() and (truth[:, k] == 1).any()]
    else:
        columns = [1] if count == 2 else list(range(count))
    if exclusive is not None and not multi_label and count > 2:
        result = exclusive(truth, values, weights)
    elif not columns or not len(truth):
        result = np.full(len(weights), np.nan)
    else:
        parts = []
        for k in columns:
            known = ~np.isnan(truth[:, k])
            parts.append(kernel(truth[known, k], values[known, k], weights[:, known]))
        result = np.mean(parts, axis=0)
    return float(result[0]) if given is None or np.ndim(given) == 1 else result


def _matrices(
    truth: np.ndarray, probabilities: np.ndarray, multi_label: bool
) -> tuple[np.ndarray, np.ndarray]:
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, np.float64)
    if probabilities.ndim == 1:
        probabilities = np.stack([1 - probabilities, probabilities], axis=1)
    if truth.ndim == 1 and not multi_label:
        truth = np.eye(probabilities.shape[1])[truth.astype(int)]
    if truth.shape != probabilities.shape:
        raise DataError(
            f"truth has shape {truth.shape} and probabilities {probabilities.shape}; "
            "expected one probability for each class of each example"
        )
    return truth.astype(np.float64), probabilities


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ values, weights.sum(axis=1))


def _agreement(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean((truth == called).astype(np.float64), weights)


def _right(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean((truth * called).sum(axis=1), weights)


def _recall(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ (truth * called), weights @ truth)


def _balanced(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (_recall(truth, called, weights) + _recall(1 - truth, 1 - called, weights)) / 2


def _precision(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    share = np.nan_to_num(_ratio(weights @ (truth * called), weights @ called))
    return np.where(weights @ truth > 0, share, np.nan)


def _f1(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> np.ndarray:
    positives = weights @ truth
    share = _ratio(2 * (weights @ (truth * called)), positives + weights @ called)
    return np.where(positives > 0, share, np.nan)


def _steps(
    truth: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score, from the highest: `[R, S]`."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    sorted_weights = weights[:, order]
    positive = np.add.reduceat(sorted_weights * truth[order], starts, axis=1)
    return positive, np.add.reduceat(sorted_weights, starts, axis=1) - positive


def _auroc(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    positive, negative = _steps(truth, scores, weights)
    above = np.cumsum(positive, axis=1) - positive / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((above * negative).sum(axis=1), pairs)


def _average_precision(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    positive, negative = _steps(truth, scores, weights)
    hits, called = np.cumsum(positive, axis=1), np.cumsum(positive + negative, axis=1)
    share = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return _ratio((share * positive).sum(axis=1), hits[:, -1])


def _brier(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean((scores - truth) ** 2, weights)


def _brier_sum(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean(((scores - truth) ** 2).sum(axis=1), weights)


def _ece(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    bins = np.clip(np.ceil(scores * BINS).astype(int) - 1, 0, BINS - 1)
    member = np.eye(BINS)[bins]
    gaps = np.abs(weights @ (member * (scores - truth)[:, None]))
    return _ratio(gaps.sum(axis=1), weights.sum(axis=1))


def _ece_of_largest(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ece((truth * call(scores)).sum(axis=1), scores.max(axis=1), weights)
