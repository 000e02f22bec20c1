"""A data set in a run folder: `index.parquet`, `dataset.json` and `rejects.csv`."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from tfmed.data.dataset import Dataset
from tfmed.errors import DataError
from tfmed.run import Run

ABOUT = "dataset.json"


def is_stored(run: Run) -> bool:
    """Whether a run holds a data set, whole."""
    return run.has(ABOUT)


def store(run: Run, dataset: Dataset) -> None:
    """Write a data set into a run; its description comes last, as the sign that all is there."""
    (run.folder / ABOUT).unlink(missing_ok=True)  # that of the data set before
    run.write_table("rejects.csv", dataset.rejects)
    run.write_table("index.parquet", dataset.table)
    about = {
        "name": dataset.name,
        "classes": list(dataset.classes),
        "multi_label": dataset.multi_label,
        "facts": dataset.facts,
    }
    run.write_json(ABOUT, about)


def stored(run: Run) -> Dataset:
    """The data set of a run.

    Raises:
        DataError: the run holds none.
    """
    about = run.read_json(ABOUT)
    return Dataset(
        table=run.read_table("index.parquet"),
        classes=tuple(about["classes"]),
        name=about["name"],
        multi_label=about["multi_label"],
        facts=about["facts"],
        rejects=run.read_table("rejects.csv"),
    )


def join(first: Dataset, second: Dataset) -> Dataset:
    """The examples of both; what both hold stands as in `second`.

    Raises:
        DataError: an id means one image in `first` and another in `second`.
    """
    both = first.table.merge(second.table, on="id", suffixes=("", "_again"))
    other = both["id"][both["digest"] != both["digest_again"]]
    if len(other):
        raise DataError(
            f"{len(other)} examples have the id of another image of {first.name}, the first is "
            f"{other.iloc[0]!r}; ids must be unique"
        )
    kept = first.table[~first.table["id"].isin(second.table["id"])]
    rejects = pd.concat([first.rejects, second.rejects]).drop_duplicates()
    joined = first.with_table(pd.concat([kept, second.table]))
    return replace(joined, rejects=rejects.reset_index(drop=True))
