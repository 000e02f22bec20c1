"""`Dataset`: the index over the examples, with no pixels and no TensorFlow in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from tfmed.errors import DataError
from tfmed.run import REJECT_COLUMNS

PARTS = ("train", "val", "test")
WHOLE_FILE = -1
JOIN = "|"
# Columns of what is to be found; of those that a table has the first is the data set's.
ANSWERS = ("mask", "number", "label")

# Column: its value where a source says nothing. `id` and `path` come from every source.
DEFAULTS: dict[str, Any] = {
    "id": "",
    "path": "",
    "files": None,
    "member": "",
    "frame": WHOLE_FILE,
    "patient": "",
    "patient_known": False,
    "study": "",
    "series": "",
    "label": None,
    "unknown": "",
    "split": "",
}


def no_rejects() -> pd.DataFrame:
    """An empty reject table: columns `path`, `reason`."""
    return pd.DataFrame({column: pd.Series(dtype="str") for column in REJECT_COLUMNS})


@dataclass(frozen=True)
class Dataset:
    """An immutable index: one row an example.

    Attributes:
        table: columns `id` (unique text), `path` (the file, or a series' first), `files` (a
            series' files in order, else None), `member` (array inside an npz, else ""),
            `frame` (index inside the file, or -1 for all of it), `patient`, `patient_known`,
            `study`, `series`, `label` (class name; several joined by `|`; None where unknown),
            `unknown` (multi-label: classes not known, joined by `|`), `split` (`train`,
            `val`, `test` or `""`), in data with masks `mask` (the files of each one's mask, or
            None), in data of numbers `number` (NaN where unknown; `label` is its text), and what
            the header and the pixels told (see `tfmed.data.audit`).
        classes: class names, in the order of every probability.
        name: what the data is called in reports.
        multi_label: whether an example may have several classes, or none.
        facts: source, licence, citation and the like, as plain data.
        rejects: columns `path`, `reason`: what could not be used.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    name: str
    multi_label: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    rejects: pd.DataFrame = field(default_factory=no_rejects)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def truth(self) -> str:
        """The column of what is to be found, a row of `tfmed.data.truth.TRUTHS`."""
        return next(name for name in ANSWERS if name in self.table)

    @property
    def answered(self) -> pd.Series:
        """Whether the truth of each example is known: a boolean a row."""
        return self.table[self.truth].notna()

    @property
    def labelled(self) -> bool:
        """Whether the truth of any example is known."""
        return bool(self.answered.any())

    def part(self, split: str) -> Dataset:
        """The examples of one part, in the table's order."""
        return self.where(self.table["split"] == split)

    def where(self, mask: pd.Series) -> Dataset:
        """The examples for which `mask` (a boolean a row) is true."""
        return self.with_table(self.table[mask])

    def without(self, mask: pd.Series, reason: str) -> Dataset:
        """The examples for which `mask` is false; each other one becomes a reject."""
        lost = places(self.table[mask])
        return self.where(~mask).with_rejects([(place, reason) for place in lost])

    def with_table(self, table: pd.DataFrame) -> Dataset:
        """The same data set over another table."""
        return replace(self, table=table.reset_index(drop=True))

    def with_facts(self, **facts: Any) -> Dataset:
        """The same data set with more facts."""
        return replace(self, facts={**self.facts, **facts})

    def with_rejects(self, rows: Sequence[tuple[str, str]]) -> Dataset:
        """The same data set with `(path, reason)` rows added to the rejects."""
        if not rows:
            return self
        added = pd.DataFrame(rows, columns=REJECT_COLUMNS, dtype="str")
        return replace(self, rejects=pd.concat([self.rejects, added], ignore_index=True))


def index(columns: Mapping[str, Any]) -> pd.DataFrame:
    """A data set's table from the columns that its source knows; the others get defaults.

    Raises:
        DataError: two examples have one `id`.
    """
    length = len(columns["path"])
    filled = {name: columns.get(name, [value] * length) for name, value in DEFAULTS.items()}
    filled |= {name: columns[name] for name in ANSWERS if name in columns}
    table = pd.DataFrame({name: _series(name, values) for name, values in filled.items()})
    repeated = table["id"].duplicated()
    if repeated.any():
        raise DataError(
            f"{int(repeated.sum())} examples have the id of another, the first is "
            f"{table['id'][repeated].iloc[0]!r}; ids must be unique"
        )
    return table


def _series(name: str, values: Any) -> pd.Series:
    if name == "frame":
        return pd.Series(values, dtype="int64")
    if name == "patient_known":
        return pd.Series(values, dtype="bool")
    if name == "number":
        return pd.Series(values, dtype="float64")
    # They hold tuples or text, and None: none is a column of pure text.
    mixed = name in ("files", "label", "mask")
    return pd.Series(list(values), dtype="object" if mixed else "str")


def places(table: pd.DataFrame) -> list[str]:
    """Where each example lies, for the reject table: its file, or its id inside an archive."""
    inside = table["frame"] != WHOLE_FILE
    return list(table["path"].where(~inside, table["path"] + ":" + table["id"]))
