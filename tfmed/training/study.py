"""`Study`: a run opened again, with all that evaluation and export stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tfmed import feed
from tfmed.data.dataset import Dataset
from tfmed.data.stored import stored
from tfmed.errors import DataError
from tfmed.feed.store import Store
from tfmed.metrics import Threshold
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training import member
from tfmed.training.member import Member, mean_threshold

OUT_OF_FOLD = "out_of_fold"


@dataclass(frozen=True)
class Study:
    """A trained run.

    Attributes:
        run: where it lives.
        dataset: every example that it knows, with its part.
        cache: the images of `dataset`, row for row.
        members: one, or one a fold of a cross-validation.
    """

    run: Run
    dataset: Dataset
    cache: Store
    members: tuple[Member, ...]

    @property
    def task(self) -> Classification:
        """What the members were asked."""
        return self.members[0].task

    @property
    def plan(self) -> Plan:
        """How the members were trained; folds differ in their class weights alone."""
        return self.members[0].plan

    @property
    def threshold(self) -> Threshold:
        """The operating point of the members together."""
        return mean_threshold([one.threshold for one in self.members])

    def rows(self, *splits: str) -> np.ndarray:
        """Positions of the examples of some parts."""
        return positions(self.dataset, *splits)

    def unseen_rows(self) -> np.ndarray:
        """Positions of labelled examples that least took part in training, as `unseen`."""
        return unseen(self.dataset, len(self.members))

    def at(self, rows: np.ndarray) -> Dataset:
        """The examples at some positions."""
        return self.dataset.with_table(self.dataset.table.iloc[rows])


def open_study(run: Run) -> Study:
    """Open a run whose training has finished.

    Raises:
        DataError: it has not.
    """
    folders = folds_of(run) or [run]
    members = tuple(member.load(folder) for folder in folders)
    dataset = stored(run)
    return Study(run, dataset, feed.build(dataset, members[0].plan.preprocessing), members)


def positions(dataset: Dataset, *splits: str) -> np.ndarray:
    """Positions of the examples of some parts."""
    return np.flatnonzero(dataset.table["split"].isin(splits))


def unseen(dataset: Dataset, members: int) -> np.ndarray:
    """Positions of labelled examples that least took part in training.

    The test part; else, in a cross-validation of several members, all, each of them unseen by
    one member; else the validation part.
    """
    tested = positions(dataset, "test")
    if len(tested):
        return tested
    return positions(dataset, "train" if members > 1 else "val")


def folds_of(run: Run) -> list[Run]:
    """The folds of a run, in order; none without a cross-validation."""
    count = len(list(run.folder.glob("fold*")))
    return [fold(run, number) for number in range(1, count + 1)]


def fold(run: Run, number: int) -> Run:
    """The run in a run that holds a fold, counted from 1."""
    return Run(run.folder / f"fold{number}")


def answers(
    study: Study, rows: np.ndarray, members: Sequence[Member] | None = None
) -> pd.DataFrame:
    """`predictions.csv` for examples at some positions: the mean of the members' probabilities.

    Args:
        study: the run.
        rows: positions in its data set; at least one.
        members: some of the study's; all by default.

    Raises:
        DataError: no rows.
    """
    if not len(rows):
        raise DataError("there are no examples to answer for")
    members = members or study.members
    part = study.at(rows)
    probabilities = np.mean([one.probabilities(part) for one in members], axis=0)
    threshold = mean_threshold([one.threshold for one in members])
    return study.task.predictions(part, probabilities, threshold)
