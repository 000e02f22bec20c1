"""Training, validation and test parts and folds: by patient, stratified, without leakage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import leakage
from tfmed.data import truth as truths
from tfmed.data.dataset import PARTS, Dataset
from tfmed.data.groups import groups, share_out
from tfmed.errors import ConfigError, DataError

Fractions = tuple[float, float, float]
INNER_VALIDATION = 0.18


def assign(
    dataset: Dataset,
    fractions: Fractions = (0.7, 0.15, 0.15),
    seed: int = 0,
    allow_leakage: bool = False,
) -> Dataset:
    """The data set with `split` filled for every example whose truth is known.

    Patients and equal images are never parted, each class, or bin of numbers, has about the same
    share in each part, and one seed gives one split. A split that the source brings is kept; a
    validation part that it lacks is taken off its training part, and so is a test part with
    truth. Examples without it get no part: they are only predicted.

    Args:
        dataset: audited, so that patients of DICOM and equal images are known.
        fractions: of train, val and test, summing to 1; a part of 0 stays empty.
        seed: of the shuffling.
        allow_leakage: keep a source's split where patients stand in two parts, and images
            with two labels.

    Returns:
        The data set with facts `split` and `duplicates`, and rejects for training images that
        equal one of a later part.

    Raises:
        ConfigError: the fractions do not sum to 1.
        DataError: nothing can be learned (`KnownTruth.check`), or a class has fewer patients than
            parts.
        LeakageError: a patient in two parts, or equal images with different labels.
    """
    _check_fractions(fractions)
    dataset, unlabelled = _without_parts_to_predict(dataset)
    truths.of(dataset).check(dataset)
    dataset = leakage.settle(dataset, allow_leakage)
    given = [part for part in PARTS if (dataset.table["split"] == part).any()]
    if not given:
        dataset = _shared(
            dataset, np.ones(len(dataset), bool), dict(zip(PARTS, fractions, strict=True)), seed
        )
        how = f"split by {_unit(dataset)}, stratified by {_stratum(dataset)}, seed {seed}"
    else:
        dataset, how = _complete(dataset, given, fractions, seed)
    if unlabelled:
        how += f"; {unlabelled} examples without a {dataset.truth} are only predicted"
    if "stack" in dataset.facts:
        how += f"; {dataset.facts['stack']}"
    _check_training(dataset)
    return dataset.with_facts(split={"how": how, "parts": counts(dataset)})


def folds(dataset: Dataset, k: int, seed: int = 0, allow_leakage: bool = False) -> list[Dataset]:
    """Cross-validation by patient: `k` data sets, each with another fold as `test`.

    `val` is an inner part of about 18 % of the rest, by patient: what stops training and sets
    the threshold never sees the held fold. Examples that are already in a test part, and
    those without a label, are in none.

    Raises:
        ConfigError: `k` is less than 2.
        DataError: a class has fewer patients than folds.
        LeakageError: as in `assign`.
    """
    if k < 2:
        raise ConfigError(f"{k} folds; expected 2 or more")
    dataset, _ = _without_parts_to_predict(dataset)
    truths.of(dataset).check(dataset)
    table = dataset.table
    pooled = table["split"].where(table["split"] == "test", "train")
    dataset = leakage.settle(dataset.with_table(table.assign(split=pooled)), allow_leakage)
    pool = dataset.where((dataset.table["split"] == "train") & dataset.answered)
    names = [str(fold) for fold in range(k)]
    held = _parts(pool, dict.fromkeys(names, 1 / k), seed)
    made = []
    for fold, name in enumerate(names):
        outer = pool.with_table(pool.table.assign(split=np.where(held == name, "test", "train")))
        inner = {"train": 1 - INNER_VALIDATION, "val": INNER_VALIDATION}
        one = _shared(outer, (held != name), inner, seed + fold)
        by = f"by {_unit(dataset)}, stratified by {_stratum(dataset)}, seed {seed}"
        how = f"fold {fold + 1} of {k}, {by}"
        made.append(one.with_facts(split={"how": how, "parts": counts(one)}))
    return made


def counts(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Examples, patients and examples of each class in every part, as plain data."""
    truth = truths.of(dataset)
    found = {}
    for part in PARTS:
        rows = dataset.part(part)
        found[part] = {
            "examples": len(rows),
            "patients": int(rows.table["patient"].nunique()),
            "classes": truth.times(rows),
        }
    return found


def _without_parts_to_predict(dataset: Dataset) -> tuple[Dataset, int]:
    """Take examples without a label out of their parts; how many they are."""
    bare = ~dataset.answered
    table = dataset.table.assign(split=dataset.table["split"].where(~bare, ""))
    return dataset.with_table(table), int(bare.sum())


def _complete(
    dataset: Dataset, given: Sequence[str], fractions: Fractions, seed: int
) -> tuple[Dataset, str]:
    """Keep a source's parts, and take those that it lacks off its training part."""
    if "train" not in given:
        raise DataError(
            f"{dataset.name} has the parts {', '.join(given)} but no train; nothing to train on"
        )
    loose = (dataset.table["split"] == "") & dataset.answered
    dataset = dataset.without(loose, "is in no part, though the source has parts")
    lacking = [part for part in PARTS if part not in given]
    if not lacking:
        return dataset, "the source's own split was kept"
    share = {part: fractions[PARTS.index(part)] for part in lacking}
    share = {"train": 1 - sum(share.values()), **share}
    training = (dataset.table["split"] == "train").to_numpy()
    dataset = _shared(dataset, training, share, seed)

    def told(parts: Sequence[str]) -> str:
        return f"{' and '.join(parts)} {'were' if len(parts) > 1 else 'was'}"

    return dataset, (
        f"the source's own {told(given)} kept, {told(lacking)} taken off train by "
        f"{_unit(dataset)}, stratified by {_stratum(dataset)}, seed {seed}"
    )


def _shared(dataset: Dataset, rows: np.ndarray, fractions: dict[str, float], seed: int) -> Dataset:
    """Share out those of `rows` that have a label."""
    rows = np.asarray(rows) & dataset.answered.to_numpy()
    parts = dataset.table["split"].to_numpy(object).copy()
    parts[rows] = _parts(dataset.where(pd.Series(rows)), fractions, seed)
    return dataset.with_table(dataset.table.assign(split=pd.Series(parts, dtype="str")))


def _parts(dataset: Dataset, fractions: dict[str, float], seed: int) -> np.ndarray:
    """The name of a part for each example, by group."""
    names = [name for name, share in fractions.items() if share > 0]
    group = groups(dataset.table)
    truth = truths.of(dataset)
    strata = truth.strata(dataset)
    counts_of_group = np.zeros((int(group.max(initial=-1)) + 1, strata.shape[1]), int)
    np.add.at(counts_of_group, group, strata)
    every = truth.everywhere(dataset, strata.shape[1])
    _check_groups(dataset, (counts_of_group > 0).sum(axis=0), every, len(names))
    part = share_out(counts_of_group, [fractions[name] for name in names], seed, every)
    return np.array(names, object)[part[group]]


def _check_groups(dataset: Dataset, held: np.ndarray, every: np.ndarray, needed: int) -> None:
    """Refuse what too few patients have: `held` counts those of each stratum."""
    what = "patient" if dataset.table["patient_known"].any() else "example"
    what = "block" if "stack" in dataset.facts else what
    mend = truths.of(dataset).mend
    for place in np.flatnonzero(every & (held < needed)):
        of_class = place < len(dataset.classes)
        whose = f"class {dataset.classes[place]!r}" if of_class else dataset.name
        raise DataError(
            f"{whose} has {held[place]} {what}{'' if held[place] == 1 else 's'} (a patient's "
            f"images and equal images count once); {needed} parts or folds need at least "
            f"{needed}. Add {what}s" + (f", leave the class out, or {mend}" if of_class else "")
        )


def _check_training(dataset: Dataset) -> None:
    truth = truths.of(dataset)
    times = truth.times(dataset.part("train"))
    missing = [name for name in truth.named(dataset) if not times[name]]
    if missing:
        names = ", ".join(map(repr, sorted(missing)))
        raise DataError(f"the training part has no example of {names}")


def _unit(dataset: Dataset) -> str:
    """What is held together: a patient, or a block of a stack."""
    return "contiguous block" if "stack" in dataset.facts else "patient"


def _stratum(dataset: Dataset) -> str:
    return truths.of(dataset).stratum


def _check_fractions(fractions: Fractions) -> None:
    whole = len(fractions) == len(PARTS) and abs(sum(fractions) - 1) < 1e-6
    if not whole or min(fractions) < 0 or fractions[0] <= 0:
        raise ConfigError(
            f"fractions {tuple(fractions)}; expected three for train, val and test, that sum to 1"
        )
