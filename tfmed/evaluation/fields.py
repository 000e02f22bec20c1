"""Fields as values to compare with labels: scanner and settings, not what was found."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pandas as pd
from pydicom.config import IGNORE
from pydicom.uid import UID

from tfmed.data.dataset import JOIN, Dataset

# Field: what it is called. The scanner and the way of taking the image, not what is in it.
CATEGORIES = {
    "manufacturer": "Scanner maker",
    "device": "Scanner model",
    "modality": "Modality",
    "body_part": "Body part examined",
    "view": "View position",
    "sex": "Sex",
    "format": "File format",
    "transfer_syntax": "Transfer syntax",
    "photometric": "Photometric interpretation",
    "bits": "Bits stored",
    "channels": "Colour channels",
    "signed": "Signed numbers",
    "units": "Units",
    "size": "Size in pixels",
}
NUMBERS = {
    "height": "Height in pixels",
    "width": "Width in pixels",
    "depth": "Slices or frames",
    "row_spacing_mm": "Pixel spacing (mm)",
    "slice_spacing_mm": "Slice spacing (mm)",
    "frame_rate_hz": "Frame rate (Hz)",
    "slope": "Rescale slope",
    "intercept": "Rescale intercept",
    "window_low": "Low end of the display window",
    "window_high": "High end of the display window",
    "age_years": "Age (years)",
}
# Of the image as a whole, with no place and no shape in it: what a network has to beat.
PIXELS = {
    "mean": "Mean of the image",
    "std": "Standard deviation of the image",
    "p005": "0.5th percentile of the image",
    "p995": "99.5th percentile of the image",
}
NUMERIC = NUMBERS | PIXELS
NAMES = CATEGORIES | NUMERIC

MISSING = "not given"
OTHERS = "others"
FEW_VALUES, FEW_NUMBERS = 12, 6
SYNTAX = "transfer_syntax"


def of(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The fields that a table has, as text or as float; of size the form that fits.

    Few different sizes are a category, many are two numbers.
    """
    names = [name for name in NAMES if name == "size" or name in table]
    found = {name: values(table, name) for name in names}
    few = found["size"].nunique() <= FEW_VALUES
    return {
        name: one
        for name, one in found.items()
        if name not in (("height", "width") if few else ("size",))
    }


def values(table: pd.DataFrame, name: str) -> pd.Series:
    """One field: text for categories (`MISSING` where it is empty), float for numbers."""
    if name in NUMERIC:
        return table[name].astype(float)
    if name == "size":
        flat = table["width"].astype(str) + " x " + table["height"].astype(str)
        whole = flat.where(table["depth"] <= 1, flat + " x " + table["depth"].astype(str))
        return whole.where(table["width"] > 0, MISSING)  # where only headers were read
    text = table[name].astype(str).str.strip()
    text = text.where((text != "") & (text != "nan"), MISSING)
    return text.map(_syntax) if name == SYNTAX else text


@cache
def _syntax(uid: str) -> str:
    """What a transfer syntax is called; an unknown UID as it is."""
    return UID(uid, IGNORE).name


def texts(of_field: pd.Series) -> pd.Series:
    """Values of a field as they are printed."""
    if of_field.dtype.kind == "f":
        return of_field.map(lambda one: MISSING if np.isnan(one) else f"{one:.6g}").astype(str)
    return of_field.str.slice(0, 48)


def truth(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Which classes rows of a data set have: 1 where a class is there, 0 not, NaN not known."""
    labels = table["label"]
    if not dataset.multi_label:
        members = {name: (labels == name).astype(float) for name in dataset.classes}
        return pd.DataFrame(members, index=table.index).where(labels.notna())
    here = _members(labels.fillna(""), dataset.classes)
    return (
        here.astype(float).mask(_members(table["unknown"], dataset.classes)).where(labels.notna())
    )


def _members(joined: pd.Series, classes: tuple[str, ...]) -> pd.DataFrame:
    sets = [frozenset(names.split(JOIN)) for names in joined]
    members = {name: [name in own for own in sets] for name in classes}
    return pd.DataFrame(members, index=joined.index)


def by_class(dataset: Dataset, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often each value of a field comes with each class; many numbers in ranges.

    Args:
        dataset: audited.
        name: of `NAMES`.

    Returns:
        Examples, a row a value (index: its text; rare ones are one row) and a column a class; and
        for the same rows `examples` and `patients`, whatever their class.
    """
    found = values(dataset.table, name)
    many = name in NUMERIC and found.nunique() > FEW_NUMBERS
    text = _ranges(found) if many else texts(found)
    if text.dtype != "category":
        frequent = text.value_counts().index[:FEW_VALUES]
        text = text.where(text.isin(frequent), OTHERS)
        text = pd.Series(pd.Categorical(text, _ordered(text, name)), text.index)
    members = truth(dataset.table, dataset) == 1
    counts = members.groupby(text, observed=True).sum().astype(int)
    owners = dataset.table["patient"].groupby(text, observed=True)
    return counts, owners.agg(["size", "nunique"]).set_axis(["examples", "patients"], axis=1)


def _ordered(text: pd.Series, name: str) -> list[str]:
    """Numbers by size, categories by frequency; what is missing last."""
    names = list(text.value_counts().index)
    last = [other for other in (OTHERS, MISSING) if other in names]
    rest = [other for other in names if other not in last]
    return (sorted(rest, key=float) if name in NUMERIC else rest) + last


def _ranges(numbers: pd.Series) -> pd.Series:
    """Numbers in quarters, open at both ends: the oldest patient's age is nobody's business."""
    inner = np.unique(np.nanquantile(numbers, (0.25, 0.5, 0.75)))
    names = [f"up to {inner[0]:.4g}"]
    names += [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(inner)]
    names.append(f"above {inner[-1]:.4g}")
    step = np.searchsorted(inner, numbers.to_numpy(), side="left")
    step = np.where(numbers.isna(), len(names), step)
    return pd.Series(pd.Categorical.from_codes(step, [*names, MISSING]), numbers.index)
