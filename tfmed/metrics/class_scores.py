"""Scores of a classifier: NumPy in, a number out; NaN where a score is not defined.

Every metric is called as `metric(truth, probabilities, **options)`:

- `truth`: `[N, K]`, one-hot, or with `multi_label` 0, 1 or NaN (unknown); or `[N]` class
  indices.
- `probabilities`: `[N, K]`; or `[N]`, the probability of the positive class of two.
- the options are those of `ScoreOptions`; a metric leaves unused what does not concern it.

Two classes: the score of the positive class, the one at index 1. Three and more: the mean over
the classes (macro), undefined when a class has no example. Multi-label: the mean over the
labels of which both values are known; an example counts for the labels that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict, Unpack

import numpy as np

from tfmed.errors import DataError
from tfmed.metrics import column

HALF = 0.5
BINARY = 2

Threshold = float | Sequence[float] | None
Score = float | np.ndarray


class ScoreOptions(TypedDict, total=False):
    """What every metric takes by name.

    Attributes:
        multi_label: labels do not exclude each other.
        threshold: see `call`.
        called: `[N, K]` bool, the calls themselves, in place of the threshold's.
        weights: how much each example counts, `[N]`; or `[R, N]`, and then the result is
            `[R]`, one value a resample: so the bootstrap computes a thousand at once.
    """

    multi_label: bool
    threshold: Threshold
    called: np.ndarray | None
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
    if probabilities.shape[1] == BINARY:
        positive = probabilities[:, 1] >= level
        return np.stack([~positive, positive], axis=1)
    return np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(axis=1)]


def accuracy(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]
) -> Score:
    """Share of examples (multi-label: of an example's labels) that are called right."""
    return compute(truth, probabilities, ("accuracy",), **options)["accuracy"]


def balanced_accuracy(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]
) -> Score:
    """Mean recall of the classes; for multi-label, of a label and of its absence."""
    return compute(truth, probabilities, ("balanced_accuracy",), **options)["balanced_accuracy"]


def recall(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]) -> Score:
    """Share of the positive that is called positive (sensitivity)."""
    return compute(truth, probabilities, ("recall",), **options)["recall"]


def precision(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]
) -> Score:
    """Share of the called that is positive; 0 where there are positives and none is called."""
    return compute(truth, probabilities, ("precision",), **options)["precision"]


def f1(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]) -> Score:
    """Harmonic mean of recall and precision; undefined without a positive example."""
    return compute(truth, probabilities, ("f1",), **options)["f1"]


def auroc(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]) -> Score:
    """Area under the ROC curve, one class against the rest; equal scores count one half."""
    return compute(truth, probabilities, ("auroc",), **options)["auroc"]


def average_precision(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]
) -> Score:
    """Precision averaged over the steps of recall, without interpolation."""
    return compute(truth, probabilities, ("average_precision",), **options)["average_precision"]


def brier(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]) -> Score:
    """Mean squared error of the probabilities (Brier 1950); 0 is best.

    Two classes: of the positive class, up to 1. Three and more: summed over the classes, up
    to 2.
    """
    return compute(truth, probabilities, ("brier",), **options)["brier"]


def ece(truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]) -> Score:
    """Expected calibration error in 15 bins of equal width; 0 is best.

    Two classes and multi-label: the probability of the positive class against the share of
    positives (Naeini 2015). Three and more: the largest probability against the share that is
    right (Guo 2017).
    """
    return compute(truth, probabilities, ("ece",), **options)["ece"]


def accuracy_at_half(
    truth: np.ndarray, probabilities: np.ndarray, **options: Unpack[ScoreOptions]
) -> Score:
    """Accuracy at a threshold of one half, whatever the operating point."""
    return compute(truth, probabilities, ("accuracy_at_half",), **options)["accuracy_at_half"]


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
    **options: Unpack[ScoreOptions],
) -> dict[str, Score]:
    """Several metrics by name, cheaper than one by one."""
    overall, _ = compute_with_classes(truth, probabilities, names, (), **options)
    return overall


def compute_with_classes(
    truth: np.ndarray,
    probabilities: np.ndarray,
    names: Iterable[str] = tuple(METRICS),
    class_names: Iterable[str] = PER_CLASS,
    **options: Unpack[ScoreOptions],
) -> tuple[dict[str, Score], list[dict[str, Score]]]:
    """Metrics of all classes together, and of each class against the rest.

    Args:
        truth: as every metric.
        probabilities: as every metric.
        names: of the metrics of all classes.
        class_names: of the metrics of each class; with none their work is saved.
        **options: as every metric.
    """
    names, class_names = tuple(names), tuple(class_names)
    multi_label = options.get("multi_label", False)
    truth, probabilities = _matrices(truth, probabilities, multi_label)
    given, called = options.get("weights"), options.get("called")
    if called is None:
        called = call(probabilities, options.get("threshold"), multi_label)
    half = call(probabilities, None, multi_label)
    weights = np.ones((1, len(truth))) if given is None else np.atleast_2d(given)
    weights = weights.astype(np.float64)
    counted = _counted(truth, multi_label)
    columns = {
        k: column.scores(
            truth[:, k], probabilities[:, k], called[:, k], half[:, k], weights,
            {*names, *class_names},
        )
        for k in (range(truth.shape[1]) if class_names else counted)
    }  # fmt: skip
    undefined = np.full(len(weights), np.nan)
    overall = {
        name: np.mean([columns[k][name] for k in counted], axis=0) if counted else undefined
        for name in names
    }
    if not multi_label and truth.shape[1] > BINARY:
        overall |= _exclusive(truth, probabilities, called, weights, names)
    classes = [{name: values[name] for name in class_names} for values in columns.values()]
    alone = given is None or np.ndim(given) == 1
    return _plain(overall, alone), [_plain(values, alone) for values in classes if values]


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


def _counted(truth: np.ndarray, multi_label: bool) -> list[int]:
    """The columns whose scores are averaged."""
    count = truth.shape[1]
    if multi_label:
        return [k for k in range(count) if {0.0, 1.0} <= set(np.unique(truth[:, k]))]
    return [1] if count == BINARY else list(range(count))


def _exclusive(
    truth: np.ndarray,
    probabilities: np.ndarray,
    called: np.ndarray,
    weights: np.ndarray,
    names: Iterable[str],
) -> dict[str, np.ndarray]:
    """What is not a mean over columns where three and more classes exclude each other."""
    right = (truth * called).sum(axis=1)
    largest = (truth * call(probabilities)).sum(axis=1)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "accuracy": lambda: column.mean(right, weights),
        "accuracy_at_half": lambda: column.mean(largest, weights),
        "balanced_accuracy": lambda: np.mean(
            [column.recall(*pair, weights) for pair in zip(truth.T, called.T, strict=True)],
            axis=0,
        ),
        "brier": lambda: column.mean(((probabilities - truth) ** 2).sum(axis=1), weights),
        "ece": lambda: column.calibration(largest, probabilities.max(axis=1), weights),
    }
    return {name: ways[name]() for name in names if name in ways}


def _plain(values: dict[str, np.ndarray], alone: bool) -> dict[str, Score]:
    return {name: float(value[0]) if alone else value for name, value in values.items()}
