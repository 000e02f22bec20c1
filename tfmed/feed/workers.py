"""Reading in worker processes, in order and a few images ahead.

Decoders hold Python's lock, so threads do not help. Workers import `tfmed.io` alone, which is
free of TensorFlow, and are spawned: TensorFlow's threads do not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import numpy as np

from tfmed import io
from tfmed.data import pool as pools
from tfmed.errors import ReadError
from tfmed.image import Image

# Fewer images than this are read before the worker processes have started.
FEW = 32
AHEAD = 4  # images a worker


def pixels(rows: Sequence[Mapping[str, Any]], workers: int | None = None) -> Iterator[np.ndarray]:
    """The pixels of rows of a data set's table, in order, through `tfmed.io`.

    Args:
        rows: with `path`, `frame` and `files`.
        workers: processes; one a CPU by default, 0 for none.

    Yields:
        `[H, W, C]` or `[D, H, W, C]`, modality units.

    Raises:
        ReadError: a file cannot be read, or its decoder killed the process.
    """
    count = (os.cpu_count() or 1) if workers is None else workers
    calls = [_call(row) for row in rows]
    if len(rows) < FEW or count == 0:
        for function, arguments in calls:
            yield function(*arguments).pixels
        return
    waiting: deque[tuple[str, Future[Image]]] = deque()
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        try:
            for row, (function, arguments) in zip(rows, calls, strict=True):
                with pools.without_main():
                    waiting.append((str(row["path"]), pool.submit(function, *arguments)))
                if len(waiting) >= AHEAD * count:
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()


def _call(row: Mapping[str, Any]) -> tuple[Callable[..., Image], tuple[Any, ...]]:
    """What reads a row, and its arguments.

    The function is one of `tfmed.io`, so that a process that gets it does not import this
    package, and with it TensorFlow.
    """
    files = row.get("files")
    if isinstance(files, (list, tuple, np.ndarray)):
        return io.read_series, ([str(file) for file in files],)
    return partial(io.read, frame=int(row["frame"])), (str(row["path"]),)


def _result(path: str, future: Future[Image]) -> np.ndarray:
    try:
        return future.result().pixels
    except BrokenProcessPool as error:
        raise ReadError(path, "the process that decoded it died") from error
