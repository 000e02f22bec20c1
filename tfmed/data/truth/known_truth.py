"""What every kind of truth can do; sources, audit, split and reports ask no more of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from tfmed.data.dataset import Dataset
from tfmed.image import Image

# `label` and `unknown` of each row of a table, the classes, and whether there may be several.
Cells = tuple[list[str | None], list[str], tuple[str, ...], bool]


# What reads an example's own files of truth, given its image, its row and these files.
ReadBeside = Callable[[Image, Mapping[str, Any], Sequence[str]], dict[str, Any]]
# The column of `Beside.schema` that says why a file of truth cannot be used, "" where it can.
REASON = "beside_reason"


@dataclass(frozen=True)
class Beside:
    """Truth that lies in files of its own, read in the pass that reads the images.

    Attributes:
        kind: under which what was read is kept (`tfmed.data.known`).
        about: what the answer depends on beside the files, as text.
        files: of each example, None where it has none.
        read: of a module, so that worker processes have it.
        schema: of what it tells, `REASON` among it.
        told: the columns of it that the table gets for `KnownTruth.audit`.
    """

    kind: str
    about: str
    files: Sequence[Sequence[str] | None]
    read: ReadBeside
    schema: pa.Schema
    told: tuple[str, ...]


class KnownTruth(ABC):
    """One kind of truth; the contract is `tfmed.task.Truth`.

    Attributes:
        name: its column, and the word for it in messages.
        expected: what a source that has none should be, in words.
        stratum: what is about equal in all parts, in words.
        refused: arguments of `tfmed.data.open` that mean nothing here, with why.
        mend: what to do with a class that is too rare to be in every part.
    """

    name: ClassVar[str]
    expected: ClassVar[str]
    stratum: ClassVar[str] = "class"
    refused: ClassVar[Mapping[str, str]] = {}
    mend: ClassVar[str] = ""

    def known(self, table: pd.DataFrame) -> np.ndarray:
        """Whether the truth of each example is known: bool `[N]`."""
        return table[self.name].notna().to_numpy()

    def of_cells(self, columns: Mapping[str, Sequence[str]]) -> Cells:
        """What the cells of a table's label columns say."""
        raise NotImplementedError

    def opened(self, dataset: Dataset) -> Dataset:
        """The data set that a source has listed, with the columns of this truth."""
        return dataset

    def beside(self, dataset: Dataset) -> Beside | None:
        """What is to be read of each example's own files of truth; None where there are none."""
        return None

    def audit(self, dataset: Dataset, workers: int | None = None) -> Dataset:
        """The data set with its truth settled; what cannot be used is a reject.

        Args:
            dataset: with the columns of an audit, and those that `beside` told.
            workers: processes; None for one a core, 0 for none.
        """
        return dataset

    def untold(self, dataset: Dataset) -> Dataset:
        """The data set as it is answered for and not scored."""
        return dataset

    @abstractmethod
    def strata(self, dataset: Dataset) -> np.ndarray:
        """What each example counts in parts of equal shares: int `[N, K]`.

        The first columns are the data set's classes, where it has any.
        """

    def named(self, dataset: Dataset) -> tuple[str, ...]:
        """The classes that each part must show, and that a report counts."""
        return dataset.classes

    def everywhere(self, dataset: Dataset, strata: int) -> np.ndarray:
        """Which of the strata each part must have: bool `[K]`."""
        must = [name in self.named(dataset) for name in dataset.classes]
        return np.array(must + [False] * (strata - len(must)))

    def times(self, dataset: Dataset) -> dict[str, int]:
        """How many examples show each class."""
        return dict(zip(dataset.classes, self.strata(dataset).sum(axis=0).tolist(), strict=False))

    @abstractmethod
    def check(self, dataset: Dataset) -> None:
        """Refuse data that nothing can be learned from; cheap, so it is called before an audit.

        Raises:
            DataError: no truth is known, or it is the same everywhere.
        """
