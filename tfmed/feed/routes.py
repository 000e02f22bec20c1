"""Which way an image takes from its file to the graph.

Rows of equal routes are read together: arrays of one member of an .npz file, files that one
graph decodes (`tfmed.feed.in_graph`), and all others (`tfmed.feed.workers`).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import archives
from tfmed.feed import in_graph, plain, workers
from tfmed.feed.finish import Finish, Prepare, finishing
from tfmed.transforms.prepare import Preprocessing, resample

# Positions `[n]` in a table, and their images `[n, *size, C]`, an array or a tensor.
Block = tuple[np.ndarray, Any]

ARCHIVE, GENERAL = "npz", "general"
BLOCK_IMAGES = 32
BLOCK_BYTES = 1 << 26
ARCHIVE_BYTES = 1 << 23


@dataclass(frozen=True)
class Route:
    """One way, and who takes it.

    Attributes:
        kind: `"npz"`, `"general"`, or one of `tfmed.feed.in_graph`.
        words: what else rows of one route have in common.
        positions: int64, of the rows in the table, rising.
    """

    kind: str
    words: tuple[str, ...]
    positions: np.ndarray


def routes(table: pd.DataFrame) -> list[Route]:
    """The routes of a data set's rows, each row on one of them.

    Args:
        table: of any number of rows; without an audit all files take the general route.
    """
    names = in_graph.names(table).where(lambda name: name != "", GENERAL)
    inside = table["member"] != ""
    archives = ARCHIVE + "\n" + table["path"] + "\n" + table["member"]
    codes, found = pd.factorize(names.where(~inside, archives))
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(found)))
    made = []
    for name, positions in zip(found, np.split(order, ends)[:-1], strict=True):
        kind, *words = name.split("\n") if name.startswith(ARCHIVE) else name.split()
        made.append(Route(kind, tuple(words), positions))
    return made


def images(
    route: Route,
    table: pd.DataFrame,
    preprocessing: Preprocessing,
    count: int | None = None,
    *,
    prepare: Prepare = resample,
    length: int | None = None,
) -> Generator[Block]:
    """The images of a route, in order, some at a time.

    Args:
        route: one of `routes(table)`.
        table: the same table.
        preprocessing: size and channels.
        count: worker processes for what the graph cannot decode; None is one a CPU.
        prepare: what is done with decoded images and `preprocessing`.
        length: images a block at most; 32, or fewer of large ones, by default.

    Yields:
        Positions in `table` and float32 `[n, *size, C]`, as `prepare` makes them.

    Raises:
        ReadError: a file cannot be read; the message names it.
    """
    finish = finishing(prepare, preprocessing)
    length = min(length or BLOCK_IMAGES, block_length(preprocessing))
    if route.kind == ARCHIVE:
        return _archive(route, table, finish)
    if route.kind == GENERAL:
        return workers.images(table, route.positions, finish, length, count)
    words = (route.kind, *route.words)
    if plain.fits(words, table, route.positions, finish):
        return plain.images(words, table, route.positions, finish, length)
    return in_graph.images(words, table, route.positions, finish, length)


def block_length(preprocessing: Preprocessing) -> int:
    """How many images of a size make a block: 32, or fewer where they are large."""
    return min(BLOCK_IMAGES, max(1, BLOCK_BYTES // (4 * math.prod(preprocessing.input_shape))))


def _archive(route: Route, table: pd.DataFrame, finish: Finish) -> Generator[Block]:
    """Images of one array of an .npz file: small ones, so many at a time."""
    path, member = route.words
    images = archives.images(path, member)
    frames = table["frame"].to_numpy(np.int64)
    one = max(images[0].nbytes, 4 * math.prod(finish.preprocessing.input_shape))
    length = max(1, ARCHIVE_BYTES // one)
    for start in range(0, len(route.positions), length):
        some = route.positions[start : start + length]
        yield some, finish(images[frames[some]])
