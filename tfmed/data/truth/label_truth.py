"""Labels as truth: their text, the order of classes, several at once, one against the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tfmed.data.dataset import JOIN, Dataset
from tfmed.data.truth.known_truth import Cells, KnownTruth
from tfmed.errors import ConfigError, DataError
from tfmed.expected import nearest

UNKNOWN = ("", "-1", "nan")
YES = ("1", "true", "yes", "y")
NO = ("0", "false", "no", "n")
# Of two classes one of these is the negative, and so comes first.
NEGATIVE = (*NO, "normal", "negative", "healthy", "control", "absent", "benign")

REST = "other"


class LabelTruth(KnownTruth):
    """One class an example, or in multi-label data several or none."""

    name = "label"
    expected = "class folders, a table (--table), or an npz"
    refused = {"classes": "labels take no --classes: they name their classes themselves"}
    mend = "join classes with --positive"

    def of_cells(self, columns: Mapping[str, Sequence[str]]) -> Cells:
        """Of one column the labels, or of several, or of cells joined by `|`, multi-label ones."""
        if len(columns) > 1:
            labels, unknown = several(columns)
            return labels, unknown, tuple(columns), True
        single = tidy(cell for cells in columns.values() for cell in cells)
        nothing = [""] * len(single)
        if any(JOIN in label for label in single if label):
            labels, classes = joined(single)
            return labels, nothing, classes, True
        return single, nothing, class_order(label for label in single if label), False

    def strata(self, dataset: Dataset) -> np.ndarray:
        """A column a class; in multi-label data one more, of the examples without any."""
        labels, classes = dataset.table["label"], list(dataset.classes)
        found = np.zeros((len(labels), len(classes) + int(dataset.multi_label)), int)
        if not dataset.multi_label:
            number = pd.Categorical(labels, categories=classes).codes
            found[number >= 0, number[number >= 0]] = 1
            return found
        place = {name: i for i, name in enumerate(classes)}
        for row, label in enumerate(labels.fillna("")):
            for name in label.split(JOIN) if label else ():
                found[row, place[name]] = 1
            found[row, -1] = not label
        return found

    def check(self, dataset: Dataset) -> None:
        """Refuse data that no classifier can be trained on.

        Raises:
            DataError: no labels, one class, or a class without examples.
        """
        if not dataset.labelled:
            hint = dataset.facts.get(
                "no_labels", "sort the images into class folders, or give a table with --table"
            )
            raise DataError(f"{dataset.name} has no labels: {hint}")
        if len(dataset.classes) < 2 and not dataset.multi_label:
            raise DataError(
                f"{dataset.name} has one class, {dataset.classes[0]!r}; a classifier needs two "
                "or more"
            )
        for name, times in self.times(dataset).items():
            if not times:
                raise DataError(
                    f"class {name!r} of {dataset.name} has no images; add some, or remove the class"
                )


def tidy(values: Iterable[str]) -> list[str | None]:
    """Label cells as text, None where unknown (empty, `-1`, `nan`).

    Whole numbers lose their decimals, because a table program writes 1 as 1.0.

    Example:
        >>> tidy(["1.0", "0", "", "-1"])
        ['1', '0', None, None]
    """
    cells = [re.sub(r"^(-?\d+)\.0+$", r"\1", str(value).strip()) for value in values]
    return [None if cell.casefold() in UNKNOWN else cell for cell in cells]


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names sorted, numbers by value; of two, a name that means "no" comes first.

    Example:
        >>> class_order(["abnormal", "normal"]), class_order(["10", "9"])
        (('normal', 'abnormal'), ('9', '10'))
    """
    unique = set(names)
    if all(re.fullmatch(r"\d+", name) for name in unique):
        return tuple(sorted(unique, key=int))
    ordered = sorted(unique, key=lambda name: (name.casefold(), name))
    if len(ordered) == 2:
        ordered.sort(key=lambda name: name.casefold() not in NEGATIVE)
    return tuple(ordered)


def several(columns: Mapping[str, Sequence[str]]) -> tuple[list[str | None], list[str]]:
    """`label` and `unknown` of a table with a column of 0, 1, empty or -1 for each class.

    A row in which nothing is known has the label None.

    Raises:
        DataError: a cell is something else.
    """
    marks = {name: [_mark(cell, name) for cell in cells] for name, cells in columns.items()}
    labels: list[str | None] = []
    unknown: list[str] = []
    for row in zip(*marks.values(), strict=True):
        known = dict(zip(marks, row, strict=True))
        missing = [name for name, mark in known.items() if mark is None]
        unknown.append(JOIN.join(missing))
        present = JOIN.join(name for name, mark in known.items() if mark)
        labels.append(None if len(missing) == len(known) else present)
    return labels, unknown


def _mark(cell: str, column: str) -> bool | None:
    text = tidy([cell])[0]
    if text is None:
        return None
    if text.casefold() in YES:
        return True
    if text.casefold() in NO:
        return False
    raise DataError(
        f"label column {column!r} holds {text!r}; with several label columns each cell is 1, 0, "
        "or empty or -1 where it is not known"
    )


def joined(cells: Iterable[str | None]) -> tuple[list[str | None], tuple[str, ...]]:
    """`label` and the classes of one column whose cells join several names by `|`."""
    labels = []
    for cell in cells:
        names = None if cell is None else [name.strip() for name in cell.split(JOIN)]
        labels.append(None if names is None else JOIN.join(dict.fromkeys(filter(None, names))))
    return labels, tuple(sorted({name for label in labels if label for name in label.split(JOIN)}))


def one_against_rest(dataset: Dataset, positive: tuple[str, ...]) -> Dataset:
    """The data set with two classes: the rest, and the `positive` ones, which come second.

    Raises:
        ConfigError: a name is no class, or nothing is left for the rest.
    """
    chosen = {_known_class(name, dataset.classes) for name in positive}
    rest = [name for name in dataset.classes if name not in chosen]
    if not rest:
        raise ConfigError(f"--positive names every class ({', '.join(dataset.classes)})")
    other = rest[0] if len(rest) == 1 and not dataset.multi_label else REST
    name = " or ".join(item for item in dataset.classes if item in chosen)
    table = dataset.table.copy()
    table["label"] = pd.Series(
        [
            _side(label, unknown, chosen, (other, name))
            for label, unknown in zip(table["label"], table["unknown"], strict=True)
        ],
        dtype="object",
    )
    table["unknown"] = ""
    whole = replace(dataset.with_table(table), classes=(other, name), multi_label=False)
    lost = table["label"].isna() & dataset.table["label"].notna()
    return whole.without(lost, f"whether it is {name} is not known")


def _side(label: str | None, unknown: str, chosen: set[str], sides: tuple[str, str]) -> str | None:
    if label is None:
        return None
    if chosen & set(label.split(JOIN)):
        return sides[1]
    return None if chosen & set(unknown.split(JOIN)) else sides[0]


def _known_class(name: str, classes: tuple[str, ...]) -> str:
    if name in classes:
        return name
    same = [item for item in classes if item.casefold() == name.casefold()]
    if len(same) == 1:
        return same[0]
    raise ConfigError(
        f"--positive {name!r} is no class of the data{nearest(name, classes)} "
        f"(its classes: {', '.join(classes)})"
    )
