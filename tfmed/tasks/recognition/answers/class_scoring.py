"""From truth and probabilities to the layout of `scores.json`, with intervals over patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tfmed import metrics
from tfmed.errors import DataError
from tfmed.metrics import Threshold
from tfmed.statistics import RESAMPLES, Interval, bootstrap_weighted
from tfmed.tasks.recognition.answers.class_targets import encode

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
        called: `[N, K]` bool, what was called (each fold has its own operating point), or None
            for what the threshold calls.
    """

    truth: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray
    classes: tuple[str, ...]
    multi_label: bool
    threshold: Threshold
    called: np.ndarray | None = None

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
        return replace(self, truth=truth, probabilities=mean, patients=patients, called=None)


def of_table(
    table: pd.DataFrame,
    classes: tuple[str, ...],
    multi_label: bool,
    threshold: Threshold = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predictions: what `scores.json` holds, but for the task and the seconds.

    Args:
        table: as `Classes.table` gives; rows without truth are left out.
        classes: K names.
        multi_label: labels do not exclude each other.
        threshold: the locked operating point. What was called is read from the column
            `prediction` where there is one, because each fold has its own operating point.
        resamples: of the bootstrap over patients; 0 leaves intervals undefined.
        seed: of the bootstrap.

    Returns:
        `split` (`"all"` where parts are mixed), `threshold`, `examples`, `patients`, `metrics`,
        `per_class` and `per_patient`; a number that is not defined is NaN. `per_patient`
        averages a patient's probabilities; where that has no meaning it is `{"undefined": why}`.

    Raises:
        DataError: no row has a truth, or a label is not one of the classes.
    """
    truth = encode(table["truth"], table.get("unknown"), classes, multi_label)
    known = ~np.isnan(truth).all(axis=1)
    rows = table[known]
    if rows.empty:
        raise DataError("no prediction has a known truth: there is nothing to score")
    called = None
    if "prediction" in rows:
        called = encode(rows["prediction"], None, classes, multi_label) == 1
    answers = Answers(
        truth[known].astype(np.float64),
        rows[[f"p_{name}" for name in classes]].to_numpy(np.float64),
        rows["patient"].to_numpy(str),
        classes,
        multi_label,
        threshold,
        called,
    )
    overall, per_class = score(answers, resamples, seed)
    patient = answers.by_patient()
    per_patient: dict[str, Any] = {"undefined": patient}
    if not isinstance(patient, str):
        per_patient, _ = score(patient, resamples, seed, classes=False)
    splits = rows["split"].unique()
    return {
        "split": str(splits[0]) if len(splits) == 1 else "all",
        "threshold": threshold,
        "examples": len(rows),
        "patients": len(np.unique(answers.patients)),
        "metrics": overall,
        "per_class": per_class,
        "per_patient": per_patient,
    }


def score(
    answers: Answers, resamples: int = RESAMPLES, seed: int = 0, *, classes: bool = True
) -> tuple[Numbers, dict[str, Any]]:
    """Every metric, of all classes and of each against the rest, with its interval.

    Args:
        answers: at least one row.
        resamples: of the bootstrap over patients; 0 leaves intervals undefined.
        seed: of the bootstrap.
        classes: whether each class is scored too.

    Returns:
        `{NAME: {"value", "low", "high"}}` of `tfmed.metrics.METRICS`, and for each class the
        same of `PER_CLASS` with `examples`, how many show it. NaN is "undefined".
    """
    names = metrics.PER_CLASS if classes else ()

    def statistic(weights: np.ndarray) -> dict[Any, Any]:
        overall, each = metrics.compute_with_classes(
            answers.truth,
            answers.probabilities,
            class_names=names,
            multi_label=answers.multi_label,
            threshold=answers.threshold,
            called=answers.called,
            weights=weights,
        )
        flat: dict[Any, Any] = {(None, name): value for name, value in overall.items()}
        for label, values in zip(answers.classes, each, strict=False):
            flat |= {(label, name): value for name, value in values.items()}
        return flat

    values = statistic(np.ones((1, len(answers.truth))))
    intervals = bootstrap_weighted(statistic, answers.patients, resamples, seed)
    numbers: dict[Any, dict[str, Any]] = {}
    for (label, name), value in values.items():
        numbers.setdefault(label, {})[name] = _number(value, intervals.get((label, name)))
    overall = numbers.pop(None)
    for index, label in enumerate(answers.classes):
        if label in numbers:
            numbers[label]["examples"] = int((answers.truth[:, index] == 1).sum())
    return overall, numbers


def _number(value: np.ndarray, interval: Interval | None) -> dict[str, float]:
    # An interval around a number that is not defined would say more than is known.
    defined = interval is not None and not np.isnan(value[0])
    low, high = interval if interval is not None and defined else (float("nan"), float("nan"))
    return {"value": float(value[0]), "low": low, "high": high}
