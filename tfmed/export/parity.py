"""Proof that what was written answers as the live model does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfmed.errors import ExportError

EXACT = 1e-4
HALF = 1e-2
# The cache's rounding, which a steep network enlarges (2e-4 seen on volumes); no score is of it.
ROUNDED = 1e-3
# None: stated with its scores, and not judged here.
TFLITE_TOLERANCES = {"float32": EXACT, "float16": HALF, "dynamic": None, "int8": None}


@dataclass(frozen=True)
class Row:
    """One comparison of answers.

    Attributes:
        name: what was compared with the live model.
        max_difference: the largest over examples and all that an answer is made of; None where
            nothing was compared.
        tolerance: what is allowed; None where the difference is only stated.
        note: how it was asked, or why not.
    """

    name: str
    max_difference: float | None
    tolerance: float | None = EXACT
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the difference is allowed; a NaN is not."""
        if self.max_difference is None or self.tolerance is None:
            return True
        return self.max_difference <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the card and the report."""
        return {**asdict(self), "passed": self.passed}


def judged(rows: list[Row]) -> list[Row]:
    """The rows as they are, where each is within its tolerance.

    Raises:
        ExportError: rows over their tolerance, all of them named.
    """
    failed = [row for row in rows if not row.passed]
    if failed:
        said = "; ".join(
            f"{row.name} differs by {row.max_difference:.2e} (allowed {row.tolerance:g})"
            for row in failed
        )
        raise ExportError(f"the export does not answer as the trained model does: {said}")
    return rows


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest absolute difference; infinite where either is not a number."""
    gap = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64))
    return float(np.max(np.where(np.isnan(gap), np.inf, gap)))


def compared(
    name: str,
    live: np.ndarray,
    answer: np.ndarray,
    tolerance: float | None = EXACT,
    note: str = "",
) -> Row:
    """A row of two answers."""
    return Row(name, difference(live, answer), tolerance, note)
