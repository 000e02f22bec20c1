"""The tables of a report on predicted numbers: scores with units, intervals, and worst examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfmed.evaluation.score_tables import amounts, bounds
from tfmed.evaluation.wording import brief, percent

# Of each score: what it is called, what it tells, and whether it has the unit of the numbers.
WORDS: dict[str, tuple[str, str, bool]] = {
    "mae": ("Mean absolute error", "how far predictions lie from the truth, on average", True),
    "rmse": ("Root mean squared error", "as above, large errors counting more", True),
    "r2": ("R2", "share of the truth's variance that is explained; 0 is guessing the mean", False),
    "concordance": (
        "Concordance",
        "agreement with the line of identity (Lin's coefficient); 1 is best",
        False,
    ),
    "slope": ("Slope", "of prediction on truth; below 1 extremes are drawn to the mean", False),
    "bias": ("Bias", "mean of prediction less truth; 0 is best", True),
    "limit_low": ("Lower limit of agreement", "bias less 1.96 standard deviations", True),
    "limit_high": ("Upper limit of agreement", "bias and 1.96 standard deviations", True),
}
SHARES = ("r2", "concordance")
TILES = ("mae", "r2", "concordance")
MOST_EXAMPLES = 10


def metrics(scores: Mapping[str, Any], unit: str) -> list[dict[str, Any]]:
    """A row a score, in the order of `WORDS`.

    Args:
        scores: by name `{"value", "low", "high"}`.
        unit: of the numbers, or "".
    """
    return [
        {"name": _named(name, unit), "tells": WORDS[name][1], **_measured(name, scores[name])}
        for name in WORDS
        if name in scores
    ]


def tiles(scores: Mapping[str, Any], unit: str) -> list[dict[str, Any]]:
    """The three numbers at the head of the page."""
    return [
        {"name": _named(name, unit), **_measured(name, scores[name])}
        for name in TILES
        if name in scores
    ]


def coverage(found: Mapping[str, Any], unit: str) -> list[dict[str, Any]]:
    """How often intervals held the truth, and how wide they are.

    Args:
        found: `confidence`, which they state, `value`, `low` and `high` of the share that they
            held, and `width`, the median.
        unit: of the numbers, or "".
    """
    told = f"share of the truth within its interval; {percent(found['confidence'], 0)} is stated"
    width = found["width"]
    return [
        {"name": "Coverage", "tells": told, **bounds(found)},
        {
            "name": f"Median width{f', {unit}' if unit else ''}",
            "tells": "from the lower to the upper end",
            **amounts({"value": width}),
            # An interval without bounds is known, not undefined.
            **({"value": "no bounds", "undefined": False} if width == np.inf else {}),
        },
    ]


def worst(
    truth: np.ndarray,
    predicted: np.ndarray,
    interval: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
) -> list[dict[str, Any]]:
    """The examples that are farthest off, told by their row alone.

    Args:
        truth: `[N]`.
        predicted: `[N]`.
        interval: low and high ends, `[N]` each.
        rows: `[N]`, of `predictions.csv` from 0; told as a spreadsheet counts, its header first.
    """
    errors = predicted - truth
    order = np.argsort(-np.abs(errors), kind="stable")[:MOST_EXAMPLES]
    return [
        {
            "row": int(rows[at]) + 2,
            "truth": brief(truth[at]),
            "prediction": brief(predicted[at]),
            "difference": f"{'+' if errors[at] > 0 else ''}{brief(errors[at])}",
            "interval": _ends(interval[0][at], interval[1][at]),
            "within": bool(interval[0][at] <= truth[at] <= interval[1][at]),
        }
        for at in order
    ]


def _ends(low: float, high: float) -> str:
    return f"{brief(low)} to {brief(high)}" if np.isfinite(high - low) else "no bounds"


def _named(name: str, unit: str) -> str:
    words, _, measured = WORDS[name]
    return f"{words}, {unit}" if measured and unit else words


def _measured(name: str, metric: Mapping[str, Any] | None) -> dict[str, Any]:
    return bounds(metric) if name in SHARES else amounts(metric)
