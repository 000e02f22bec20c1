"""CSV files with a column of images and one or more of masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfmed.data.dataset import PARTS, Dataset, index
from tfmed.data.sources import column_search
from tfmed.data.sources.column_search import plain
from tfmed.data.sources.match import Files
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth import mask_classes
from tfmed.data.walk import part_name
from tfmed.errors import ConfigError, DataError

MASK_NAMES = ("mask", "masks", "segmentation", "seg", "label", "labels", "groundtruth")
NO_MASK = "mask is empty in the table"
NO_ROW = "it has no row in the table"
TWICE = "the table has another row for it"
_ONE_CLASS = re.compile(r"(?:mask|seg)[ _-](.+)", re.IGNORECASE)


def open_file(place: str, wishes: Wishes) -> Dataset:
    """The images and masks that a CSV lists; paths are relative to it.

    The masks' column is called mask, segmentation or label; several, called mask_CLASS, are one
    file a class. An empty cell is an image without a mask, where its whole part has none.

    Raises:
        ConfigError: a column is missing.
        DataError: no row fits files.
    """
    wishes.refuse("a CSV with masks", "table", "label_columns", "unit", "on_geometry")
    table = Path(place).resolve()
    files = Files(table.parent)
    cells = column_search.read_cells(table)
    masks = _mask_columns(cells, files, wishes, table)
    about = column_search.find(cells.drop(columns=masks), files, wishes, table)
    if about.level != "file":
        raise ConfigError(
            f"{table}: column {about.key!r} holds no paths; masks need paths of images"
        )
    listed, rows, rejects = _listed(cells, about.key, masks, files)
    if not rows:
        raise DataError(
            f"no row of {table} fits files below {table.parent}; first row: {rejects[0][1]}"
        )
    listed["patient"] = list(listed["id"])
    if about.patient:
        named = [cells[about.patient].iloc[row].strip() for row in rows]
        listed["patient"] = [own or id_ for own, id_ in zip(named, listed["id"], strict=True)]
        listed["patient_known"] = [bool(own) for own in named]
    parts = cells[about.split].iloc[rows] if about.split else [""] * len(rows)
    listed["split"] = [part_name(part) or "" for part in parts]
    facts = {"source": str(table.parent), "table": str(table)}
    dataset = Dataset(index(listed), (), table.stem, facts=facts).with_rejects(rejects)
    dataset = _without_bare(dataset)
    if len(masks) > 1:
        return mask_classes.with_files(dataset, _class_names(masks), wishes.classes)
    seen = mask_classes.look([one for one in dataset.table["mask"] if one is not None])
    content = mask_classes.dataset_json(table.parent)
    told = mask_classes.told_classes(content, table.parent / "dataset.json")
    return mask_classes.with_classes(dataset, seen, wishes.classes, told)


def with_patients(dataset: Dataset, root: Path, wishes: Wishes) -> Dataset:
    """The images of a folder with the patients and parts that `wishes.table` tells of them.

    Images without a row become rejects.

    Raises:
        ConfigError: a column is missing, or the table tells neither patients nor parts.
    """
    table = wishes.table
    assert table is not None
    if not table.is_file():
        raise ConfigError(f"there is no table {table}")
    files = Files(root, [Path(path) for path in dataset.table["path"]])
    cells = column_search.read_cells(table)
    about = column_search.find(cells, files, wishes, table)
    if about.level != "file" or not (about.patient or about.split):
        raise ConfigError(
            f"{table} tells neither patients nor parts of the images; name its columns with "
            f"--path-column, --patient-column or --split-column. Its columns: {', '.join(cells)}"
        )
    rows = {str(files.find(cell)): row for row, cell in enumerate(cells[about.key])}
    dataset = dataset.without(~dataset.table["path"].isin(list(rows)), NO_ROW)
    of_image = [rows[path] for path in dataset.table["path"]]
    columns = dataset.table.copy()
    if about.patient:
        named = cells[about.patient].str.strip().iloc[of_image].reset_index(drop=True)
        columns["patient_known"] = named != ""
        columns["patient"] = named.where(named != "", columns["patient"])
    if about.split:
        columns["split"] = [part_name(cells[about.split].iloc[row]) or "" for row in of_image]
    return dataset.with_table(columns)


def _mask_columns(cells: pd.DataFrame, files: Files, wishes: Wishes, table: Path) -> list[str]:
    """The columns of masks: with a usual name, and files in them."""
    taken = (wishes.path_column, wishes.patient_column, wishes.split_column)
    free = [name for name in cells if name not in taken]
    usual = [name for name in free if plain(name) in MASK_NAMES or _ONE_CLASS.fullmatch(name)]
    filled = [name for name in usual if files.share(cells[name]) > 0]
    single = [name for name in filled if plain(name) in MASK_NAMES]
    if not filled:
        raise DataError(
            f"no column of {table} holds files of masks; expected one called mask, or mask_CLASS "
            f"for each class, with paths from the table's folder. Its columns: {', '.join(cells)}"
        )
    return single[:1] or filled


def _listed(
    cells: pd.DataFrame, key: str, masks: Sequence[str], files: Files
) -> tuple[dict[str, list[Any]], list[int], list[tuple[str, str]]]:
    """Columns of the rows that fit, their numbers, and what does not fit."""
    content: dict[str, list[Any]] = {"id": [], "path": [], "mask": []}
    rows: list[int] = []
    rejects: list[tuple[str, str]] = []
    seen: set[str] = set()
    for row, cell in enumerate(cells[key]):
        image = files.find(cell)
        named = [cells[name].iloc[row] for name in masks]
        found = [files.find(one) for one in named if one.strip()]
        lost = next((one for one in (image, *found) if isinstance(one, str)), "")
        if not lost and str(image) in seen:
            lost = TWICE
        if not lost and 0 < len(found) < len(masks):
            lost = "it has masks of some classes only; where it shows none, draw an empty one"
        if lost:
            rejects.append((cell or f"table row {row + 1}", lost))
            continue
        path = Path(image)
        inside = files.inside(path)
        content["id"].append(inside.as_posix())
        content["path"].append(str(path))
        content["mask"].append(tuple(map(str, found)) or None)
        seen.add(str(path))
        rows.append(row)
    return content, rows, rejects


def _class_names(masks: Sequence[str]) -> list[str]:
    found = [_ONE_CLASS.fullmatch(name) for name in masks]
    return [one[1] if one else name for one, name in zip(found, masks, strict=True)]


def _without_bare(dataset: Dataset) -> Dataset:
    """Leave out images without a mask, but for a whole part without any: it is to predict."""
    if not dataset.labelled:
        raise DataError(f"{dataset.facts['table']} names no mask at all")
    parts = dataset.table["split"]
    bare = [part for part in PARTS[1:] if not dataset.answered[parts == part].any()]
    return dataset.without(~dataset.answered & ~parts.isin(bare), NO_MASK)
