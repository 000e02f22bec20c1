"""`Dataset`: the index over the examples, with no pixels and no TensorFlow in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from tfmed.run import REJECT_COLUMNS

PARTS = ("train", "val", "test")
WHOLE_FILE = -1


def no_rejects() -> pd.DataFrame:
    """An empty reject table: columns `path`, `reason`."""
    return pd.DataFrame({column: pd.Series(dtype="str") for column in REJECT_COLUMNS})


@dataclass(frozen=True)
class Dataset:
    """An immutable index: one row an example.

    Attributes:
        table: columns `id` (unique text), `path` (the file, or a series' first), `files` (a
            series' files in order, else None), `frame` (index inside the file, or -1 for all
            of it), `patient`, `patient_known`, `study`, `series`, `label` (class name; several
            joined by `|`; None where unknown), `unknown` (multi-label: classes not known,
            joined by `|`), `split` (`train`, `val`, `test` or `""`), and what the header and
            the pixels told (see `tfmed.data.audit`).
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

    def part(self, split: str) -> Dataset:
        """The examples of one part, in the table's order."""
        return self.where(self.table["split"] == split)

    def where(self, mask: pd.Series) -> Dataset:
        """The examples for which `mask` (a boolean a row) is true."""
        return self.with_table(self.table[mask])

    def with_table(self, table: pd.DataFrame) -> Dataset:
        """The same data set over another table."""
        return replace(self, table=table.reset_index(drop=True))

    def with_rejects(self, rows: Sequence[tuple[str, str]]) -> Dataset:
        """The same data set with `(path, reason)` rows added to the rejects."""
        if not rows:
            return self
        added = pd.DataFrame(rows, columns=REJECT_COLUMNS, dtype="str")
        return replace(self, rejects=pd.concat([self.rejects, added], ignore_index=True))
