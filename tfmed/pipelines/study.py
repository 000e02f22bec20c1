"""A classifier's study: its members trained, their answers collected and scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from tfmed import config, feed, log
from tfmed.data import split as splitting
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError
from tfmed.feed.cache import Cache
from tfmed.metrics import Threshold
from tfmed.pipelines import stages
from tfmed.pipelines.members import Member, mean_threshold, open_or_train, task_of
from tfmed.pipelines.settings import TrainingSettings
from tfmed.planning import Plan, loads
from tfmed.run import Run
from tfmed.tasks import Classification

OUT_OF_FOLD = "out_of_fold"


@dataclass(frozen=True)
class Study:
    """All that evaluation, export and report stand on.

    Attributes:
        run: where the study lives.
        dataset: every example, with its part.
        cache: the images of `dataset`, row for row.
        plan: how the members were trained.
        task: what they were asked.
        members: one, or one a fold.
        predictions: as `predictions.csv`.
        scores: as `scores.json`.
        answered_by: in a cross-validation, example id to the position of its member.
    """

    run: Run
    dataset: Dataset
    cache: Cache
    plan: Plan
    task: Classification
    members: tuple[Member, ...]
    predictions: pd.DataFrame
    scores: dict[str, Any]
    answered_by: Mapping[str, int] = field(default_factory=dict)

    @property
    def threshold(self) -> Threshold:
        """The operating point of the members together."""
        return mean_threshold([member.threshold for member in self.members])

    def rows(self, *splits: str) -> np.ndarray:
        """Positions of the examples of some parts."""
        return np.flatnonzero(self.dataset.table["split"].isin(splits))

    def scored_rows(self) -> np.ndarray:
        """Positions of the examples that the scores are of."""
        scored = self.predictions["id"][self.predictions["split"] == self.scores["split"]]
        return np.flatnonzero(self.dataset.table["id"].isin(set(scored)))


def carry_out(run: Run, dataset: Dataset, plan: Plan, settings: TrainingSettings) -> Study:
    """Train what is not trained yet, predict, and score.

    Writes `predictions.csv` and `scores.json`.
    """
    study = _study(run, dataset, plan, settings)
    run.write_table("predictions.csv", study.predictions)
    write_scores(study)
    return study


def _study(run: Run, dataset: Dataset, plan: Plan, settings: TrainingSettings) -> Study:
    with stages.timed(run, "index"):
        cache = feed.cache.build(dataset, plan.preprocessing)
    task = task_of(dataset, plan, dataset.part("train"))
    make = _folds if settings.folds > 1 else _one
    return make(Study(run, dataset, cache, plan, task, (), pd.DataFrame(), {}), settings)


def reopen(run: Run) -> Study:
    """The study of a finished run, from its folder.

    Raises:
        DataError: the run is not finished.
    """
    if not stages.state(run).get("finished"):
        raise DataError(f"{run.folder} is not finished: run its command again to go on")
    text = run.path("config.toml").read_text(encoding="utf-8")
    settings = config.loads(TrainingSettings, text)
    dataset = stages.load_dataset(run)
    plan = loads(run.path("plan.toml").read_text(encoding="utf-8"))
    return _study(run, dataset, plan, settings)


def write_scores(study: Study) -> None:
    """Write `scores.json`, with the seconds of the stages so far."""
    run = study.run
    run.write_json("scores.json", {**study.scores, "seconds": stages.state(run)["seconds"]})


def _one(study: Study, settings: TrainingSettings) -> Study:
    member = open_or_train(
        study.run, study.dataset, study.cache, study.plan, settings, settings.max_minutes
    )
    study = replace(study, members=(member,))
    with stages.timed(study.run, "evaluate"):
        shown = study.rows("val", "test", "")
        predictions = _answers(study, shown, study.threshold)
        tested = predictions[predictions["split"] == "test"]
        scores = study.task.score(tested, study.threshold)
    return _scored(study, predictions, scores)


def _folds(study: Study, settings: TrainingSettings) -> Study:
    """Cross-validation: every example is answered by a member that has not seen it."""
    folds = splitting.folds(study.dataset, settings.folds, settings.seed)
    position = pd.Series(range(len(study.dataset)), index=study.dataset.table["id"])
    members: list[Member] = []
    held: list[pd.DataFrame] = []
    for number, fold in enumerate(folds, start=1):
        log.info(f"fold {number} of {len(folds)}")
        cache = study.cache.take(position[fold.table["id"]].to_numpy())
        inner = Run(study.run.folder / f"fold{number}")
        minutes = _minutes_left(settings, members, len(folds))
        member = open_or_train(inner, fold, cache, study.plan, settings, minutes)
        members.append(member)
        out = position[fold.part("test").table["id"]].to_numpy()
        alone = replace(study, members=(member,))
        held.append(_answers(alone, out, member.threshold).assign(split=OUT_OF_FOLD))
    answered_by = {name: i for i, answers in enumerate(held) for name in answers["id"]}
    study = replace(study, members=tuple(members), answered_by=answered_by)
    with stages.timed(study.run, "evaluate"):
        return _pool(study, held)


def _pool(study: Study, held: list[pd.DataFrame]) -> Study:
    """Score all held folds together, each fold by itself, and a test part by the mean."""
    predictions = pd.concat(held, ignore_index=True)
    scores = study.task.score(predictions, study.threshold)
    scores["per_fold"] = [
        _values(study.task.score(answers, member.threshold, resamples=0))
        for answers, member in zip(held, study.members, strict=True)
    ]
    apart = study.rows("test", "")
    if len(apart):
        answers = _answers(study, apart, study.threshold)
        scores["test"] = study.task.score(answers, study.threshold)
        predictions = pd.concat([predictions, answers], ignore_index=True)
    return _scored(study, predictions, scores)


def _minutes_left(settings: TrainingSettings, finished: list[Member], folds: int) -> float | None:
    """A fold's share of the time that the folds before it have left."""
    if settings.max_minutes is None:
        return None
    used = sum(member.seconds for member in finished) / 60
    return max((settings.max_minutes - used) / (folds - len(finished)), 0.01)


def _answers(study: Study, rows: np.ndarray, threshold: Threshold) -> pd.DataFrame:
    """Predictions of the members' mean for some rows of the data set."""
    part = study.dataset.with_table(study.dataset.table.iloc[rows])
    cache = study.cache.take(rows)
    answers = [member.probabilities(cache, study.plan, study.task) for member in study.members]
    return study.task.predictions(part, np.mean(answers, axis=0), threshold)


def _values(scores: dict[str, Any]) -> dict[str, float]:
    return {name: entry["value"] for name, entry in scores["metrics"].items()}


def _scored(study: Study, predictions: pd.DataFrame, scores: dict[str, Any]) -> Study:
    seconds = stages.state(study.run)["seconds"]
    seconds["train"] = round(sum(member.seconds for member in study.members), 2)
    stages.note(study.run, seconds=seconds)
    return replace(study, predictions=predictions, scores=scores)
