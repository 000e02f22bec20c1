"""From true and predicted numbers to the layout of `scores.json`, with intervals over patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tfmed.errors import DataError
from tfmed.metrics import agreement, conformal
from tfmed.statistics import RESAMPLES, bootstrap_weighted

OWN_PATIENT = "no patient has more than one example"


def of_table(table: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Score predictions: what `scores.json` holds, but for the task and the seconds.

    Args:
        table: as `Number.table` gives; rows without truth are left out.
        resamples: of the bootstrap over patients; 0 leaves intervals undefined.
        seed: of the bootstrap.

    Returns:
        `split` (`"all"` where parts are mixed), `threshold` (None), `examples`, `patients`,
        `metrics` (`tfmed.metrics.agreement`), `coverage` of the predictions' own intervals (see
        `conformal.coverage`; None where they have none), `per_class` (none) and `per_patient`: of
        a patient's mean prediction against its mean truth, or `{"undefined": why}`.

    Raises:
        DataError: no row has a truth.
    """
    columns = {name: _numbers(table, name) for name in ("truth", "prediction", "low", "high")}
    known = np.isfinite(columns["truth"])
    if not known.any():
        raise DataError("no prediction has a known truth: there is nothing to score")
    truth, predicted, low, high = (columns[name][known] for name in columns)
    patients = table["patient"].to_numpy(str)[known]
    splits = np.unique(table["split"].to_numpy(str)[known])
    return {
        "split": str(splits[0]) if len(splits) == 1 else "all",
        "threshold": None,
        "examples": int(known.sum()),
        "patients": len(np.unique(patients)),
        "metrics": _scores(truth, predicted, patients, resamples, seed),
        "coverage": _coverage(truth, low, high, patients),
        "per_class": {},
        "per_patient": _by_patient(truth, predicted, patients, resamples, seed),
    }


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """A column of numbers; an empty cell of a file is text, and means that it is not known."""
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name].replace("", np.nan)).to_numpy(float)


def _scores(
    truth: np.ndarray, predicted: np.ndarray, patients: np.ndarray, resamples: int, seed: int
) -> dict[str, dict[str, float]]:
    def statistic(weights: np.ndarray) -> dict[Any, Any]:
        return dict(agreement.compute(truth, predicted, weights=weights))

    values = statistic(np.ones((1, len(truth))))
    intervals = bootstrap_weighted(statistic, patients, resamples, seed)
    found = {}
    for name, value in values.items():
        # An interval around a number that is not defined would say more than is known.
        ends = intervals.get(name, (np.nan, np.nan)) if np.isfinite(value[0]) else (np.nan, np.nan)
        found[name] = {"value": float(value[0]), "low": float(ends[0]), "high": float(ends[1])}
    return found


def _coverage(
    truth: np.ndarray, low: np.ndarray, high: np.ndarray, patients: np.ndarray
) -> dict[str, float] | None:
    if not (np.isfinite(low) & np.isfinite(high)).all():
        return None
    found = conformal.coverage(truth, low, high, patients)
    ends = {"value": found.value, "low": found.low, "high": found.high, "width": found.width}
    return {"confidence": conformal.CONFIDENCE, **ends}


def _by_patient(
    truth: np.ndarray, predicted: np.ndarray, patients: np.ndarray, resamples: int, seed: int
) -> dict[str, Any]:
    names, member = np.unique(patients, return_inverse=True)
    if len(names) == len(patients):
        return {"undefined": OWN_PATIENT}
    count = np.bincount(member)
    true, told = (np.bincount(member, values) / count for values in (truth, predicted))
    return _scores(true, told, names, resamples, seed)
