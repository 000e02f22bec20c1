"""What tells a data set's files from others, and a changed file from the same: looked at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfmed.data import Dataset
from tfmed.errors import ReadError


class Identity:
    """The files of a data set as they are when each is first asked for.

    Attributes:
        dataset: the data set.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    @cached_property
    def images(self) -> str:
        """Hex digits for every example's pixels; a `ReadError` where a file is gone."""
        return _digest(self._images())

    @cached_property
    def masks(self) -> str:
        """Hex digits for every example's mask; a `ReadError` where a file is gone."""
        files = map(listed, self.dataset.table.get("mask", ()))
        return _digest([(str(file), *_state(file)) for file in some] for some in files)

    def _images(self) -> Iterator[tuple[Any, ...]]:
        table = self.dataset.table
        seen: dict[str, tuple[int, int]] = {}
        blank = [None] * len(table)
        columns = [
            table.get(name, blank) for name in ("path", "frame", "files", "member", "digest")
        ]
        for path, frame, files, member, content in zip(*columns, strict=True):
            names = [str(file) for file in listed(files)] or [str(path)]
            for name in names:
                if name not in seen:
                    seen[name] = _state(name)
            yield (names, [seen[name] for name in names], frame, str(member), str(content))


def listed(files: Any) -> list[Any]:
    """A row's files of a series or of a mask; none where it has none."""
    return list(files) if isinstance(files, (list, tuple, np.ndarray)) else []


def _digest(examples: Iterable[Any]) -> str:
    made = hashlib.sha256()
    for example in examples:
        made.update(repr(example).encode(errors="surrogateescape"))
    return made.hexdigest()


def _state(path: str) -> tuple[int, int]:
    """Size and time by which a changed file is noticed."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise ReadError(path, error.strerror or "cannot be read") from error
    return found.st_size, found.st_mtime_ns
