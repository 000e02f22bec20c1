"""Class names as what a network is to give, and how much each example counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfmed.data.dataset import JOIN, Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.expected import nearest


def encode(
    labels: pd.Series, unknown: pd.Series | None, classes: Sequence[str], multi_label: bool
) -> np.ndarray:
    """Class names as float32 `[N, K]`, one-hot or 0 and 1; NaN unknown.

    Args:
        labels: a class name each, several joined by `|` in multi-label; where classes exclude
            each other, an empty cell is unknown.
        unknown: multi-label: the classes of which nothing is known, joined by `|`.
        classes: K names.
        multi_label: whether an example may show several, or none.

    Raises:
        DataError: a label is not one of the classes.
    """
    targets = np.full((len(labels), len(classes)), np.nan, np.float32)
    blanks = [""] * len(labels) if unknown is None else unknown.fillna("")
    for row, (label, blank) in enumerate(zip(labels, blanks, strict=True)):
        if pd.isna(label) or (label == "" and not multi_label):
            continue
        targets[row] = 0.0
        targets[row, _columns(label, classes, multi_label)] = 1.0
        if multi_label and blank:
            targets[row, _columns(blank, classes, multi_label)] = np.nan
    return targets


def joined(chosen: np.ndarray, classes: Sequence[str]) -> str:
    """The names of the classes that are true in bool `[K]`, joined by `|`."""
    return JOIN.join(name for name, is_in in zip(classes, chosen, strict=True) if is_in)


def table_of(
    dataset: Dataset,
    probabilities: np.ndarray,
    called: np.ndarray,
    classes: Sequence[str],
    unknown: np.ndarray | None,
) -> pd.DataFrame:
    """The table of `predictions.csv`, as `Classes.table` tells.

    Args:
        dataset: the examples.
        probabilities: `[N, K]`.
        called: bool `[N, K]`, which classes were called.
        classes: K names.
        unknown: bool `[N, K]`, of which classes nothing is known; None where they exclude.
    """
    source = dataset.table
    table = source[["id", "patient", "split"]].reset_index(drop=True)
    table["truth"] = source["label"].to_numpy()
    table["prediction"] = [joined(row, classes) for row in called]
    for index, name in enumerate(classes):
        table[f"p_{name}"] = probabilities[:, index]
    if unknown is not None:
        table["unknown"] = [joined(row, classes) for row in unknown]
    return table


def class_weights(targets: np.ndarray, multi_label: bool) -> np.ndarray:
    """Balanced weights `[K]` from the training part's targets.

    Exclusive classes: inversely proportional to a class's examples, and 1 in the mean over
    examples, so that the size of the loss stays. Multi-label: inversely proportional to a
    label's positives, and 1 in the mean over labels. A class without examples weighs 1.
    """
    counts = np.nansum(np.asarray(targets, np.float64), axis=0)
    present = counts > 0
    inverse = np.divide(1.0, counts, out=np.zeros_like(counts), where=present)
    if not present.any():
        return np.ones(len(counts))
    if multi_label:
        weights = inverse * present.sum() / inverse.sum()
    else:
        weights = inverse * counts.sum() / present.sum()
    return np.where(present, weights, 1.0)


def check_weights(weights: Sequence[float], classes: Sequence[str]) -> None:
    """Refuse, by `ConfigError`, weights that are neither none nor one a class."""
    count = len(weights)
    if count not in (0, len(classes)):
        numbers = "number" if count == 1 else "numbers"
        raise ConfigError(f"class_weights has {count} {numbers} for {len(classes)} classes")


def example_weights(
    targets: np.ndarray, weights: Sequence[float] = (), multi_label: bool = False
) -> np.ndarray:
    """How much each example counts: float32 `[N]`, 0 for one without a known label.

    Args:
        targets: `[N, K]`.
        weights: `[K]`, of exclusive classes, or none; multi-label weighs labels in its loss.
        multi_label: whether an example may show several classes.
    """
    known = (~np.isnan(targets)).any(axis=1).astype(np.float32)
    if multi_label or not len(weights):
        return known
    own = np.nan_to_num(targets) @ np.asarray(weights, np.float64)
    return (known * own).astype(np.float32)


def _columns(label: str, classes: Sequence[str], multi_label: bool) -> list[int]:
    """The columns of a class name, or of several joined by `|` in a multi-label task."""
    names = [name for name in label.split(JOIN) if name] if multi_label else [label]
    for name in names:
        if name not in classes:
            raise DataError(
                f"label {name!r} is not one of the classes{nearest(name, classes)} "
                f"(classes: {', '.join(classes)})"
            )
    return [list(classes).index(name) for name in names]
