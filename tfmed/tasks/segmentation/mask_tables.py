"""The tables of a segmentation's report: scores with units, by structure, patient and case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmed.evaluation.score_tables import amounts, bounds
from tfmed.evaluation.volume_plots import unit_of
from tfmed.evaluation.wording import METRICS, defined, number, plainly
from tfmed.tasks.segmentation import ranking
from tfmed.tasks.segmentation.scores import ALL_SCORES, BIAS, DIFFERENCE, SCORES, Cases

LENGTHS = {"hd95_mm": "mm", "hd95_px": "px"}
COUNTS = ("examples", "missed", "invented", "absent")
MOST_PATIENTS, MOST_CASES = 12, 10


def unit(scores: Mapping[str, Any], cases: Cases | None) -> tuple[float, str]:
    """By what volumes are divided in tables, and their unit."""
    sizes = np.empty(0) if cases is None else cases.sizes[:, 1:]
    return unit_of(sizes, str(scores.get("size_unit", "")))


def metrics(scores: Mapping[str, Any], of: str, volume: tuple[float, str]) -> list[dict[str, Any]]:
    """A row a score, with its unit.

    Args:
        scores: as `scores.json`.
        of: its part, `"metrics"` or `"per_patient"`.
        volume: as `unit` gives it.
    """
    found = scores.get(of) or {}
    tolerance = plainly(scores.get("nsd_tolerance_mm"))
    return [
        {
            "name": _named(name, volume[1]),
            "tells": METRICS[name][1].replace("the tolerance", _tolerance(scores, tolerance)),
            **measured(name, found[name], volume[0]),
        }
        for name in METRICS
        if name in found and name in ALL_SCORES
    ]


def measured(name: str, metric: Mapping[str, Any] | None, divisor: float) -> dict[str, Any]:
    """A score for a table; of volumes divided, and of what is no share without the drawn bar."""
    metric = dict(metric or {})
    if name in (DIFFERENCE, BIAS):
        for end, value in metric.items():
            metric[end] = value / divisor if defined(value) else value
    share = name in ("dice", "iou", "nsd")
    return bounds(metric) if share else amounts(metric)


def tiles(scores: Mapping[str, Any], volume: tuple[float, str]) -> list[dict[str, Any]]:
    """The four numbers at the head of the page."""
    found = scores.get("metrics") or {}
    names = [name for name in ("dice", "nsd", "hd95_mm", "hd95_px", DIFFERENCE) if name in found]
    return [
        {"name": _named(name, volume[1]), **measured(name, found[name], volume[0])}
        for name in names[:4]
    ]


def per_class(scores: Mapping[str, Any], volume: tuple[float, str]) -> dict[str, Any] | None:
    """Each class's scores with their intervals, and how many examples show it."""
    classes = scores.get("per_class") or {}
    present = {name for row in classes.values() for name in row}
    columns = [name for name in (*SCORES, DIFFERENCE, BIAS) if name in present]
    if not columns:
        return None
    rows = []
    for name, row in classes.items():
        cells = []
        for column in columns:
            found = measured(column, row[column], volume[0]) if column in row else None
            cells.append((found["value"], found["reach"]) if found else ("", ""))
        rows.append((name, row.get("examples"), cells))
    names = [_named(column, volume[1]) for column in columns]
    return {"columns": names, "rows": rows}


def patients(cases: Cases) -> dict[str, Any] | None:
    """The patients with the lowest Dice, numbered, not named; None where each has one case.

    Args:
        cases: scored.
    """
    averaged = cases.by_patient()
    if isinstance(averaged, str):
        return None
    order = ranking.ranked(averaged)[::-1]
    rows = []
    for place, position in enumerate(order[:MOST_PATIENTS], 1):
        own = np.flatnonzero(cases.patients == averaged.patients[position])
        rows.append(
            {
                "place": place,
                "examples": len(own),
                "dice": number(ranking.dice(averaged)[position]),
                "each": [number(value) for value in averaged.scores[position, 1:, ranking.DICE]],
                "first": int(cases.rows[own[0]]) + 2,
                "failures": sum(len(_failures(cases, int(one))) for one in own),
            }
        )
    return {"classes": cases.classes[1:], "rows": rows, "of": len(averaged.patients)}


def worst(cases: Cases, masks: Mapping[int, str]) -> list[dict[str, Any]]:
    """The cases with the lowest Dice, each with a link to its mask where there is one.

    Args:
        cases: scored.
        masks: of rows of `predictions` (from 0) where the mask lies, seen from the report.
    """
    order = ranking.ranked(cases)[::-1][:MOST_CASES]
    return [
        {**ranking.describe(cases, int(at)), "mask": masks.get(int(cases.rows[at]), "")}
        for at in order
    ]


def failures(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How often each structure was there, missed, invented, or rightly not found."""
    rows = list((scores.get("per_class") or {}).items())[1:]
    return [{"name": name, **{of: row.get(of, 0) for of in COUNTS}} for name, row in rows]


def _failures(cases: Cases, position: int) -> Sequence[str]:
    about = ranking.describe(cases, position)
    return [*about["missed"], *about["invented"]]


def _named(name: str, volume: str) -> str:
    words = METRICS[name][0]
    if name in (DIFFERENCE, BIAS):
        return f"{words}, {volume}"
    return f"{words}, {LENGTHS[name]}" if name in LENGTHS else words


def _tolerance(scores: Mapping[str, Any], tolerance: str) -> str:
    known = "hd95_px" not in (scores.get("metrics") or {})
    return f"{tolerance} {'mm' if known else 'px'}"
