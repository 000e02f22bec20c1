"""What makes labels suspicious; each check needs tables alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pandas as pd

from tfmed.data.dataset import JOIN

PER_PATIENT_SHARE = 0.8
FEW_PATIENTS = 10


def duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Groups of examples with equal pixels, those first that contradict each other.

    Args:
        table: of an audited data set; one whose pixels were not read has no such groups.

    Returns:
        A row a group: `rows` (tuple of positions in the table), `images` (how many),
        `labels`, `parts` and `patients` (how many different ones; of patients the known).
    """
    again = _coming_again(table)
    rows = table.iloc[again.index]
    grouped = pd.DataFrame(
        {
            "rows": again.index,
            # In multi-label an empty text says that no class is there; None, that nobody knows.
            "labels": (rows["label"] + "/" + rows["unknown"]).to_numpy(),
            "parts": rows["split"].replace("", None).to_numpy(),
            "patients": rows["patient"].where(rows["patient_known"], None).to_numpy(),
        }
    ).groupby(again.to_numpy(), sort=False)
    found = grouped[["labels", "parts", "patients"]].nunique()
    found = found.assign(rows=grouped["rows"].agg(tuple), images=grouped.size())
    worst = ["labels", "parts", "patients", "images"]
    return found.sort_values(worst, ascending=False, kind="stable").reset_index(drop=True)


def _coming_again(table: pd.DataFrame) -> pd.Series:
    """The digests that occur more than once, by position in the table."""
    if "digest" not in table:
        return pd.Series(dtype="str")
    digest = table["digest"].reset_index(drop=True)
    return digest[(digest != "") & digest.duplicated(keep=False)]


def patients_with_two_labels(table: pd.DataFrame) -> int:
    """Patients whose examples have different labels, where labels seem to be of patients.

    They seem so when at least four in five of the known patients with several labelled examples
    have one label in all of them. Elsewhere, as with labels of slices, there is nothing
    suspicious in several labels, and the answer is 0.
    """
    known = table[table["label"].notna() & table["patient_known"]]
    labels = known.groupby("patient")["label"].agg(["size", "nunique"])
    several = labels[labels["size"] > 1]
    contradicting = int((several["nunique"] > 1).sum())
    one_label = 1 - contradicting / max(len(several), 1)
    return contradicting if one_label >= PER_PATIENT_SHARE else 0


def one_name_spelled_twice(classes: Sequence[str]) -> list[tuple[str, ...]]:
    """Classes whose names differ only by case, spaces, hyphens or underscores.

    Example:
        >>> one_name_spelled_twice(["Normal", "lesion", "normal "])
        [('Normal', 'normal ')]
    """
    ordered = sorted(classes, key=_bare)
    groups = [tuple(names) for _, names in groupby(ordered, _bare)]
    return [names for names in groups if len(names) > 1]


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " _-\t\u00a0")


def small_classes(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    """Classes of fewer than `FEW_PATIENTS` patients, with how many they have."""
    pairs = table[["label", "patient"]].dropna(subset="label")
    if pairs["label"].str.contains(JOIN, regex=False).any():
        pairs = pairs.assign(label=pairs["label"].str.split(JOIN)).explode("label")
    patients = pairs.groupby("label")["patient"].nunique()
    counts = {name: int(patients.get(name, 0)) for name in classes}
    return {name: count for name, count in counts.items() if count < FEW_PATIENTS}
