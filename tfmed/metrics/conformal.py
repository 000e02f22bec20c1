"""Intervals about predicted numbers that hold a stated share of the truth: split conformal.

How far validation truth lies from its predictions tells how far new truth will: the interval is
the prediction and a half width on both sides, of which a quantile of the validation errors is the
smallest that suffices (Vovk, Gammerman and Shafer, 2005; Lei et al., JASA 2018). No model of the
errors is assumed, and the network may be as wrong as it likes: then the intervals are wide.

**What is assumed.** A new patient is drawn as the validation patients were (patients are
exchangeable), and a patient's examples come in no order that matters. Examples of one patient may
depend on each other as they will: each patient counts once, its examples sharing that one vote
(Dunn, Wasserman and Ramdas, JASA 2022; Lee, Barber and Willett, arXiv 2306.06342, whose quantile
this is). Where every patient has one example it is the usual one, the ceil((n + 1) * confidence)-th
smallest of n errors.

**What holds then.** Over all draws of validation patients, the interval of an example of a new
patient holds its truth with at least that confidence. It does not hold for each kind of patient
alone, nor for those of another hospital, and a network that has chosen its weights by these same
examples makes it a little optimistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfmed.errors import DataError
from tfmed.metrics.agreement import checked
from tfmed.statistics import wilson

CONFIDENCE = 0.9
ROUNDING = 1e-9


def half_width(
    truth: np.ndarray,
    predicted: np.ndarray,
    patients: np.ndarray,
    scale: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
) -> float:
    """The half width of intervals, from validation examples.

    Args:
        truth: `[N]`.
        predicted: `[N]`, in the same unit.
        patients: `[N]`, whose each example is.
        scale: `[N]`, the error that the network expects of each; None where it tells none.
        confidence: share of new examples that intervals are to hold.

    Returns:
        In the unit of `truth`; with `scale`, a factor of it. Infinite where the patients are
        fewer than `fewest(confidence)`: with so few no finite width is known to suffice.

    Raises:
        DataError: shapes do not agree, a number is not finite, or a scale is not positive.
    """
    truth, predicted = checked(truth, predicted)
    errors = np.abs(truth - predicted)
    if scale is not None:
        _, scale = checked(truth, scale)
        if (scale <= 0).any():
            raise DataError(f"the smallest scale is {scale.min():g}; expected more than 0")
        errors = errors / scale
    names, member, examples = np.unique(
        np.asarray(patients).astype(str), return_inverse=True, return_counts=True
    )
    if member.shape != errors.shape:
        raise DataError(f"{len(member)} patients are given for {len(errors)} examples")
    order = np.argsort(errors, kind="stable")
    # The new patient has a vote too, and may be farther off than all others.
    reached = np.cumsum(1 / examples[member][order]) / (len(names) + 1)
    enough = np.flatnonzero(reached >= confidence - ROUNDING)
    return float(errors[order[enough[0]]]) if len(enough) else math.inf


def intervals(
    predicted: np.ndarray, width: float, scale: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends, `[N]` each.

    Args:
        predicted: `[N]`.
        width: of `half_width`.
        scale: `[N]`, as `half_width` had it.
    """
    reach = np.full(len(predicted), width) if scale is None else width * np.asarray(scale)
    return predicted - reach, predicted + reach


def fewest(confidence: float = CONFIDENCE) -> int:
    """With how many validation patients intervals begin to be finite: 9 for 90 %.

    Example:
        >>> fewest(0.9), fewest(0.95)
        (9, 19)
    """
    return math.ceil(confidence / (1 - confidence) - ROUNDING)


def without_bounds(patients: int, confidence: float = CONFIDENCE) -> str:
    """Why intervals are infinite, as a sentence.

    Args:
        patients: in the validation part.
        confidence: of the intervals.
    """
    return (
        f"Intervals that hold {100 * confidence:g} % need at least {fewest(confidence)} validation "
        f"patients and there are {patients}, so they have no bounds."
    )


@dataclass(frozen=True)
class Coverage:
    """How many numbers lay in their intervals.

    Attributes:
        value: share of examples; NaN without any.
        low: lower end of its 95 % interval.
        high: upper end.
        width: the median width of the intervals, infinite where they have no bounds.
    """

    value: float
    low: float
    high: float
    width: float


def coverage(
    truth: np.ndarray, low: np.ndarray, high: np.ndarray, patients: np.ndarray
) -> Coverage:
    """The share of truth within intervals, ends included, with Wilson's interval.

    Wilson's interval counts patients, not examples, as if those of one patient were all in their
    intervals or none was: it is rather too wide than too narrow.

    Args:
        truth: `[N]`, of examples that took no part in `half_width`.
        low: `[N]`.
        high: `[N]`.
        patients: `[N]`.
    """
    truth, low, high = (np.asarray(values, np.float64) for values in (truth, low, high))
    if not len(truth):
        return Coverage(math.nan, math.nan, math.nan, math.nan)
    share = float(((low <= truth) & (truth <= high)).mean())
    count = len(np.unique(np.asarray(patients).astype(str)))
    ends = wilson(round(share * count), count)
    return Coverage(share, *ends, width=float(np.median(high - low)))
