"""Confounders: what the header, or the mere brightness, tells of the label.

Each field by itself predicts each class against the rest, out of fold by patient: a category by
the share of the class among the training folds' examples of that value (scikit-learn's
`TargetEncoder`), a number by a small decision tree, which finds thresholds and ranges. What is
missing counts as a value of its own, since a missing field can betray a class as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.data.groups import groups
from tfmed.evaluation import fields
from tfmed.statistics import Interval, bootstrap_weighted

FOLDS = 5
LEAST_PATIENTS = 5  # of a class, and of the rest: one a fold
MOST_ROWS, MOST_CLASSES = 10_000, 20
RESAMPLES = 500
LEAVES, LEAST_IN_LEAF = 8, 5
# Few examples are shared out several times: only examples of one fold can be compared.
REPEATED_ROWS, REPEATS = 2_000, 5

Pair = tuple[str, str]


@dataclass(frozen=True)
class Confounder:
    """How well one field alone tells the classes apart.

    Attributes:
        field: the column.
        auroc: 0.5 is none and 1 is perfectly; the positive one of two classes, else the mean over
            the classes, each against the rest.
        low: lower end of the 95 % bootstrap interval over patients.
        high: its upper end.
        per_class: the same of each class, `(auroc, low, high)`.
        distinct: how many different values it has.
        known: share of the examples that give it.
    """

    field: str
    auroc: float
    low: float
    high: float
    per_class: dict[str, tuple[float, float, float]]
    distinct: int
    known: float

    @property
    def strongest(self) -> str:
        """The class that it tells best."""
        return max(self.per_class, key=lambda name: self.per_class[name][0])


@dataclass(frozen=True)
class Search:
    """What was found, and of what.

    Attributes:
        found: the fields that differ between examples, the strongest first.
        constant: fields of one value, and that value; they can tell nothing.
        examples: on how many examples it was measured.
        patients: of how many patients (groups that no fold parts).
        classes: those that have enough patients; of two exclusive ones only the second.
        left_out: classes of too few patients.
        undefined: why nothing could be measured, or "".
    """

    found: tuple[Confounder, ...] = ()
    constant: dict[str, str] = field(default_factory=dict)
    examples: int = 0
    patients: int = 0
    classes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    undefined: str = ""


def search(dataset: Dataset, seed: int = 0) -> Search:
    """Measure how well each field alone predicts the label.

    Of many examples 10,000 are drawn, the same number of each class, which an AUROC allows.

    Args:
        dataset: audited.
        seed: of folds, draws and resamples.

    Returns:
        The fields by falling AUROC; where there is nothing, 19 of 20 intervals hold 0.5.
    """
    table = _drawn(dataset, seed)
    owner = groups(table if (table["digest"] != "").all() else table.drop(columns="digest"))
    truth = fields.truth(table, dataset)
    classes = _usable(truth, owner, dataset)
    if not classes:
        return Search(undefined=_too_few(dataset))
    times = REPEATS if len(table) <= REPEATED_ROWS else 1
    folds = [_folds(truth[classes], owner, seed + time) for time in range(times)]
    every = fields.of(table)
    varying = {name: values for name, values in every.items() if len(pd.unique(values)) > 1}
    areas: dict[Pair, _Area] = {}
    with log.progress(varying, what="looking for confounders", unit="fields") as bar:
        for name in bar:
            for label in classes:
                areas[name, label] = _Area(varying[name], truth[label].to_numpy(), folds)
    reach = _intervals(areas, owner, seed)
    found = [_confounder(name, classes, areas, reach, values) for name, values in varying.items()]
    return Search(
        found=tuple(sorted(found, key=lambda one: -np.nan_to_num(one.auroc))),
        constant={
            name: fields.texts(values.iloc[:1]).iloc[0]
            for name, values in every.items()
            if name not in varying
        },
        examples=len(table),
        patients=len(np.unique(owner)),
        classes=tuple(classes),
        left_out=tuple(name for name in _asked(dataset) if name not in classes),
    )


def _drawn(dataset: Dataset, seed: int) -> pd.DataFrame:
    """The labelled examples, or of many a draw with the same number of each label."""
    table = dataset.table[dataset.table["label"].notna()]
    if len(table) > MOST_ROWS:
        table = table.sample(frac=1, random_state=seed)
        turn = table.groupby("label").cumcount().sort_values(kind="stable")
        table = table.loc[np.sort(turn.index[:MOST_ROWS])]
    table = table.reset_index(drop=True)
    return table if "digest" in table else table.assign(digest="")


def _asked(dataset: Dataset) -> list[str]:
    """The classes that are asked for, each against the rest: of two exclusive ones the second."""
    names = list(dataset.classes)
    return names[1:] if len(names) == 2 and not dataset.multi_label else names


def _usable(truth: pd.DataFrame, owner: np.ndarray, dataset: Dataset) -> list[str]:
    """The classes that have enough patients, and whose rest has; of very many the largest."""
    names = _asked(dataset)
    enough = [
        name
        for name in names
        if all(
            len(np.unique(owner[(truth[name] == value).to_numpy()])) >= LEAST_PATIENTS
            for value in (0, 1)
        )
    ]
    return sorted(
        sorted(enough, key=lambda name: -truth[name].sum())[:MOST_CLASSES], key=names.index
    )


def _too_few(dataset: Dataset) -> str:
    if not dataset.labelled:
        return "the examples have no labels"
    if len(dataset.classes) < 2 and not dataset.multi_label:
        return "there is one class only"
    return f"it needs two classes with at least {LEAST_PATIENTS} patients each"


def _folds(truth: pd.DataFrame, owner: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each example, by patient, the classes spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    # An example stands for its rarest class; what is rarer than the folds goes with the rest.
    rarest = truth.sum().sort_values().index
    member = (truth[rarest] == 1).to_numpy()
    code = np.where(member.any(axis=1), member.argmax(axis=1), len(rarest))
    count = np.bincount(code, minlength=len(rarest) + 1)
    code[count[code] < FOLDS] = count.argmax()
    splits = min(FOLDS, len(np.unique(owner)), int(np.bincount(code).max()))
    made = StratifiedGroupKFold(splits, shuffle=True, random_state=seed)
    fold = np.zeros(len(code), int)
    for number, (_, held) in enumerate(made.split(code, code, owner)):
        fold[held] = number
    return fold


def _out_of_fold(values: pd.Series, truth: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Each example's score for a class, learned on the other folds; NaN where truth is."""
    from sklearn.preprocessing import TargetEncoder
    from sklearn.tree import DecisionTreeClassifier

    scores = np.full(len(truth), np.nan)
    known = np.isfinite(truth)
    column = values.to_numpy()[:, None]
    numeric = values.dtype.kind == "f"
    for number in np.unique(fold):
        train, held = known & (fold != number), known & (fold == number)
        if not held.any() or len(np.unique(truth[train])) < 2:
            scores[held] = 0.0
        elif numeric:
            tree = DecisionTreeClassifier(
                max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_IN_LEAF, random_state=0
            )
            tree.fit(column[train], truth[train])
            scores[held] = tree.predict_proba(column[held])[:, 1]
        else:
            encoder = TargetEncoder(target_type="binary")
            encoder.fit(column[train].astype(object), truth[train])
            scores[held] = encoder.transform(column[held].astype(object))[:, 0]
    return scores


class _Area:
    """AUROC over the pairs of examples that one model scored.

    Scores of different folds must not be compared: where a fold holds more of a class, its model
    has seen fewer, which turns chance into an AUROC below 0.5.
    """

    def __init__(self, values: pd.Series, truth: np.ndarray, folds: Sequence[np.ndarray]) -> None:
        known = np.flatnonzero(np.isfinite(truth))
        rows, model = np.tile(known, len(folds)), np.concatenate([fold[known] for fold in folds])
        model += np.repeat(np.arange(len(folds)) * FOLDS, len(known))
        scores = np.concatenate([_out_of_fold(values, truth, fold)[known] for fold in folds])
        # A step is one score of one model, in order.
        keys, step = np.unique(np.stack([model, np.round(scores, 9)]), axis=1, return_inverse=True)
        shape, positive = (len(truth), keys.shape[1]), np.tile(truth[known], len(folds))
        self._positive = csr_array((positive, (rows, step.ravel())), shape)
        self._negative = csr_array((1 - positive, (rows, step.ravel())), shape)
        self._starts = np.searchsorted(keys[0], np.unique(keys[0]))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """AUROC `[R]` under weights `[R, N]`; NaN without a pair."""
        positive, negative = (weights @ one for one in (self._positive, self._negative))
        won = np.zeros(len(weights))
        pairs = np.zeros(len(weights))
        for start, stop in zip(self._starts, [*self._starts[1:], None], strict=True):
            p, n = positive[:, start:stop], negative[:, start:stop]
            won += (p * (np.cumsum(n, axis=1) - n / 2)).sum(axis=1)
            pairs += p.sum(axis=1) * n.sum(axis=1)
        return np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)


def _intervals(areas: dict[Pair, _Area], owner: np.ndarray, seed: int) -> dict[Pair, Interval]:
    """The interval of each field and class, and under the class "" of the mean over classes."""

    def statistic(weights: np.ndarray) -> dict[Pair, np.ndarray]:
        weights = weights.astype(np.float32)
        values = {pair: area(weights) for pair, area in areas.items()}
        return values | dict(_means(values))

    return bootstrap_weighted(statistic, owner, RESAMPLES, seed) if areas else {}


def _means(values: dict[Pair, np.ndarray]) -> Iterator[tuple[Pair, np.ndarray]]:
    for name in dict.fromkeys(name for name, _ in values):
        own = [value for (other, _), value in values.items() if other == name]
        yield (name, ""), np.mean(own, axis=0)


def _confounder(
    name: str,
    classes: list[str],
    areas: dict[Pair, _Area],
    reach: dict[Pair, Interval],
    values: pd.Series,
) -> Confounder:
    ones = np.ones((1, len(values)))
    points = {label: float(areas[name, label](ones)[0]) for label in classes}
    given = values.notna() if name in fields.NUMERIC else values != fields.MISSING
    low, high = reach[name, ""]
    return Confounder(
        field=name,
        auroc=float(np.mean(list(points.values()))),
        low=low,
        high=high,
        per_class={label: (points[label], *reach[name, label]) for label in classes},
        distinct=int(values.nunique()),
        known=float(given.mean()),
    )
