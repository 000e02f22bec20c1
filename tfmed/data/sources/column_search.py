"""Which column of a table is the path, the label, the patient, the part: by name and content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tfmed.data.sources.dicomdir import KEYS
from tfmed.data.sources.match import Files
from tfmed.data.sources.wishes import Wishes
from tfmed.data.walk import part_name
from tfmed.errors import ConfigError, DataError, ReadError
from tfmed.expected import nearest

LABEL_NAMES = ("label", "labels", "class", "target", "diagnosis", "y")
PATIENT_NAMES = ("patient", "patientid", "subject", "subjectid")
SPLIT_NAMES = ("split", "part", "subset", "set")
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Columns:
    """The columns of a table by what they mean.

    Attributes:
        key: tells the files of a row.
        level: what the key names: `"file"`, or a row of `dicomdir.KEYS`.
        labels: none, one, or several for multi-label data.
        patient: or None.
        split: or None.
    """

    key: str
    level: str
    labels: tuple[str, ...]
    patient: str | None
    split: str | None


def read_cells(path: Path) -> pd.DataFrame:
    """A CSV with every cell as text; commas, semicolons or tabs between them.

    Raises:
        ReadError: the file cannot be read, or is no UTF-8 text.
        DataError: it has no rows.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
        separator = max(SEPARATORS, key=first.count)
        cells = pd.read_csv(
            path, sep=separator, dtype="str", keep_default_na=False, encoding="utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise ReadError(path, "is no UTF-8 text; save the table as CSV in UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty; expected a line of column names, then rows") from error
    except (OSError, pd.errors.ParserError) as error:
        raise ReadError(path, f"is no readable CSV ({type(error).__name__})") from error
    if cells.empty:
        raise DataError(f"{path} has column names but no rows")
    return cells.rename(columns=lambda name: str(name).strip())


def find(cells: pd.DataFrame, files: Files, wishes: Wishes, table: Path) -> Columns:
    """Find the columns that the wishes do not name.

    Raises:
        ConfigError: a wished column does not exist, or no column tells the files.
        DataError: the wished split column holds something else than parts.
    """
    wished = (wishes.path_column, wishes.patient_column, wishes.split_column)
    for name in (*wishes.label_columns, *filter(None, wished)):
        if name not in cells:
            raise ConfigError(
                f"{table} has no column {name!r}{nearest(name, cells)} "
                f"(its columns: {', '.join(cells)})"
            )
    key, level = _key_column(cells, files, wishes.path_column, table)
    split = wishes.split_column or _split_column(cells, key)
    if wishes.split_column:
        _check_split(cells[wishes.split_column], wishes.split_column, table)
    taken = {key, split, wishes.patient_column}
    patient = wishes.patient_column or _named(cells, PATIENT_NAMES, {key, split})
    labels = wishes.label_columns
    if not labels:
        found = _named(cells, LABEL_NAMES, taken | {patient})
        labels = (found,) if found else ()
    return Columns(key, level, labels, patient, split)


def plain(name: str) -> str:
    """A column's name in small letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _key_column(
    cells: pd.DataFrame, files: Files, wished: str | None, table: Path
) -> tuple[str, str]:
    names = [wished] if wished else list(cells)
    shares = {name: files.share(cells[name]) for name in names}
    best = max(names, key=lambda name: shares[name])
    if shares[best] > 0:
        return best, "file"
    for key, level in KEYS.items():
        for name in names:
            if plain(name) == key:
                return name, level
    if wished:
        return wished, "file"
    raise ConfigError(
        f"no column of {table} holds files below {files.root} or DICOM UIDs; name it with "
        f"--path-column. Its columns: {', '.join(cells)}"
    )


def _named(cells: pd.DataFrame, names: Sequence[str], taken: set[str | None]) -> str | None:
    by_plain = {plain(column): column for column in cells if column not in taken}
    return next((by_plain[name] for name in names if name in by_plain), None)


def _split_column(cells: pd.DataFrame, key: str) -> str | None:
    """A column with a usual name in which every filled cell is a part."""
    found = _named(cells, SPLIT_NAMES, {key})
    if found is None:
        return None
    values = {value for value in cells[found] if value.strip()}
    return found if values and all(part_name(value) for value in values) else None


def _check_split(values: pd.Series, name: str, table: Path) -> None:
    wrong = sorted({value for value in values if value.strip() and not part_name(value)})
    if wrong:
        raise DataError(
            f"column {name!r} of {table} holds {', '.join(map(repr, wrong[:5]))}; expected "
            "train, val or test"
        )
