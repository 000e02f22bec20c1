"""Examples whose size, spacing or values lie far from those of the rest, each with its reason."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfmed.evaluation.wording import amount

FAR = 6.0  # robust standard deviations
LEAST = 20  # examples of a kind, below which nothing is typical
TO_SIGMA = 1.4826  # of the median absolute deviation, for a normal distribution

# Column: what it is called. Lengths are compared as ratios, values against the usual range.
LENGTHS = {
    "height": "height in pixels",
    "width": "width in pixels",
    "depth": "number of slices or frames",
    "row_spacing_mm": "pixel spacing (mm)",
    "slice_spacing_mm": "slice spacing (mm)",
}
VALUES = {
    "p005": "0.5th percentile",
    "p995": "99.5th percentile",
    "mean": "mean",
    "std": "standard deviation",
}
# What is far must also differ to be seen: by a third in length, by 30 % of the usual range.
LEAST_SIGMA = 0.05
KIND = ["modality", "units", "channels"]


def outliers(table: pd.DataFrame) -> pd.DataFrame:
    """The examples that lie far from others of their modality, units and channels.

    Args:
        table: of an audited data set.

    Returns:
        The farthest first: `row` (position in the table), `distance` (robust standard
        deviations, by median and MAD), `reason` in words.
    """
    places = pd.DataFrame({"row": np.arange(len(table))})
    kinds = places.groupby([table[name].to_numpy() for name in KIND])["row"]
    found = [_of_kind(table.iloc[rows], rows.to_numpy()) for _, rows in kinds if len(rows) >= LEAST]
    empty = pd.DataFrame({"row": [], "distance": [], "reason": []})
    far = pd.concat([one for one in found if len(one)] or [empty], ignore_index=True)
    return far.sort_values("distance", ascending=False, kind="stable").reset_index(drop=True)


def _of_kind(table: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    usual = float((table["p995"] - table["p005"]).median())
    distances, typical = {}, {}
    for name in (*LENGTHS, *VALUES):
        if name not in table or table[name].notna().sum() < LEAST:
            continue
        numbers = table[name].to_numpy(float)
        typical[name] = float(np.nanmedian(numbers))
        if name in LENGTHS:
            numbers, least = np.log(np.maximum(numbers, 1e-6)), LEAST_SIGMA
        else:
            least = max(LEAST_SIGMA * usual, 1e-9)
        gap = np.abs(numbers - np.nanmedian(numbers))
        distances[name] = gap / max(TO_SIGMA * float(np.nanmedian(gap)), least)
    if not distances:
        return pd.DataFrame()
    every = pd.DataFrame(distances).fillna(0.0).to_numpy()
    worst, far = every.argmax(axis=1), np.flatnonzero(every.max(axis=1) > FAR)
    names = list(distances)
    units = table["units"].iloc[0]
    reasons = [
        _reason(name, float(table[name].iloc[at]), typical[name], units)
        for at, name in ((at, names[worst[at]]) for at in far)
    ]
    return pd.DataFrame({"row": rows[far], "distance": every.max(axis=1)[far], "reason": reasons})


def _reason(name: str, value: float, typical: float, units: str) -> str:
    if name in LENGTHS:
        return f"{LENGTHS[name]} {amount(value)}, typically {amount(typical)}"
    unit = f" {units}" if units else ""
    return f"{VALUES[name]} {amount(value)}{unit}, typically {amount(typical)}{unit}"
