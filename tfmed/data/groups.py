"""Groups that no split may part, and their fair share-out over parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tfmed.errors import DataError

TRIES = 30


def groups(table: pd.DataFrame) -> np.ndarray:
    """A group number for each row: rows of one patient, and of equal pixels, share it.

    So do rows joined over others: a patient's image that equals one of another patient makes
    one group of both. Pixels count only in a table that was audited (column `digest`).

    Returns:
        int `[N]`, 0 to the number of groups - 1.
    """
    # An example's own id is no patient: it may not be taken for a known one of that name.
    owners = table["patient_known"].map({True: "patient ", False: "id "}) + table["patient"]
    patient = pd.factorize(owners)[0]
    if "digest" not in table:
        return patient
    image = pd.factorize(pictures(table))[0]
    count = patient.max(initial=-1) + 1
    size = count + image.max(initial=-1) + 1
    links = coo_matrix((np.ones(len(table), bool), (patient, image + count)), shape=(size, size))
    return connected_components(links, directed=False)[1][patient]


def pictures(table: pd.DataFrame) -> pd.Series:
    """What is equal for examples of equal pixels: `digest`, else an example's own id."""
    return table["digest"].where(table["digest"] != "", "id " + table["id"])


def share_out(
    counts: np.ndarray, fractions: Sequence[float], seed: int, every: np.ndarray
) -> np.ndarray:
    """Give each group a part, so that every class has about the same fractions.

    First the classes with the fewest groups get one in each part; then the groups go, large
    ones first, where they are missed most: the greedy of scikit-learn's
    `StratifiedGroupKFold`, for parts of unequal size.

    Args:
        counts: int `[groups, classes]`.
        fractions: of the parts, each above 0; they sum to 1.
        seed: the same seed gives the same parts.
        every: bool `[classes]`, the classes that must be in every part.

    Returns:
        The number of a part for each group, int `[groups]`.

    Raises:
        DataError: the groups cannot be laid so that each part has every class.
    """
    generator = np.random.default_rng(seed)
    for _ in range(TRIES):
        part = _share_once(counts, np.asarray(fractions, float), generator, every)
        if part is not None:
            return part
    raise DataError(
        "patients with several classes, or equal images of several patients, leave no split "
        "that has every class in every part; add patients of the rare classes"
    )


def _share_once(
    counts: np.ndarray, fractions: np.ndarray, generator: np.random.Generator, every: np.ndarray
) -> np.ndarray | None:
    order = generator.permutation(len(counts))
    part = np.full(len(counts), -1)
    have = np.zeros((len(fractions), counts.shape[1]))
    want = fractions[:, None] * np.maximum(counts.sum(axis=0), 1)

    def give(group: int, to: int) -> None:
        part[group] = to
        have[to] += counts[group]

    by_rarity = np.argsort((counts > 0).sum(axis=0), kind="stable")
    for name in by_rarity[every[by_rarity]]:
        for to in np.flatnonzero(have[:, name] == 0):
            free = order[(part[order] < 0) & (counts[order, name] > 0)]
            if len(free) == 0:
                return None
            # The smallest that has it: a large patient would fill a small part at once.
            give(int(free[np.argmin(counts[free].sum(axis=1))]), int(to))
    left = order[part[order] < 0]
    left = left[np.argsort(-counts[left].sum(axis=1), kind="stable")]
    weight = 1 / (want * np.maximum(counts.sum(axis=0), 1))
    for group in left:
        new = have + counts[group]
        # How much farther from (or nearer to) its wanted counts a part would come.
        change = (((new - want) ** 2 - (have - want) ** 2) * weight).sum(axis=1)
        give(int(group), int(np.argmin(change)))
    return part
