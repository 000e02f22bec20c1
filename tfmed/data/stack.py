"""Slices of one stack in files of their own: blocks of neighbours that no split may part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu
from skimage.transform import downscale_local_mean

from tfmed import log
from tfmed.data import pool
from tfmed.data.dataset import PARTS, Dataset
from tfmed.data.walk import stem
from tfmed.errors import TfmedError
from tfmed.io import read

LEAST_SLICES = 8
BLOCKS = 7  # so that one block is about a validation or test part
SMALL = 64  # pixels a side, about, at which neighbours are compared
COMPARED = 60  # pairs of neighbours, evenly spread
ALIKE = 0.1  # by which neighbours must correlate more than slices far apart
CHANCE = 0.01  # at most, that images in any order would do so


def blocks(dataset: Dataset, workers: int | None = None) -> Dataset:
    """The data set with a block in place of the patient, where it is one stack of slices.

    Neighbouring slices show nearly the same: were they parted at random, the test part would be
    known. A stack is: no known patients, images of one size in one folder a part, whose names are
    the same but for consecutive numbers, and which are more alike to their neighbours than to
    others. Each block is `BLOCKS` parts of the stack; `patient` names it, and `patient_known`
    stays false: in intervals the images are the unit.

    Args:
        dataset: audited, with the column `mask`.
        workers: processes; None for one a core, 0 for none.

    Returns:
        The data set, with the fact `stack` (in words) where it is one.
    """
    table = dataset.table
    found = dataset.answered.to_numpy()
    order = _numbered(table[found])
    if order is None:
        return dataset
    rows = np.flatnonzero(found)[order]
    if not _alike(table.iloc[rows], workers):
        return dataset
    count = min(BLOCKS, len(rows) // 2)
    patient = table["patient"].to_numpy(object).copy()
    for number, part in enumerate(np.array_split(rows, count), start=1):
        patient[part] = f"block {number} of {count}"
    said = (
        f"the {len(rows)} images are slices of one stack: {count} blocks of neighbours are held "
        "together, and the images are the unit of intervals"
    )
    log.info(said)
    dataset = dataset.with_table(table.assign(patient=pd.Series(patient, dtype="str")))
    return dataset.with_facts(stack=said)


def _numbered(table: pd.DataFrame) -> np.ndarray | None:
    """The order of files whose names are consecutive numbers, None where they are not."""
    if len(table) < LEAST_SLICES or table["patient_known"].any() or table["files"].notna().any():
        return None
    if (table["depth"] != 1).any() or table[["height", "width"]].drop_duplicates().shape[0] > 1:
        return None
    if table["split"].isin(PARTS[1:]).any() or (table["frame"] >= 0).any():
        return None
    named = [re.fullmatch(r"(.*?)(\d+)", stem(one)) for one in table["id"]]
    whole = [one for one in named if one]
    folders = {PurePosixPath(one).parent for one in table["id"]}
    if len(whole) < len(named) or len({one[1] for one in whole}) > 1 or len(folders) > 1:
        return None
    numbers = np.array([int(one[2]) for one in whole])
    order = np.argsort(numbers, kind="stable")
    return order if (np.diff(numbers[order]) == 1).all() else None


def _alike(table: pd.DataFrame, workers: int | None) -> bool:
    """Whether neighbours correlate clearly more than slices that lie far apart."""
    first = np.unique(np.linspace(0, len(table) - 2, COMPARED).astype(int))
    wanted = np.union1d(first, first + 1)
    examples = table.iloc[wanted].to_dict("records")
    found = pool.run(_small, examples, workers=workers, what="comparing slices")
    if not all(isinstance(one, np.ndarray) for one in found):
        return False
    flat = np.stack([one - one.mean() for one in found])
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    one, other = flat[np.searchsorted(wanted, first)], flat[np.searchsorted(wanted, first + 1)]
    near = (one * other).sum(axis=1)
    apart = first[:, None] - first[None, :] >= first[-1] / 2
    far = (one @ one.T)[apart]
    # With few images the medians of any order differ by more than that at times.
    chance = mannwhitneyu(near, far, alternative="greater").pvalue
    return bool(np.median(near) > np.median(far) + ALIKE and chance < CHANCE)


def _small(example: Mapping[str, Any]) -> np.ndarray | str:
    try:
        pixels = read(example["path"]).pixels
    except TfmedError as error:
        return str(error)
    factors = tuple(max(1, side // SMALL) for side in pixels.shape[:2])
    return downscale_local_mean(pixels[..., 0].astype(np.float32), factors).ravel()
