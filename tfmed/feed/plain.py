"""Uncompressed DICOM that shrinks to a half or a quarter: read and averaged by NumPy in threads.

It is the case of most CT and MR (512 pixels to 256 or 128), and the graph passes over such an
image five times where two do: a file's values go straight into a buffer that is used again, and
their means, which are exact, out of it. That takes half of the graph's time, for equal numbers.
Reading and arithmetic let go of Python's lock.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from tfmed.errors import ReadError
from tfmed.feed import workers
from tfmed.feed.finish import Finish, blank
from tfmed.io.native import RAW
from tfmed.io.shrink import FACTORS, shrink

LARGEST_BYTES = 1 << 26  # of an image: a thread holds one
SIDES = ["depth", "height", "width"]
COLUMNS = ["path", "files", "frame", "pixel_offset", "bits", "intercept"]


def fits(words: Sequence[str], table: pd.DataFrame, positions: np.ndarray, finish: Finish) -> bool:
    """Whether all rows of a native route are such images.

    Args:
        words: the route's kind and words, see `tfmed.feed.in_graph.names`.
        table: of an audited data set.
        positions: of the rows.
        finish: what is done with decoded images.
    """
    kind, stored, channels, *rest = words
    if kind != RAW or not {"kept", "moved"} & set(rest) or "turned" in rest:
        return False
    sides = table[SIDES].iloc[positions].to_numpy(np.int64)
    values = int(sides[0].prod()) * int(channels)
    same = bool((sides == sides[0]).all())
    if not same or values * np.dtype(stored).itemsize > LARGEST_BYTES:
        return False
    rows, columns = finish.preprocessing.size[-2:]
    whole = [(factor * rows, factor * columns) for factor in FACTORS]
    # Colour becomes grey before it shrinks.
    grey = int(channels) == 1 or finish.preprocessing.channels == 3
    return grey and tuple(sides[0, 1:]) in whole


def images(
    words: Sequence[str], table: pd.DataFrame, positions: np.ndarray, finish: Finish, length: int
) -> Generator[tuple[np.ndarray, Any]]:
    """Images of rows that `fits`, in order; arguments and answer as of `in_graph.images`."""
    _, stored, channels, rank, *_ = words
    sides = table[SIDES].iloc[positions[0]].to_numpy(np.int64)
    shape = (*sides[1 if rank == "image" else 0 :], int(channels))
    dtype = np.dtype(stored).newbyteorder("<")
    count = os.cpu_count() or 1
    known = table[COLUMNS]
    starts = iter(range(0, len(positions), length))
    with ThreadPoolExecutor(count) as threads:
        waiting: deque[tuple[np.ndarray, Future[Any]]] = deque()
        try:
            while True:
                for start in itertools.islice(starts, count + 1 - len(waiting)):
                    some = positions[start : start + length]
                    task = threads.submit(_finished, finish, known.iloc[some], shape, dtype)
                    waiting.append((some, task))
                if not waiting:
                    return
                some, future = waiting.popleft()
                yield some, future.result()
        finally:
            threads.shutdown(cancel_futures=True)


def _finished(finish: Finish, some: pd.DataFrame, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return finish(_read(some, shape, dtype, finish.preprocessing.size[-2:]))


def _read(
    some: pd.DataFrame, shape: tuple[int, ...], dtype: np.dtype, size: tuple[int, ...]
) -> np.ndarray:
    """Means in modality units, float32 `[n, ...]`, of some rows."""
    rows, columns = size
    buffer = np.empty(shape, dtype)
    found = blank((len(some), *shape[:-3], rows, columns, shape[-1]))
    unused = 8 * dtype.itemsize - some["bits"].to_numpy(np.int64)
    numbers = zip(some["path"], some["pixel_offset"], unused, some["intercept"], strict=True)
    for place, (path, offset, high_bits, intercept) in enumerate(numbers):
        if not _fill(buffer, path, int(offset)):
            # The reader has the words for what is wrong with it.
            (pixels,) = workers.pixels([some.iloc[place]], 0)
            if pixels.shape != shape:
                raise ReadError(path, "it holds another image than its audit found")
            found[place] = shrink(pixels, (rows, columns))
            continue
        if high_bits:
            buffer <<= int(high_bits)
            buffer >>= int(high_bits)
        np.add(shrink(buffer, (rows, columns)), np.float32(intercept), out=found[place])
    return found


def _fill(buffer: np.ndarray, path: str, offset: int) -> bool:
    """Read a file's values into a buffer; False where they are not all there."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        left = memoryview(buffer.reshape(-1).view(np.uint8).data)
        while left.nbytes:
            done = os.preadv(file, [left], offset)
            if not done:
                return False
            left, offset = left[done:], offset + done
    except OSError:
        return False
    finally:
        os.close(file)
    return True
