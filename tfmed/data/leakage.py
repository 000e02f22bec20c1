"""What would let a test part be known in training: equal images and patients in two parts."""

from __future__ import annotations

import pandas as pd

from tfmed.data.dataset import PARTS, Dataset
from tfmed.data.groups import pictures
from tfmed.errors import LeakageError

ANYWAY = "or go on with --allow-leakage"
TWIN = "equals an image of"


def settle(dataset: Dataset, allow_leakage: bool = False) -> Dataset:
    """Leave out of the earlier part what equals an image of a later one; stop at the rest.

    Args:
        dataset: audited; without the column `digest` only patients are looked at.
        allow_leakage: do not stop.

    Returns:
        The data set with the fact `duplicates`: `groups` of equal images, `images` in them,
        `left_out`, and in words `how`.

    Raises:
        LeakageError: equal images with different labels, or a patient in two parts.
    """
    if "digest" in dataset.table:
        if not allow_leakage:
            _check_labels(dataset.table)
        dataset = _leave_out(dataset)
    if not allow_leakage:
        _check_patients(dataset.table)
    return dataset


def _check_labels(table: pd.DataFrame) -> None:
    labelled = table[table["label"].notna()]
    said = labelled["label"] + "/" + labelled["unknown"]
    picture = pictures(labelled)
    different = said.groupby(picture).nunique()
    clashes = different.index[different > 1]
    if len(clashes):
        rows = labelled[picture == clashes[0]]
        first, second = rows.loc[~said[rows.index].duplicated()].iloc[:2].itertuples()
        raise LeakageError(
            f"{len(clashes)} images come again with another label, the first: "
            f"{first.id} is {first.label!r}, the equal {second.id} is {second.label!r}. "
            f"Mend the labels, {ANYWAY}"
        )


def _leave_out(dataset: Dataset) -> Dataset:
    table = dataset.table
    picture = pictures(table)
    again = picture.duplicated(keep=False)
    groups, images = int(picture[again].nunique()), int(again.sum())
    left_out = 0
    for part in PARTS[:-1]:
        for later in PARTS[PARTS.index(part) + 1 :]:
            # An unlabelled image is in no part: what equals it may be trained on.
            elsewhere = picture[table["split"] == later]
            twins = (table["split"] == part) & picture.isin(elsewhere)
            dataset = dataset.without(twins, f"{TWIN} {later}; left out of {part}")
            left_out += int(twins.sum())
            table = dataset.table
            picture = pictures(table)
    how = "equal images stay together in one part"
    if left_out:
        how = "images that equal one of a later part were left out of the earlier one"
    facts = {"groups": groups, "images": images, "left_out": left_out, "how": how}
    return dataset.with_facts(duplicates=facts)


def _check_patients(table: pd.DataFrame) -> None:
    known = table[table["patient_known"] & table["split"].isin(PARTS)]
    parts = known.groupby("patient")["split"].nunique()
    twice = int((parts > 1).sum())
    if twice:
        raise LeakageError(
            f"{twice} patients stand in two parts of the given split. Mend the split, leave it "
            f"out to have the data split by patient, {ANYWAY}"
        )
