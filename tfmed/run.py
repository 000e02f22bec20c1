"""The run folder: the names of its files, their readers and writers; nothing more.

Everything is written beside its place and renamed into it, so that a reader never meets half
a file, whenever the writer was killed.
"""

from __future__ import annotations

import glob
import json
import math
import os
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tfmed.errors import DataError

REJECT_COLUMNS = ["path", "reason"]
ROW_GROUP = 50_000  # rows that are written, and may be read, at a time
# The machine's name, so that on a shared disk no other machine's work is taken for a dead one's.
_ASIDE = f".aside-{platform.node()}-"


@dataclass(frozen=True)
class Run:
    """A folder that every stage reads and writes, so that a killed one goes on.

    Args:
        folder: where the run lives; made when something is first written.
    """

    folder: Path

    def path(self, name: str) -> Path:
        """The path of the file `name` in the run, its folder made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def has(self, name: str) -> bool:
        """Whether a stage has left the file `name`."""
        return (self.folder / name).exists()

    def write_json(self, name: str, value: Any) -> None:
        """Write plain data as JSON; a number that is not defined becomes null."""
        write_text(self.path(name), json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Read what `write_json` wrote."""
        return json.loads(self._existing(name).read_text(encoding="utf-8"))

    def read_text(self, name: str) -> str:
        """The text of a file of the run."""
        return self._existing(name).read_text(encoding="utf-8")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as CSV or Parquet, by the name's ending."""
        as_parquet = name.endswith(".parquet")

        def write(path: Path) -> None:
            if as_parquet:
                table.to_parquet(path, index=False, compression="zstd", row_group_size=ROW_GROUP)
            else:
                table.to_csv(path, index=False)

        write_aside(self.path(name), write)

    def read_table(self, name: str) -> pd.DataFrame:
        """Read what `write_table` wrote: of Parquet with equal dtypes, tuples and None.

        In CSV, identifiers stay text and empty cells empty.
        """
        path = self._existing(name)
        if name.endswith(".parquet"):
            return _read_parquet(path)
        text = {column: "str" for column in ("id", "patient", "path", "truth", "prediction")}
        return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={})

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise DataError(
                f"{self.folder} has no {name}: it is not a run of tfmed, or its stage has not "
                "finished; run the same command again to go on"
            )
        return path


def _read_parquet(path: Path) -> pd.DataFrame:
    """A table as it was written; pandas alone makes text of objects, and arrays of tuples."""
    content = pq.read_table(path)
    about = (content.schema.pandas_metadata or {}).get("columns", [])
    objects = {column["name"] for column in about if column["numpy_type"] == "object"}
    table = content.to_pandas()
    for name in objects.intersection(content.column_names):
        values = content[name].to_numpy()
        if pa.types.is_list(content[name].type):
            values = [None if one is None else tuple(one.tolist()) for one in values]
        table[name] = pd.Series(values, dtype="object")
    return table


def write_aside(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file or folder beside `path`, then rename it into place.

    What killed processes of this machine have left beside it is removed.
    """
    sweep(path.parent, _ASIDE)
    aside = path.with_name(f"{_ASIDE}{os.getpid()}-{path.name}")
    try:
        write(aside)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(aside, path)
    finally:
        _remove(aside)


def sweep(folder: Path, prefix: str) -> None:
    """Remove what processes that are dead have left in a folder under `PREFIX<process>`."""
    for path in folder.glob(f"{glob.escape(prefix)}*"):
        process = re.match(r"\d+", path.name.removeprefix(prefix))
        if process and not _alive(int(process[0])):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def plain(value: Any) -> Any:
    """NumPy numbers, paths and tuples as what JSON knows; NaN and infinities as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
