"""The tables of a report: scores with their intervals, and rows of any columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfmed.evaluation.figures import Scored
from tfmed.evaluation.wording import METRICS, brief, defined, number, reach_of


def tiles(scores: Mapping[str, Any], results: Scored) -> list[dict[str, Any]]:
    """The four numbers at the head of the page."""
    metrics, per_class = scores.get("metrics", {}), scores.get("per_class", {})
    if results.binary:
        negative, positive = results.classes
        rows = [
            ("AUROC", metrics.get("auroc")),
            ("Balanced accuracy", metrics.get("balanced_accuracy")),
            ("Sensitivity", per_class.get(positive, {}).get("recall")),
            ("Specificity", per_class.get(negative, {}).get("recall")),
        ]
    else:
        names = ["auroc", "average_precision", "balanced_accuracy", "accuracy", "f1", "recall"]
        present = [name for name in names if name in metrics]
        if not results.multi_label:
            present = [name for name in present if name not in ("average_precision", "recall")]
        rows = [(METRICS[name][0], metrics[name]) for name in present[:4]]
    return [{"name": name, **bounds(metric)} for name, metric in rows]


def metrics(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a score, in the order of `METRICS`, then whatever else there is."""
    ordered = [name for name in METRICS if name in scores]
    ordered += [name for name in scores if name not in METRICS]
    return [
        {
            "name": METRICS.get(name, (name.replace("_", " "), ""))[0],
            "tells": METRICS.get(name, ("", ""))[1],
            **bounds(scores[name]),
        }
        for name in ordered
        if isinstance(scores[name], Mapping) or scores[name] is None
    ]


def per_class(scores: Mapping[str, Any], results: Scored) -> dict[str, Any] | None:
    """Each class's scores against the rest, and in multi-label its threshold."""
    classes = scores.get("per_class") or {}
    present = {name for row in classes.values() for name in row}
    columns = [name for name in METRICS if name in present]
    if not columns:
        return None
    found = scores.get("threshold")
    thresholds = dict(zip(results.classes, found, strict=True)) if isinstance(found, list) else {}
    rows = [
        (name, results.support.get(name), _cells(row, columns, thresholds.get(name)))
        for name, row in classes.items()
    ]
    names = [METRICS[name][0] for name in columns] + (["Threshold"] if thresholds else [])
    return {"columns": names, "rows": rows}


def _cells(
    row: Mapping[str, Any], columns: Sequence[str], threshold: float | None
) -> list[tuple[str, str]]:
    found = [bounds(row.get(column)) for column in columns]
    cells = [(one["value"], one["reach"]) for one in found]
    return cells if threshold is None else [*cells, (f"{threshold:.3g}", "")]


def operating(scores: Mapping[str, Any], results: Scored) -> list[dict[str, Any]]:
    """Sensitivity, specificity and predictive values of a binary classifier."""
    if not results.binary:
        return []
    negative, positive = results.classes
    rows = [
        ("Sensitivity", positive, "recall"),
        ("Specificity", negative, "recall"),
        ("Positive predictive value", positive, "precision"),
        ("Negative predictive value", negative, "precision"),
    ]
    tells = {
        "recall": "share of {} that is recognised",
        "precision": "share of {} called that is right",
    }
    per_class = scores.get("per_class", {})
    return [
        {"name": name, "tells": tells[of].format(who), **bounds(per_class.get(who, {}).get(of))}
        for name, who, of in rows
    ]


def bounds(metric: Mapping[str, Any] | None) -> dict[str, Any]:
    """A metric for a table: its text, and value, low, high in 0..1 for the drawn interval."""
    metric = metric or {}
    value, low, high = metric.get("value"), metric.get("low"), metric.get("high")
    bar = defined(value) and defined(low) and defined(high) and low >= 0 and high <= 1
    return {
        "value": number(value),
        "reach": reach_of(metric) if defined(value) else "",
        "bar": (value, low, high) if bar else None,
        "undefined": not defined(value),
    }


def amounts(metric: Mapping[str, Any] | None) -> dict[str, Any]:
    """As `bounds`, of what is measured and no share: its digits by its size, and no bar."""
    metric = metric or {}
    value, low, high = (metric.get(of) for of in ("value", "low", "high"))
    if not defined(value):
        return {"value": number(None), "reach": "", "bar": None, "undefined": True}
    reach = f"{brief(low)} to {brief(high)}" if defined(low) and defined(high) else ""
    return {"value": brief(value), "reach": reach, "bar": None, "undefined": False}


def plain(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Any rows as a table: `columns`, `rows`, and `words`, the columns that hold text."""
    if not rows:
        return None
    columns = list(dict.fromkeys(name for row in rows for name in row))
    words = [n for n in columns if n == "note" or any(isinstance(row.get(n), str) for row in rows)]
    cells = [[row.get(name) for name in columns] for row in rows]
    return {"columns": columns, "rows": cells, "words": words}
