"""What a reader must know before trusting predicted numbers, found from their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.evaluation.wording import brief, count, defined, number, percent, reach_of
from tfmed.metrics import conformal

FEW = 30
PARTS = 5  # of the range of numbers; the outer ones are its extremes


@dataclass(frozen=True)
class Numbered:
    """What the scores of numbers were measured on.

    Attributes:
        trained: `[N]`, truth of the training part.
        tested: `[M]`, truth of the scored examples.
        metrics: as `metrics` of `scores.json`.
        coverage: `confidence`, `value`, `low`, `high` and `width`; None without intervals.
        validation_patients: by which intervals were made.
        kind: what the numbers are, as `"bone age"`.
        unit: of them, or "".
    """

    trained: np.ndarray
    tested: np.ndarray
    metrics: Mapping[str, Any]
    coverage: Mapping[str, Any] | None
    validation_patients: int
    kind: str
    unit: str

    def told(self, value: float) -> str:
        """A number with its unit."""
        return f"{brief(value)} {self.unit}".strip()


def limits(about: Numbered) -> list[str]:
    """The limits that are of numbers, one sentence or two each, the weightiest first."""
    rules = (_slope, _bias, _range, _extremes, _coverage, _kinds, _readers)
    return [sentence for rule in rules for sentence in rule(about)]


def _slope(about: Numbered) -> Iterator[str]:
    slope = about.metrics.get("slope") or {}
    value, high, low = (slope.get(name) for name in ("value", "high", "low"))
    if defined(high) and high < 1:
        yield (
            f"Predictions are drawn to the mean: their slope on the truth is {number(value, 2)} "
            f"({reach_of(slope, 2)}). High numbers are told too low and low ones too high, and a "
            "change in a patient too small."
        )
    if defined(low) and low > 1:
        yield (
            f"Predictions are exaggerated: their slope on the truth is {number(value, 2)} "
            f"({reach_of(slope, 2)}). High numbers are told too high and low ones too low."
        )


def _bias(about: Numbered) -> Iterator[str]:
    bias = about.metrics.get("bias") or {}
    value, low, high = (bias.get(name) for name in ("value", "low", "high"))
    if defined(value) and defined(low) and defined(high) and low * high > 0:
        way = "high" if value > 0 else "low"
        ends = " to ".join(brief(end) for end in sorted((abs(low), abs(high))))
        yield f"Predictions are too {way} by {about.told(abs(value))} on average ({ends})."


def _range(about: Numbered) -> Iterator[str]:
    if not len(about.trained):
        return
    low, high = float(about.trained.min()), float(about.trained.max())
    outside = int(((about.tested < low) | (about.tested > high)).sum())
    seen = count(outside, "test example") if outside else "No test example"
    yield (
        f"The network learned from a {about.kind} of {brief(low)} to {about.told(high)}. Of one "
        f"beyond it can only guess, and no interval holds there. {seen} lay outside."
    )


def _extremes(about: Numbered) -> Iterator[str]:
    if not len(about.trained):
        return
    edges = np.linspace(about.trained.min(), about.trained.max(), PARTS + 1)
    for name, low, high in (
        ("lowest", edges[0], edges[1]),
        ("highest", edges[-2], edges[-1]),
    ):
        found = int(((about.tested >= low) & (about.tested <= high)).sum())
        if found < FEW:
            yield (
                f"Only {count(found, 'test example')} lie in the {name} fifth of that range "
                f"({brief(low)} to {about.told(high)}): errors there are hardly known."
            )


def _coverage(about: Numbered) -> Iterator[str]:
    found = about.coverage
    if found is None:
        return
    if found["width"] == np.inf:
        yield conformal.without_bounds(about.validation_patients, found["confidence"])
        return
    low, high = found["low"], found["high"]
    ends = f"{percent(low, 0)} to {percent(high, 0)}"
    if defined(high) and high < found["confidence"]:
        yield (
            f"Intervals hold less than they state: {percent(found['value'], 0)} ({ends}) of the "
            f"truth instead of {percent(found['confidence'], 0)}."
        )
    if defined(low) and low > found["confidence"]:
        yield (
            f"Intervals are wider than they need be: they hold {percent(found['value'], 0)} "
            f"({ends}) of the truth instead of {percent(found['confidence'], 0)}."
        )


def _kinds(about: Numbered) -> Iterator[str]:
    if about.coverage is not None and about.coverage["width"] != np.inf:
        yield (
            "Intervals hold what they state over all patients together, drawn as those of the "
            "validation part were; of one kind of patient, or at the extremes, they may hold less."
        )


def _readers(about: Numbered) -> Iterator[str]:
    del about
    yield (
        "The truth is what stands in the labels. How far two readers or devices differ is not "
        "known here, and no error can be judged without it."
    )
