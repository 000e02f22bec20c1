"""Facts of files that were read before, so that unchanged files are read once, by all runs.

They lie in Parquet below `home()/"index"`, in parts: each audit adds parts while it works, so
that a killed one goes on where it was, and at its end small parts become one. A part is never
changed, only replaced, and a lost one costs no more than reading again: so audits may work at
once. Like the images' own cache the folder is the user's alone (it holds patients' ids); names
of files tell nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tfmed import log
from tfmed.data.dataset import WHOLE_FILE
from tfmed.data.download import home
from tfmed.run import write_aside

VERSION = 2  # goes up when reading changes its answers: then all files are read again
# Another version of these may read what could not be read, or otherwise.
READERS = (
    *("tfmed", "pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle"),
    *("pyjpegls", "python-gdcm", "pillow", "tifffile", "nibabel", "av"),
)
PAIRED = (".img", ".img.gz", ".IMG", ".IMG.gz")
FLUSH_SECONDS = 10.0  # of work that a kill may cost
FLUSH_ROWS = 20_000
FEW_PARTS = 8  # more small ones become one
SMALL_ROWS = 250_000
ROW_GROUP = 50_000
IDENTITY = pa.schema([("key", pa.uint64()), ("state", pa.uint64())])

# Row number, its facts, and whether they last: a reason that may pass is not kept.
Fact = tuple[int, dict[str, Any], bool]


def facts(
    kind: str,
    schema: pa.Schema,
    marks: np.ndarray,
    read: Callable[[np.ndarray], Iterator[Fact]],
) -> pa.Table:
    """The facts of each row: those that are known, and the rest read and kept for next time.

    Args:
        kind: of facts, as `"pixels"`: what was read of one file for two kinds is kept apart.
        schema: columns of the facts.
        marks: of the rows, from `marks`.
        read: given the numbers of the rows that are not known, it yields their facts, in any
            order, each row once.

    Returns:
        A table of `schema`, one row a mark, in order.
    """
    folder = home() / "index" / f"{kind}-{_edition(schema)}"
    table, place = _find(folder, schema, marks)
    new = np.flatnonzero(place < 0)
    if len(new):
        blocks = [table]
        count = len(table)
        for rows, block in _kept(folder, schema, marks, read(new)):
            place[rows] = np.arange(count, count + len(rows))
            count += len(rows)
            blocks.append(block)
        table = pa.concat_tables(blocks)
        _compact(folder)
    if np.array_equal(place, np.arange(len(table))):
        return table
    return table.combine_chunks().take(pa.array(place))


def marks(
    table: pd.DataFrame, beside: Sequence[Sequence[str] | None] | None = None, about: str = ""
) -> np.ndarray:
    """What tells each row of a data set from others, and its files from what they were.

    Args:
        table: columns `path`, `member`, `frame` and `files` of a data set.
        beside: further files of each row, which are read with it.
        about: what else the facts of these depend on.

    Returns:
        uint64 `[N, 2]`: a hash of path, member, frame and files; and one of the files' sizes
        and times of change, 0 where one of them cannot be looked at.
    """
    # A part of a file is told from others by its text, a whole file by its path.
    names = table["path"].to_numpy(object, copy=True)
    place, paths = pd.factorize(names)
    states = np.array([_state(path) for path in paths], np.uint64)[place]
    inside = ((table["member"] != "") | (table["frame"] != WHOLE_FILE)).to_numpy()
    series = table["files"].notna().to_numpy()
    parts = table[inside | series]
    for row, member, frame, files in zip(
        np.flatnonzero(inside | series),
        parts["member"],
        parts["frame"],
        parts["files"],
        strict=True,
    ):
        names[row] = "\0".join((names[row], member, str(frame), *(files or ())))
        if files is not None:
            each = [_state(path) for path in files]
            states[row] = _hash(str(each)) if all(each) else 0
    for number, more in enumerate(beside or ()):
        if more is not None:
            names[number] = "\0".join((names[number], about, *more))
            each = [int(states[number]), *(_state(path) for path in more)]
            states[number] = _hash(str(each)) if all(each) else 0
    return np.stack([pd.util.hash_array(names, categorize=False), states], axis=1)


def clear() -> int:
    """Forget all; the number of bytes that this frees."""
    folder = home() / "index"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder, ignore_errors=True)
    return size


def _state(path: str) -> int:
    """A hash of a file's size and time of change, 0 where there is none."""
    try:
        now = os.stat(path)  # noqa: PTH116  (a Path of each of a million names takes longer)
    except OSError:
        return 0
    beside = ""
    if path.lower().endswith((".hdr", ".hdr.gz")):  # the voxels of a NIfTI pair
        stem = path[: path.lower().rindex(".hdr")]
        beside = str([_state(stem + ending) for ending in PAIRED])
    return _hash(f"{now.st_size} {now.st_mtime_ns} {beside}")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _edition(schema: pa.Schema) -> str:
    """What a folder's name ends with: another one for other columns, versions and readers."""
    versions = []
    for name in READERS:
        with suppress(metadata.PackageNotFoundError):
            versions.append((name, metadata.version(name)))
    return f"{_hash(repr((VERSION, str(schema), versions))):016x}"


def _parts(folder: Path) -> list[Path]:
    """The parts, oldest first."""
    return sorted(folder.glob("part-*.parquet"))


def _find(folder: Path, schema: pa.Schema, marks: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """The facts that are known of any row, and their place for each row, -1 where there are none.

    A part is first looked at for its marks, 16 bytes a row, and the rest of it only read where
    they are wanted.
    """
    keys, inverse = np.unique(marks[:, 0], return_inverse=True)
    states = np.zeros(len(keys), np.uint64)
    states[inverse] = marks[:, 1]
    place = np.full(len(keys), -1)
    found = [schema.empty_table()]
    count = 0
    for part in _parts(folder) if len(keys) else ():
        with _whole(part):
            there = _marks_of(part)
            at = np.minimum(np.searchsorted(keys, there[:, 0]), len(keys) - 1)
            same = (keys[at] == there[:, 0]) & (states[at] == there[:, 1]) & (states[at] != 0)
            if same.any():
                found.append(_rows(part, schema.names, same))
                place[at[same]] = np.arange(count, count + len(found[-1]))
                count += len(found[-1])
    return pa.concat_tables(found), place[inverse]


def _rows(part: Path, columns: list[str], wanted: np.ndarray) -> pa.Table:
    """Some rows of a part, of which only the groups that hold any are read."""
    with pq.ParquetFile(part) as file:
        groups = range(file.num_row_groups)
        sizes = [file.metadata.row_group(group).num_rows for group in groups]
        parted = np.split(wanted, np.cumsum(sizes)[:-1])
        held = [group for group in groups if parted[group].any()]
        rows = file.read_row_groups(held, columns)
    return rows.filter(pa.array(np.concatenate([parted[group] for group in held])))


def _marks_of(part: Path) -> np.ndarray:
    table = pq.read_table(part, columns=IDENTITY.names)
    return np.stack([table[name].to_numpy() for name in IDENTITY.names], axis=1)


@contextmanager
def _whole(part: Path) -> Iterator[None]:
    """Read a part; one that another audit has just replaced, or that is damaged, is left out."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        return
    except (OSError, pa.ArrowException):
        log.warning(f"{part} is damaged and is removed: its files are read again")
        part.unlink(missing_ok=True)


def _kept(
    folder: Path, schema: pa.Schema, marks: np.ndarray, facts: Iterator[Fact]
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """The facts in blocks with their rows' numbers; every block is written before it is given."""
    waiting: list[Fact] = []
    begun = time.monotonic()
    try:
        for fact in facts:
            waiting.append(fact)
            if len(waiting) >= FLUSH_ROWS or time.monotonic() - begun > FLUSH_SECONDS:
                yield _flush(folder, schema, marks, waiting)
                waiting, begun = [], time.monotonic()
    except BaseException:
        if waiting:
            _flush(folder, schema, marks, waiting)
        raise
    if waiting:
        yield _flush(folder, schema, marks, waiting)


def _flush(
    folder: Path, schema: pa.Schema, marks: np.ndarray, facts: Sequence[Fact]
) -> tuple[np.ndarray, pa.Table]:
    numbers = np.array([number for number, _, _ in facts])
    block = pa.Table.from_pylist([about for _, about, _ in facts], schema)
    lasting = np.array([lasts for _, _, lasts in facts]) & (marks[numbers, 1] != 0)
    if lasting.any():
        part = block.filter(pa.array(lasting))
        for place, name in enumerate(IDENTITY.names):
            part = part.append_column(IDENTITY.field(name), [marks[numbers[lasting], place]])
        _write(folder, [part], part.schema)
    return numbers, block


def _write(folder: Path, blocks: Iterable[pa.Table], schema: pa.Schema) -> bool:
    """Whether a new part could be written; if not, files are read again another time."""

    def write(aside: Path) -> None:
        with pq.ParquetWriter(aside, schema, compression="zstd") as writer:
            for block in blocks:
                writer.write_table(block, row_group_size=ROW_GROUP)

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"part-{time.time_ns():020d}-{os.getpid()}.parquet"
        write_aside(folder / name, write)
    except OSError as error:
        log.warning(f"what was read cannot be kept in {folder} ({error.strerror or error})")
        return False
    return True


def _compact(folder: Path) -> None:
    """Make one part of many small ones, without what newer rows have replaced."""
    # It fails where another audit does the same, or nothing can be written: then all stays.
    with suppress(OSError, pa.ArrowException), (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        small = [part for part in _parts(folder) if pq.read_metadata(part).num_rows < SMALL_ROWS]
        if len(small) > FEW_PARTS and _write(folder, _newest(small), pq.read_schema(small[0])):
            for part in small:
                part.unlink(missing_ok=True)


def _newest(parts: Sequence[Path]) -> Iterator[pa.Table]:
    """The rows of parts, of one key the last."""
    keys = np.concatenate([_marks_of(part)[:, 0] for part in parts])
    last = len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1]
    keep = np.zeros(len(keys), bool)
    keep[last] = True
    start = 0
    for part in parts:
        table = pq.read_table(part)
        yield table.filter(pa.array(keep[start : start + len(table)]))
        start += len(table)
