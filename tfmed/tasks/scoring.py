"""From truth and probabilities to the layout of `scores.json`, with intervals over patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfmed import metrics
from tfmed.metrics import Threshold
from tfmed.statistics import RESAMPLES, Interval, bootstrap_weighted

Numbers = dict[str, dict[str, float]]
OWN_PATIENT = "no patient has more than one example"
DISAGREE = "examples of one patient have different labels"


@dataclass(frozen=True)
class Answers:
    """Truth and a model's answers, row by row.

    Attributes:
        truth: `[N, K]`, 0, 1 or NaN (unknown).
        probabilities: `[N, K]`.
        patients: `[N]` text.
        classes: class names.
        multi_label: labels do not exclude each other.
        threshold: the locked operating point, as `tfmed.metrics.call` takes it.
    """

    truth: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray
    classes: tuple[str, ...]
    multi_label: bool
    threshold: Threshold

    def by_patient(self) -> Answers | str:
        """One row a patient, its probabilities averaged; or why that is not defined, in words."""
        patients, first, member = np.unique(self.patients, return_index=True, return_inverse=True)
        if len(patients) == len(self.patients):
            return OWN_PATIENT
        truth = self.truth[first]
        same = (self.truth == truth[member]) | (np.isnan(self.truth) & np.isnan(truth[member]))
        if not same.all():
            return DISAGREE
        total = np.zeros_like(truth, dtype=np.float64)
        np.add.at(total, member, self.probabilities)
        mean = total / np.bincount(member)[:, None]
        return replace(self, truth=truth, probabilities=mean, patients=patients)


def overall(answers: Answers, resamples: int = RESAMPLES, seed: int = 0) -> Numbers:
    """Every metric of `tfmed.metrics` as `{"value", "low", "high"}`; NaN is "undefined"."""

    def statistic(weights: np.ndarray) -> dict[str, Any]:
        return metrics.compute(
            answers.truth,
            answers.probabilities,
            multi_label=answers.multi_label,
            threshold=answers.threshold,
            weights=weights,
        )

    values = statistic(np.ones((1, len(answers.truth))))
    return _join(values, bootstrap_weighted(statistic, answers.patients, resamples, seed))


def per_class(answers: Answers, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Each class against the rest: the metrics of `PER_CLASS`, and `examples` that show it."""
    called = metrics.call(answers.probabilities, answers.threshold, answers.multi_label)
    result: dict[str, Any] = {}
    for index, name in enumerate(answers.classes):
        columns = (answers.truth[:, index], answers.probabilities[:, index], called[:, index])

        def statistic(weights: np.ndarray, columns: Any = columns) -> dict[str, np.ndarray]:
            return metrics.compute_column(*columns, weights)

        values = statistic(np.ones((1, len(answers.truth))))
        numbers = _join(values, bootstrap_weighted(statistic, answers.patients, resamples, seed))
        result[name] = {**numbers, "examples": int((columns[0] == 1).sum())}
    return result


def _join(values: dict[str, Any], intervals: dict[str, Interval]) -> Numbers:
    undefined = (float("nan"), float("nan"))
    numbers = {}
    for name, value in values.items():
        low, high = intervals.get(name, undefined)
        # An interval around a number that is not defined would say more than is known.
        if np.isnan(value[0]):
            low, high = undefined
        numbers[name] = {"value": float(value[0]), "low": low, "high": high}
    return numbers
