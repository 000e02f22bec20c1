"""Predictions turned into the figures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tfmed.evaluation import charts, curves, plots
from tfmed.evaluation.wording import defined, number

OUT_OF_FOLD = "out_of_fold"


@dataclass(frozen=True)
class Scored:
    """Predictions of the scored part, as arrays.

    Attributes:
        truth: float `[N, K]`, 1 where the class is there, 0 where not, NaN where not known.
        called: float `[N, K]`, 1 where the class was predicted.
        probabilities: float `[N, K]`.
        patients: `[N]`.
        classes: K names.
        multi_label: an example may have several classes, or none.
    """

    truth: np.ndarray
    called: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray
    classes: tuple[str, ...]
    multi_label: bool

    @property
    def binary(self) -> bool:
        """Two classes that exclude each other; the second is the positive one."""
        return len(self.classes) == 2 and not self.multi_label

    @property
    def watched(self) -> list[int]:
        """The classes that get a curve: the positive one of two, else all."""
        return [1] if self.binary else list(range(len(self.classes)))

    @property
    def support(self) -> dict[str, int]:
        """How many examples have each class."""
        return {name: int(np.nansum(self.truth[:, k])) for k, name in enumerate(self.classes)}


def scored(
    predictions: pd.DataFrame, classes: Sequence[str], split: str, multi_label: bool
) -> Scored:
    """Take the rows of `split` (all, where no row has it) with a known truth.

    Args:
        predictions: as `predictions.csv`; in multi-label `truth` and `prediction` are joined
            by `|`, and a column `unknown` may name classes that are not known.
        classes: in the order of the probabilities.
        split: the part that was scored.
        multi_label: an example may have several classes, or none.
    """
    rows = predictions
    if "split" in rows and (rows["split"] == split).any():
        rows = rows[rows["split"] == split]
    truth_text, called_text = rows["truth"].fillna(""), rows["prediction"].fillna("")
    if not multi_label:
        rows = rows[truth_text != ""]
        truth_text, called_text = truth_text[rows.index], called_text[rows.index]
    truth = _member(truth_text, classes, multi_label)
    if multi_label and "unknown" in rows:
        truth[_member(rows["unknown"].fillna(""), classes, True) > 0] = np.nan
    return Scored(
        truth=truth,
        called=_member(called_text, classes, multi_label),
        probabilities=rows[[f"p_{name}" for name in classes]].to_numpy(np.float64),
        patients=rows["patient"].astype(str).to_numpy(),
        classes=tuple(classes),
        multi_label=multi_label,
    )


def draw(results: Scored, scores: Mapping[str, Any]) -> dict[str, str]:
    """Every figure that predictions give: name to SVG, "" where there is nothing to show."""
    # Each fold has its own threshold: there is no one line to draw.
    threshold = None if scores.get("split") == OUT_OF_FOLD else scores.get("threshold")
    watched = [results.classes[k] for k in results.watched]
    points = {name: _point(results, k) for name, k in zip(watched, results.watched, strict=True)}
    shown = {name: point for name, point in points.items() if point} if results.binary else {}
    roc, pr = _curves(results, curves.roc), _curves(results, curves.precision_recall)
    return {
        "confusion": _confusion(results),
        "roc": plots.roc(
            roc,
            {name: (point["fall_out"], point["recall"]) for name, point in shown.items()},
            {name: _area(scores, name, "auroc", results.binary) for name in watched},
        ),
        "pr": plots.precision_recall(
            pr,
            {
                name: (point["recall"], point["precision"])
                for name, point in shown.items()
                if defined(point["precision"])
            },
            {name: _area(scores, name, "average_precision", results.binary) for name in watched},
        ),
        "reliability": _reliability(results),
        "histogram": _histogram(results, threshold if defined(threshold) else None),
    }


def _member(text: pd.Series, classes: Sequence[str], multi_label: bool) -> np.ndarray:
    sets = [set(value.split("|")) if multi_label else {value} for value in text]
    return np.array([[float(name in own) for name in classes] for own in sets]).reshape(
        len(sets), len(classes)
    )


def _curves(results: Scored, make: Any) -> dict[str, curves.Curve | None]:
    # Bands of many curves would cover each other, and are not drawn: save the draws.
    resamples = 500 if len(results.watched) <= plots.FEW_CURVES else 2
    return {
        results.classes[k]: make(
            results.truth[:, k],
            results.probabilities[:, k],
            results.patients,
            resamples=resamples,
        )
        for k in results.watched
    }


def _point(results: Scored, k: int) -> dict[str, float] | None:
    """Where the operating point of class k lies; None without both outcomes."""
    known = np.isfinite(results.truth[:, k])
    truth, called = results.truth[known, k] > 0.5, results.called[known, k] > 0.5
    if truth.all() or not truth.any():
        return None
    precision = truth[called].mean() if called.any() else np.nan
    return {
        "recall": float(called[truth].mean()),
        "fall_out": float(called[~truth].mean()),
        "precision": float(precision),
    }


def _area(scores: Mapping[str, Any], name: str, metric: str, binary: bool) -> str:
    own = scores.get("metrics" if binary else "per_class", {})
    found = own.get(metric) if binary else own.get(name, {}).get(metric)
    return number((found or {}).get("value"))


def _confusion(results: Scored) -> str:
    if results.multi_label or not len(results.truth):
        return ""
    names = np.array(results.classes)
    # A prediction outside the classes cannot be, but an empty one (no row) may.
    full = results.called.sum(axis=1) == 1
    truth = names[results.truth[full].argmax(axis=1)]
    called = names[results.called[full].argmax(axis=1)]
    return charts.confusion(curves.confusion(truth, called, results.classes), results.classes)


def _reliability(results: Scored) -> str:
    if not len(results.truth):
        return ""
    if results.binary:
        positive = results.classes[1]
        table = curves.reliability(results.truth[:, 1], results.probabilities[:, 1])
        return plots.reliability(table, f"probability of {positive}", f"share with {positive}")
    if results.multi_label:
        table = curves.reliability(results.truth.ravel(), results.probabilities.ravel())
        return plots.reliability(table, "probability of a class", "share that has the class")
    top = results.probabilities.argmax(axis=1)
    right = results.truth[np.arange(len(top)), top]
    table = curves.reliability(right, results.probabilities.max(axis=1))
    return plots.reliability(table, "highest probability", "share of right answers")


def _histogram(results: Scored, threshold: float | None) -> str:
    if not results.binary or not len(results.truth):
        return ""
    p = results.probabilities[:, 1]
    groups = {name: p[results.truth[:, k] > 0.5] for k, name in enumerate(results.classes)}
    return plots.score_histogram(groups, threshold, f"probability of {results.classes[1]}")
