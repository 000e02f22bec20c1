"""`Member` and `Study`: a trained run opened again, for all that ask it.

A member is what one training left: networks, and what was chosen for them on its validation part.
A run has one; a cross-validation one a fold, each in a folder of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfmed.data.dataset import Dataset
from tfmed.data.stored import join, store, stored
from tfmed.run import Run
from tfmed.task import MODEL, Networks, Predictor, Task, kind
from tfmed.training.begin import ABOUT, plan_of

OUT_OF_FOLD = "out_of_fold"
# What member.json holds beside what a task has chosen.
OWN = ("task", "networks", "seconds")


@dataclass(frozen=True)
class Member:
    """What one training left.

    Attributes:
        networks: float32, by name.
        task: the question.
        plan: how they were trained, and what their input looks like.
        chosen: what `task.choose` gave.
        seconds: training time.
    """

    networks: Networks
    task: Task
    plan: Any
    chosen: Mapping[str, Any]
    seconds: float

    @property
    def model(self) -> keras.Model:
        """The network of a task that has one."""
        return self.networks[MODEL]


@dataclass(frozen=True)
class Study:
    """A trained run.

    Attributes:
        run: where it lives.
        dataset: every example that it knows, with its part.
        members: one, or one a fold of a cross-validation.
    """

    run: Run
    dataset: Dataset
    members: tuple[Member, ...]

    @property
    def task(self) -> Any:
        """What the members were asked."""
        return self.members[0].task

    @property
    def plan(self) -> Any:
        """How the members were trained; folds differ in what follows from their part alone."""
        return self.members[0].plan

    @cached_property
    def predictor(self) -> Any:
        """The members together, as what answers and what is exported."""
        return self.task.predictor(self.members, self.dataset)

    def predictor_of(self, members: Sequence[Member]) -> Predictor:
        """Some of the members, as what answers."""
        if len(members) == len(self.members):
            whole: Predictor = self.predictor
            return whole
        one: Predictor = self.task.predictor(members, self.dataset)
        return one

    @cached_property
    def used(self) -> Dataset:
        """The examples that training and validation saw."""
        return used(self.dataset)

    @cached_property
    def store(self) -> Any:
        """The examples of `used` as the networks saw them, cached."""
        return self.task.store(self.used, self.plan)

    def rows(self, *splits: str) -> np.ndarray:
        """Positions of the examples of some parts."""
        return positions(self.dataset, *splits)

    def unseen_rows(self) -> np.ndarray:
        """Positions of examples with a known truth that least took part in training.

        The test part; else, in a cross-validation of several members, all, each of them unseen
        by one member; else the validation part.
        """
        tested = self.rows("test")
        if len(tested):
            return tested
        return self.rows("train" if len(self.members) > 1 else "val")

    def at(self, rows: np.ndarray) -> Dataset:
        """The examples at some positions."""
        return self.dataset.with_table(self.dataset.table.iloc[rows])


def open_study(run: Run) -> Study:
    """Open a run whose training has finished.

    Raises:
        DataError: it has not.
    """
    folders = folds_of(run) or [run]
    return Study(run, stored(run), tuple(load(folder) for folder in folders))


def load(run: Run) -> Member:
    """The member that `fit` left in a run.

    Raises:
        DataError: training has not finished there.
    """
    about, plan = run.read_json(ABOUT), plan_of(run)
    names = about.get("networks", [MODEL])
    return Member(
        networks={
            name: keras.models.load_model(run.path(file_of(name)), compile=False) for name in names
        },
        task=kind(plan.task).of_dict(plan.task, about["task"]),
        plan=plan,
        chosen={name: value for name, value in about.items() if name not in OWN},
        seconds=about["seconds"],
    )


def file_of(name: str) -> str:
    """The file of a network in a run's folder."""
    return f"{name}.keras"


def predict(run: Run, dataset: Dataset) -> pd.DataFrame:
    """A run's answers for an audited data set: the table of `predictions.csv`.

    Examples that have a part, as the test part, join the run's index, so that a report can
    show them and an export is measured on them; scans from elsewhere leave the run as it is.
    """
    study = open_study(run)
    table, rejects = study.task.answer_table(study.predictor, dataset, run)
    known = join(stored(run), dataset.where(dataset.table["split"] != ""))
    store(run, known.with_rejects(rejects))
    return table


def used(dataset: Dataset) -> Dataset:
    """The examples that training and validation see."""
    return dataset.where(dataset.table["split"].isin(["train", "val"]))


def positions(dataset: Dataset, *splits: str) -> np.ndarray:
    """Positions of the examples of some parts."""
    return np.flatnonzero(dataset.table["split"].isin(splits))


def folds_of(run: Run) -> list[Run]:
    """The folds of a run, in order; none without a cross-validation."""
    count = len(list(run.folder.glob("fold*")))
    return [fold(run, number) for number in range(1, count + 1)]


def fold(run: Run, number: int) -> Run:
    """The run in a run that holds a fold, counted from 1."""
    return Run(run.folder / f"fold{number}")
