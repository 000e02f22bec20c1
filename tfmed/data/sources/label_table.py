"""Tables of labels or numbers: a CSV beside a folder of images, or one that names them itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfmed.data.dataset import PARTS, Dataset, index
from tfmed.data.sources import column_search, dicom_series, dicomdir
from tfmed.data.sources.column_search import Columns
from tfmed.data.sources.match import Files
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth import kind
from tfmed.data.truth.known_truth import Cells
from tfmed.data.walk import may_be_image, part_name
from tfmed.errors import ConfigError, DataError

NO_LABEL = "label is empty in the table"
NOT_IN_TABLE = "label missing in the table"
NO_PART = "its part (train, val, test) is empty in the table"
TWO_LABELS = "the table gives it different labels"


def label_folder(root: Path, files: Sequence[Path], wishes: Wishes) -> Dataset:
    """The files of a folder with the labels of `wishes.table`.

    Files without a row, and rows without a file, become rejects.

    Raises:
        ConfigError: a column is missing, or none holds labels.
        DataError: no row fits a file.
    """
    table = wishes.table
    assert table is not None
    if not table.is_file():
        raise ConfigError(f"there is no table {table}")
    known = Files(root, files)
    dataset, columns = _assemble(table, known, wishes, root.name)
    if not columns.labels:
        raise ConfigError(_no_label_column(table))
    used = set(dataset.table["path"]) | set(dataset.rejects["path"])
    unnamed = [
        path
        for path in files
        if str(path) not in used and may_be_image(path) and path != table.resolve()
    ]
    dataset = dataset.with_rejects([(str(path), NOT_IN_TABLE) for path in unnamed])
    return _in_units(dataset, columns, wishes)


def open_file(place: str, wishes: Wishes) -> Dataset:
    """The examples that a CSV lists; paths are relative to it. Without labels: to predict."""
    wishes.refuse("a CSV as --data", "table")
    table = Path(place).resolve()
    dataset, columns = _assemble(table, Files(table.parent), wishes, table.stem)
    if not columns.labels:
        dataset = dataset.with_facts(no_labels=_no_label_column(table))
    return _in_units(dataset, columns, wishes)


def _no_label_column(table: Path) -> str:
    names = ", ".join(column_search.read_cells(table))
    return (
        f"no column of {table} is called {', '.join(column_search.LABEL_NAMES)}; name the one "
        f"that holds the labels with --label-column. Its columns: {names}"
    )


def _in_units(dataset: Dataset, columns: Columns, wishes: Wishes) -> Dataset:
    unit = wishes.unit
    if unit == "auto":
        unit = "image" if columns.level in ("file", "image") else "series"
    return dataset if unit == "image" else dicom_series.group(dataset, unit, wishes.on_geometry)


def _assemble(table: Path, files: Files, wishes: Wishes, name: str) -> tuple[Dataset, Columns]:
    """One row a file, with what its table row says."""
    cells = column_search.read_cells(table)
    columns = column_search.find(cells, files, wishes, table)
    truth = kind(wishes.truth)
    named = {name: list(cells[name]) for name in columns.labels}
    labels, unknown, classes, multi_label = truth.of_cells(named) if named else _none(len(cells))
    rows, rejects = _row_of_file(cells[columns.key], columns.level, files, labels)
    if not rows:
        reason = rejects[0][1] if rejects else "every cell is empty"
        raise DataError(
            f"no row of {table} fits a file below {files.root}: column {columns.key!r}, first "
            f"row: {reason}"
        )
    ids = [files.inside(path).as_posix() for path in rows]
    content: dict[str, Any] = {
        "id": ids,
        "path": [str(path) for path in rows],
        "label": [labels[row] for row in rows.values()],
        "unknown": [unknown[row] for row in rows.values()],
        "patient": ids,
    }
    if columns.patient:
        patients = [cells[columns.patient].iloc[row].strip() for row in rows.values()]
        content["patient_known"] = [bool(patient) for patient in patients]
        content["patient"] = [own or id_ for own, id_ in zip(patients, ids, strict=True)]
    if columns.split:
        parts = cells[columns.split]
        content["split"] = [part_name(parts.iloc[row]) or "" for row in rows.values()]
    facts = {"source": str(files.root), "table": str(table)}
    dataset = Dataset(index(content), classes, name, multi_label, facts).with_rejects(rejects)
    if columns.split:
        dataset = dataset.without(dataset.table["split"] == "", NO_PART)
    return _without_unknown(dataset), columns


def _none(rows: int) -> Cells:
    return [None] * rows, [""] * rows, (), False


def _row_of_file(
    keys: pd.Series, level: str, files: Files, labels: Sequence[str | None]
) -> tuple[dict[Path, int], list[tuple[str, str]]]:
    """The table row of each file, and the rows and files that do not fit, with reasons.

    Several rows may name one file, as with one row a finding, if they agree on the label.
    """
    rejects: list[tuple[str, str]] = []
    rows: defaultdict[Path, list[int]] = defaultdict(list)
    of_key = _files_of_keys(files, level) if level != "file" else None
    for row, key in enumerate(keys):
        if not key.strip():
            continue
        if of_key is not None:
            found: Sequence[Path] | str = of_key.get(key.strip(), "no file has this UID")
        else:
            one = files.find(key)
            found = one if isinstance(one, str) else [one]
        if isinstance(found, str):
            rejects.append((key if level == "file" else f"table row {row + 1}", found))
            continue
        for path in found:
            rows[path].append(row)
    for path in [path for path, its in rows.items() if len({labels[row] for row in its}) > 1]:
        rejects.append((str(path), TWO_LABELS))
        del rows[path]
    return {path: its[0] for path, its in sorted(rows.items())}, rejects


def _files_of_keys(files: Files, level: str) -> Mapping[str, list[Path]]:
    values = dicomdir.key_values([str(path) for path in files.all], level)
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path, value in zip(files.all, values, strict=True):
        if value:
            found[value].append(path)
    return dict(found)


def _without_unknown(dataset: Dataset) -> Dataset:
    """Leave out examples with no label, but for a whole part without any: it is to predict."""
    empty = ~dataset.answered
    if not dataset.labelled:
        return dataset
    bare = [
        part
        for part in PARTS[1:]
        if (rows := dataset.table["split"] == part).any() and empty[rows].all()
    ]
    return dataset.without(empty & ~dataset.table["split"].isin(bare), NO_LABEL)
