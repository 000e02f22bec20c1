"""Which segmented cases a reader should look at, and what went wrong in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tfmed.evaluation.wording import defined, number, structure
from tfmed.tasks.segmentation.scores import ALL_SCORES, Cases, gather

KINDS = ("best", "median", "worst")
DICE = ALL_SCORES.index("dice")
DISTANCES = {"hd95_mm": "mm", "hd95_px": "px"}


def scored(predictions: pd.DataFrame, classes: Sequence[str], split: str) -> Cases | None:
    """The scored rows of a part (of all, where no row is of it); None where none has a truth.

    Args:
        predictions: as `predictions.csv`.
        classes: the background first.
        split: the part that was scored.
    """
    inside = (predictions["split"] == split).to_numpy()
    rows = np.flatnonzero(inside) if inside.any() else np.arange(len(predictions))
    told = [name for name in predictions if name.startswith("true_")]
    part = predictions.iloc[rows].reset_index(drop=True)
    if not told or part[told].replace("", np.nan).isna().all(axis=None):
        return None
    cases = gather(part, classes)
    cases.rows[:] = rows[cases.rows]
    return cases


def dice(cases: Cases) -> np.ndarray:
    """The mean Dice over the structures of each case, `[N]`; NaN where it has none of them."""
    values = pd.DataFrame(cases.scores[:, 1:, DICE])
    return values.mean(axis=1).to_numpy()


def ranked(cases: Cases) -> np.ndarray:
    """Positions of the cases that have a Dice, the best first."""
    mean = dice(cases)
    order = np.argsort(-mean, kind="stable")
    return order[~np.isnan(mean[order])]


def chosen(cases: Cases, count: int = 3) -> list[tuple[str, int]]:
    """The best, the median and the worst cases: kind and position, none of them twice.

    Args:
        cases: scored.
        count: of each kind, at most.
    """
    order = ranked(cases)
    # With few cases each kind has one before any has its second.
    count = min(count, max(len(order) // len(KINDS), 1))
    start = max((len(order) - count) // 2, 0)
    parts = {"worst": order[::-1][:count], "best": order[:count]}
    parts["median"] = order[start : start + count]
    found: dict[int, str] = {}
    for kind in ("worst", "best", "median"):
        for position in parts[kind]:
            found.setdefault(int(position), kind)
    return [(kind, at) for kind in KINDS for at in order if found.get(int(at)) == kind]


def describe(cases: Cases, position: int) -> dict[str, Any]:
    """A case in words: `row` (a spreadsheet's), `dice`, `scores`, `missed`, `invented`.

    Args:
        cases: scored.
        position: of the case in them.
    """
    structures = [(k, structure(name)) for k, name in enumerate(cases.classes[1:], 1)]
    values, sizes = cases.scores[position], cases.sizes[position]
    truth, found = sizes[:, 0] > 0, sizes[:, 1] > 0
    return {
        # As a spreadsheet counts: the header is row 1.
        "row": int(cases.rows[position]) + 2,
        "dice": number(dice(cases)[position]),
        "scores": [
            {"name": name, "dice": number(values[k, DICE]), "distance": distance(values[k])}
            for k, name in structures
            if defined(values[k, DICE])
        ],
        "missed": [name for k, name in structures if truth[k] and not found[k]],
        "invented": [name for k, name in structures if found[k] and not truth[k]],
    }


def distance(values: np.ndarray) -> str:
    """HD95 of one structure with its unit, or "" where it is not defined; `[M]` scores."""
    for name, unit in DISTANCES.items():
        value = values[ALL_SCORES.index(name)]
        if defined(value):
            return f"{value:.3g}\u00a0{unit}"
    return ""
