"""Numbers as truth: one a row, `number` in the table, with its text in `label`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tfmed.data.dataset import Dataset, places
from tfmed.data.truth.known_truth import Cells, KnownTruth
from tfmed.errors import ConfigError, DataError

BINS = 5  # of equal counts, so that all parts have the same spread
UNKNOWN = ("", "nan", "na", "n/a")


class NumberTruth(KnownTruth):
    """A number an example."""

    name = "number"
    expected = "a table with a column of numbers (--table, --label-column), or an npz"
    stratum = "number"
    refused = {
        "positive": "numbers take no --positive: it joins classes",
        "classes": "numbers take no --classes: they have none",
    }

    def of_cells(self, columns: Mapping[str, Sequence[str]]) -> Cells:
        """As text, None where unknown; equal numbers are equal texts.

        Raises:
            ConfigError: there are several columns.
        """
        if len(columns) > 1:
            raise ConfigError(
                f"{len(columns)} label columns ({', '.join(columns)}); numbers are one column"
            )
        cells = [_plain(cell) for cells in columns.values() for cell in cells]
        return cells, [""] * len(cells), (), False

    def opened(self, dataset: Dataset) -> Dataset:
        """The data set with the column `number`; text that is no number becomes a reject.

        Raises:
            DataError: several labels stand together, or none is a number.
        """
        if dataset.multi_label:
            raise DataError(f"{dataset.name} has several labels an example; expected one number")
        texts = dataset.table["label"]
        numbers = texts.map(_number).astype("float64")
        bad = texts.notna() & numbers.isna()
        if bad.any() and bad.sum() == texts.notna().sum():
            raise DataError(
                f"no label of {dataset.name} is a number, the first is {texts[bad].iloc[0]!r}; "
                "name the column of numbers with --label-column"
            )
        lost = zip(places(dataset.table[bad]), texts[bad], strict=True)
        rejects = [(place, f"its label {text!r} is no number") for place, text in lost]
        made = dataset.with_table(dataset.table.assign(number=numbers)).where(~bad)
        return replace(made, classes=()).with_rejects(rejects)

    def strata(self, dataset: Dataset) -> np.ndarray:
        """The quantile bin of each number, and in a last column whether it is known at all."""
        values = dataset.table["number"].to_numpy(float)
        known = np.isfinite(values)
        if not known.any():
            return np.zeros((len(values), 1), int)
        edges = np.unique(np.quantile(values[known], np.arange(1, BINS) / BINS))
        found = np.zeros((len(values), len(edges) + 2), int)
        found[known, np.searchsorted(edges, values[known], side="right")] = 1
        found[known, -1] = 1
        return found

    def everywhere(self, dataset: Dataset, strata: int) -> np.ndarray:
        """No bin must be in every part, but some number must."""
        return np.arange(strata) == strata - 1

    def check(self, dataset: Dataset) -> None:
        """Refuse data without numbers, or with one number alone.

        Raises:
            DataError: it is such.
        """
        known = dataset.table["number"].dropna()
        if known.empty:
            hint = dataset.facts.get("no_labels", f"expected {self.expected}")
            raise DataError(f"{dataset.name} has no numbers: {hint}")
        if known.nunique() == 1:
            raise DataError(
                f"all {len(known)} numbers of {dataset.name} are {known.iloc[0]:g}; there is "
                "nothing to learn from them"
            )


def _plain(cell: str) -> str | None:
    """A cell without what does not change the number: 3 for 3.0; None where it is unknown."""
    text = str(cell).strip()
    if text.casefold() in UNKNOWN:
        return None
    number = _number(text)
    return text if math.isnan(number) else f"{number:.15g}"


def _number(text: str | None) -> float:
    """The finite number that a text is, else NaN."""
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
