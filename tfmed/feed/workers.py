"""Reading in worker processes, for what the graph cannot decode.

Decoders hold Python's lock, so threads do not help. Workers import `tfmed.io` alone, which is
free of TensorFlow, and are spawned: TensorFlow's threads do not survive a fork.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import pool
from tfmed.errors import ReadError, TfmedError
from tfmed.feed.finish import Finish, blank
from tfmed.io import worker
from tfmed.transforms.prepare import Preprocessing

# Fewer pixels than this are decoded before the worker processes have started.
FEW_PIXELS = 1 << 23
BLOCK_BYTES = 1 << 23  # decoded images at a time: little enough to stay in memory at hand


def images(
    table: pd.DataFrame,
    positions: np.ndarray,
    finish: Finish,
    length: int,
    count: int | None = None,
) -> Generator[tuple[np.ndarray, Any]]:
    """Images of some rows, in order, through `tfmed.io` in worker processes.

    Args:
        table: with `path`, `frame` and `files`.
        positions: of the rows, rising.
        finish: what is done with decoded images.
        length: images a block at most; images of unequal shapes stand in different blocks.
        count: processes; one a CPU by default, 0 for none.

    Yields:
        Positions `[n]`, and float32 `[n, *size, C]`, a tensor or an array.

    Raises:
        ReadError: a file cannot be read, or its decoder killed the process.
    """
    if count is None and _pixels(table, positions) < FEW_PIXELS:
        count = 0
    known = [name for name in ("path", "files", "frame", "channels") if name in table]
    some = table[known].iloc[positions]
    rows = (dict(zip(some.columns, row, strict=True)) for row in some.itertuples(index=False))
    held: list[np.ndarray] = []
    first = 0
    with closing(pixels(rows, count, finish.preprocessing)) as stream:
        try:
            for place, found in enumerate(stream):
                if held and not _fits(held, found, length):
                    yield positions[first:place], finish(_stacked(held))
                    held, first = [], place
                held.append(found)
        except TfmedError:
            # What was read before it is whole.
            if held:
                yield positions[first : first + len(held)], finish(_stacked(held))
            raise
    if held:
        yield positions[first:], finish(_stacked(held))


def pixels(
    rows: Iterable[Mapping[str, Any]],
    workers: int | None = None,
    preprocessing: Preprocessing | None = None,
) -> Generator[np.ndarray]:
    """The pixels of rows of a data set's table, in order, at their own size.

    Args:
        rows: with `path`, `frame` and `files`; asked for as they are needed.
        workers: processes; one a CPU by default, 0 for none.
        preprocessing: what will be done with them, by which a worker may spare itself to send
            what is not needed: frames of a clip, and whole numbers that it shrinks as well as
            the graph. None for pixels as they are.

    Yields:
        `[H, W, C]` or `[D, H, W, C]`, modality units.

    Raises:
        ReadError: a file cannot be read, or its decoder killed the process.
    """
    asked: deque[str] = deque()

    def calls() -> Iterator[worker.Call]:
        for row in rows:
            asked.append(str(row["path"]))
            yield _call(row, preprocessing)

    with closing(pool.stream(worker.pixels, calls(), workers=workers)) as stream:
        for found in stream:
            path = asked.popleft()
            if isinstance(found, pool.Crash):
                raise ReadError(path, found.reason)
            if isinstance(found, TfmedError):
                raise found
            yield found


def _pixels(table: pd.DataFrame, positions: np.ndarray) -> int:
    """How many pixels there are to decode; as many as can be where no audit tells."""
    if "height" not in table:
        return FEW_PIXELS if len(positions) > 1 else 0
    sides = table[["depth", "height", "width"]].iloc[positions].to_numpy(np.int64)
    return int(sides.prod(axis=1).sum())


def _call(row: Mapping[str, Any], preprocessing: Preprocessing | None) -> worker.Call:
    files = row.get("files")
    series = isinstance(files, (list, tuple, np.ndarray))
    names = tuple(map(str, files if files is not None and series else [row["path"]]))
    if preprocessing is None:
        return worker.Call(names, series, int(row["frame"]))
    sample = preprocessing.size[0] if preprocessing.sampled else 0
    # Colour becomes grey before it shrinks.
    grey = row.get("channels", 3) == 1 or preprocessing.channels == 3
    rows, columns = preprocessing.size[-2:]
    return worker.Call(names, series, int(row["frame"]), sample, (rows, columns) if grey else None)


def _stacked(held: list[np.ndarray]) -> np.ndarray:
    ready = held[0].dtype == np.float32
    return np.stack(held, out=blank((len(held), *held[0].shape)) if ready else None)


def _fits(held: list[np.ndarray], found: np.ndarray, length: int) -> bool:
    alike = held[0].shape == found.shape and held[0].dtype == found.dtype
    return alike and len(held) < length and (len(held) + 1) * found.nbytes <= BLOCK_BYTES
