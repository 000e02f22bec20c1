"""A classifier's members trained and asked: what `learning` needs to know of the task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tfmed import feed, models, training
from tfmed.data.dataset import Dataset
from tfmed.pipelines import learning, stages
from tfmed.pipelines.learning import Asked
from tfmed.pipelines.settings import TrainingSettings
from tfmed.planning import Plan, class_weights
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training.member import mean_threshold
from tfmed.training.study import Study, answers, open_study

PARTS = ("val", "test", "")


def train(run: Run, dataset: Dataset, plan: Plan, settings: TrainingSettings) -> Study:
    """Train every member that is not trained yet, and open the run."""
    with stages.timed(run, "index"):
        cache = feed.build(dataset, plan.preprocessing)

    def fit(member: Run, part: Dataset, rows: np.ndarray, minutes: float | None) -> None:
        own = plan if member is run else _of_fold(plan, dataset, part)
        task = Classification(part.classes, part.multi_label)
        parts = [(part.table["split"] == name).to_numpy() for name in ("train", "val")]
        training.fit(
            lambda: _network(task, own, settings.seed),
            task,
            part.part("train"),
            part.part("val"),
            plan=own,
            folder=member.folder,
            options=learning.options(settings, minutes),
            caches=(cache.take(rows[parts[0]]), cache.take(rows[parts[1]])),
        )

    learning.train(run, dataset, settings, fit)
    return open_study(run)


def _of_fold(plan: Plan, whole: Dataset, part: Dataset) -> Plan:
    """The plan with class weights of a fold's own training part, unless they were edited."""
    task = Classification(part.classes, part.multi_label)
    if plan.class_weights != class_weights(task, whole.part("train")):
        return plan
    return plan.model_copy(update={"class_weights": class_weights(task, part.part("train"))})


def _network(task: Classification, plan: Plan, seed: int) -> Any:
    return models.build(
        plan.model,
        plan.input_shape,
        len(task.classes),
        weights=plan.weights,
        norm=plan.norm,
        dropout=plan.dropout,
        seed=seed,
    )


def score(study: Study) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answer and score; writes `predictions.csv` and `scores.json`, and gives both."""
    asked = Asked(
        study.run,
        study.dataset,
        study.members,
        answer=lambda rows, members: answers(study, rows, members),
        judge=lambda table, members, resamples: study.task.score(
            table, mean_threshold([member.threshold for member in members]), resamples
        ),
    )
    return learning.score(asked, PARTS)
