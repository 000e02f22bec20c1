"""Headers of many DICOM files: read in parallel, and once while the files are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tfmed import log
from tfmed.data import known, pool
from tfmed.data.dataset import WHOLE_FILE
from tfmed.data.examined import passes
from tfmed.errors import TfmedError
from tfmed.io.dicom import Header, read_header

FEW = 1000  # files below which starting processes takes longer than reading headers
# What `Header` names its fields' types, without "| None": how they lie in a table.
_TYPES = {
    "str": pa.string(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "tuple[float, float]": pa.list_(pa.float64()),
    "tuple[float, ...]": pa.list_(pa.float64()),
}
NAMES = [field.name for field in fields(Header)]
SCHEMA = pa.schema(
    [(field.name, _TYPES[str(field.type).removesuffix(" | None")]) for field in fields(Header)]
    + [("reason", pa.string())]
)


def read_headers(paths: Sequence[str]) -> list[Header | str]:
    """The header of each file, or the reason why it has none."""
    nothing = pd.DataFrame({"member": "", "frame": WHOLE_FILE, "files": None}, range(len(paths)))
    table = nothing.assign(path=pd.Series(list(paths), dtype="object"))

    def read(rows: np.ndarray) -> Iterator[known.Fact]:
        return _read([paths[row] for row in rows], rows)

    facts = known.facts("dicom", SCHEMA, known.marks(table), read)
    return [header for batch in facts.to_batches(known.ROW_GROUP) for header in _headers(batch)]


def header_of(path: str) -> Header | str:
    """The header of one file, or the reason why it has none."""
    try:
        return read_header(path)
    except TfmedError as error:
        return getattr(error, "reason", str(error))


def _read(paths: Sequence[str], rows: np.ndarray) -> Iterator[known.Fact]:
    workers = 0 if len(paths) < FEW else None
    with log.progress(None, len(paths), "reading headers", "files") as bar:
        found = pool.stream(_values, paths, workers=workers)
        for row, values in zip(rows.tolist(), found, strict=True):
            bar.advance()
            if isinstance(values, pool.Crash):
                yield row, {"reason": values.reason}, False
            elif isinstance(values, str):
                yield row, {"reason": values}, not passes(values)
            else:
                yield row, dict(zip(NAMES, values, strict=True)), True


def _values(path: str) -> tuple[Any, ...] | str:
    """A header's values alone: they travel between processes in half the time."""
    header = header_of(path)
    return header if isinstance(header, str) else tuple(getattr(header, name) for name in NAMES)


def _headers(batch: pa.RecordBatch) -> Iterator[Header | str]:
    columns: list[list[Any]] = [batch[name].to_pylist() for name in NAMES]
    for place, name in enumerate(NAMES):
        if pa.types.is_list(SCHEMA.field(name).type):
            columns[place] = [None if one is None else tuple(one) for one in columns[place]]
    for reason, values in zip(batch["reason"].to_pylist(), zip(*columns, strict=True), strict=True):
        yield Header(*values) if reason is None else reason
