"""What the report of numbers shows beside what all reports have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data.dataset import Dataset
from tfmed.evaluation import number_limits, number_plots, number_tables, sections
from tfmed.evaluation.contents import Answered
from tfmed.evaluation.limits import NOT_A_DEVICE, drawn, folds, patients_unknown, source, unread
from tfmed.evaluation.wording import brief, count, percent
from tfmed.metrics.conformal import CONFIDENCE

SECTIONS = (
    ("summary", "Summary"),
    ("data", "Data"),
    ("plan", "Plan"),
    ("training", "Training"),
    ("scores", "Scores"),
    ("agreement", "Agreement"),
    ("intervals", "Intervals"),
    ("examples", "Examples"),
    ("export", "Export"),
    ("limits", "Limits"),
    ("use", "Use"),
)


def worth_seeing(table: pd.DataFrame, most: int) -> Iterator[dict[str, Any]]:
    """The answers nearest to the truth, and those farthest off.

    Args:
        table: as `Number.table` gives; rows without truth are left out.
        most: of each kind.

    Yields:
        `row` (from 0), `right` (within its interval), `truth`, `prediction` and `index`.
    """
    columns = [pd.to_numeric(table[name].replace("", np.nan)) for name in ("truth", "prediction")]
    truth, predicted = (column.to_numpy(float) for column in columns)
    error = np.abs(predicted - truth)
    order = np.argsort(error, kind="stable")[: int(np.isfinite(error).sum())]
    most = min(most, len(order) // 2)
    for near, rows in ((True, order[:most]), (False, order[::-1][:most])):
        for row in rows.tolist():
            shown = {"truth": brief(truth[row]), "prediction": brief(predicted[row])}
            yield {"row": row, "right": near, **shown, "index": 0}


def view(answered: Answered, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the template names.

    Args:
        answered: predictions and scores.
        examples: of `worth_seeing`, each with `png`.
    """
    scores, chosen = answered.contents.scores, _chosen(answered)
    kind, unit = _called(answered.dataset)
    rows, truth, predicted, interval = _scored(answered.contents.predictions, scores)
    metrics, by_patient = scores.get("metrics") or {}, scores.get("per_patient") or {}
    agreed = number_plots.agreement(truth, predicted)
    coverage = scores.get("coverage")
    patients = max((one["validation_patients"] for one in chosen), default=0)
    limits = number_limits.limits(
        number_limits.Numbered(_trained(answered), truth, metrics, coverage, patients, kind, unit)
    )
    banded = coverage is not None and not any(one["expected"] for one in chosen)
    return {
        "navigation": SECTIONS,
        "task": f"regression of {kind}" + (f" in {unit}" if unit else ""),
        "label": "number",
        "latency_of": "image",
        "answers": "estimates",
        "tiles": number_tables.tiles(metrics, unit),
        "sentence": _sentence(coverage),
        "metrics": number_tables.metrics(metrics, unit),
        "not_by_patient": by_patient.get("undefined", ""),
        "per_patient": number_tables.metrics({} if "undefined" in by_patient else by_patient, unit),
        "unseen": number_tables.metrics((scores.get("test") or {}).get("metrics", {}), unit),
        "figures": {
            "scatter": sections.svg(
                number_plots.scatter(truth, predicted, kind, unit, interval if coverage else None)
            ),
            "bland_altman": sections.svg(
                number_plots.bland_altman(truth, predicted, agreed, kind, unit) if agreed else ""
            ),
        },
        "agreed": _agreed(agreed, unit),
        "banded": banded,
        "stated": percent(CONFIDENCE, 0),
        "validated": count(patients, "validation patient"),
        "intervals": number_tables.coverage(coverage, unit) if coverage else [],
        "worst": number_tables.worst(truth, predicted, interval, rows),
        "near": _pictures(examples, True),
        "far": _pictures(examples, False),
        "limits": _limits(answered, limits),
    }


def _chosen(answered: Answered) -> Sequence[Mapping[str, Any]]:
    return [member.chosen for member in answered.study.members] if answered.study else []


def _called(dataset: Dataset) -> tuple[str, str]:
    """What the numbers are called, and their unit where the source tells it."""
    about = dataset.facts.get("number") or {}
    return str(about.get("name") or "number").replace("_", " "), str(about.get("unit") or "")


def _scored(
    predictions: pd.DataFrame, scores: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Rows of the scored part with a known truth, their numbers and the ends of intervals."""
    inside = (predictions["split"] == str(scores.get("split", "test"))).to_numpy()
    inside = inside if inside.any() else np.ones(len(predictions), bool)
    names = ("truth", "prediction", "low", "high")
    columns = [pd.to_numeric(predictions[name].replace("", np.nan)) for name in names]
    truth, predicted, low, high = (column.to_numpy(float) for column in columns)
    rows = np.flatnonzero(inside & np.isfinite(truth))
    return rows, truth[rows], predicted[rows], (low[rows], high[rows])


def _trained(answered: Answered) -> np.ndarray:
    """The numbers of the training part; none where other data were asked."""
    if answered.study is None:
        return np.zeros(0)
    table = answered.study.dataset.table
    numbers = table["number"][table["split"] == "train"].to_numpy(float)
    return numbers[np.isfinite(numbers)]


def _agreed(found: number_plots.Agreement | None, unit: str) -> dict[str, str]:
    if found is None:
        return {}
    reach = f"{brief(found.low)} to {brief(found.high)} {unit}".strip()
    pairs = count(found.pairs, "example")
    return {"bias": f"{brief(found.bias)} {unit}".strip(), "reach": reach, "pairs": pairs}


def _sentence(coverage: Mapping[str, Any] | None) -> str:
    if coverage is None:
        return ""
    return (
        f"The stated {percent(coverage['confidence'], 0)} intervals held "
        f"{percent(coverage['value'])} of the truth."
    )


def _pictures(rows: Sequence[Mapping[str, Any]], near: bool) -> list[dict[str, Any]]:
    return [
        {
            **sections.pictured(row),
            "truth": row["truth"],
            "prediction": row["prediction"],
        }
        for row in rows
        if bool(row["right"]) == near
    ]


def _limits(answered: Answered, own: Sequence[str]) -> list[str]:
    """The limits of an evaluation, one sentence or two each, the weightiest first."""
    tested = sections.tested(answered.contents, {})
    found = [NOT_A_DEVICE, *drawn(tested), *patients_unknown(tested), *own]
    for rule in (folds, source, unread):
        found.extend(rule(tested))
    return found
