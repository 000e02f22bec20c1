"""A classifier's members trained, their answers collected and scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pandas as pd

from tfmed import feed, log, models, training
from tfmed.data import split as splitting
from tfmed.data.dataset import Dataset
from tfmed.feed.cache import Cache
from tfmed.pipelines import stages
from tfmed.pipelines.settings import TrainingSettings
from tfmed.planning import Plan, class_weights
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training.study import OUT_OF_FOLD, Study, answers, fold, folds_of, open_study


def train(run: Run, dataset: Dataset, plan: Plan, settings: TrainingSettings) -> Study:
    """Train every member that is not trained yet, and open the run."""
    with stages.timed(run, "index"):
        cache = feed.build(dataset, plan.preprocessing)
    if settings.folds > 1:
        _train_folds(run, dataset, cache, plan, settings)
    else:
        _train_one(run, dataset, cache, plan, settings, settings.max_minutes)
    study = open_study(run)
    seconds = stages.state(run)["seconds"]
    seconds["train"] = round(sum(member.seconds for member in study.members), 2)
    stages.note(run, seconds=seconds)
    return study


def _train_folds(
    run: Run, dataset: Dataset, cache: Cache, plan: Plan, settings: TrainingSettings
) -> None:
    position = pd.Series(range(len(dataset)), index=dataset.table["id"])
    made = splitting.folds(dataset, settings.folds, settings.seed, settings.allow_leakage)
    used = 0.0
    for number, part in enumerate(made, start=1):
        log.info(f"fold {number} of {len(made)}")
        minutes = None
        if settings.max_minutes is not None:
            # What earlier folds have left is shared out evenly.
            left = settings.max_minutes - used / 60
            minutes = max(left / (len(made) - number + 1), 0.01)
        own = cache.take(position[part.table["id"]].to_numpy())
        inner = fold(run, number)
        inner.write_table("held.csv", part.part("test").table[["id"]])
        _train_one(inner, part, own, _of_fold(plan, dataset, part), settings, minutes)
        used += training.load(inner).seconds


def _train_one(
    run: Run,
    dataset: Dataset,
    cache: Cache,
    plan: Plan,
    settings: TrainingSettings,
    minutes: float | None,
) -> None:
    task = Classification(dataset.classes, dataset.multi_label)
    masks = [(dataset.table["split"] == part).to_numpy() for part in ("train", "val")]
    training.fit(
        _builder(task, plan, settings.seed),
        task,
        dataset.part("train"),
        dataset.part("val"),
        plan=plan,
        folder=run.folder,
        options=training.Options(settings.seed, settings.strategy, minutes, settings.deterministic),
        caches=(cache.take(masks[0]), cache.take(masks[1])),
    )


def _of_fold(plan: Plan, whole: Dataset, part: Dataset) -> Plan:
    """The plan with class weights of a fold's own training part, unless they were edited."""
    task = Classification(part.classes, part.multi_label)
    if plan.class_weights != class_weights(task, whole.part("train")):
        return plan
    return plan.model_copy(update={"class_weights": class_weights(task, part.part("train"))})


def _builder(task: Classification, plan: Plan, seed: int) -> Callable[[], keras.Model]:
    return lambda: models.build(
        plan.model,
        plan.input_shape,
        len(task.classes),
        weights=plan.weights,
        norm=plan.norm,
        dropout=plan.dropout,
        seed=seed,
    )


def score(study: Study) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answer and score; writes `predictions.csv` and `scores.json`.

    Returns:
        The two, as they are written.
    """
    with stages.timed(study.run, "evaluate"):
        predictions, scores = _pooled(study) if len(study.members) > 1 else _tested(study)
    study.run.write_table("predictions.csv", predictions)
    write_scores(study.run, scores)
    return predictions, scores


def write_scores(run: Run, scores: dict[str, Any]) -> None:
    """Write `scores.json`, with the seconds of the stages so far."""
    run.write_json("scores.json", {**scores, "seconds": stages.state(run)["seconds"]})


def _tested(study: Study) -> tuple[pd.DataFrame, dict[str, Any]]:
    predictions = answers(study, study.rows("val", "test", ""))
    tested = predictions[predictions["split"] == "test"]
    return predictions, study.task.score(tested, study.threshold)


def _pooled(study: Study) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All held folds together, each fold by itself, and a test part by the folds' mean."""
    position = pd.Series(range(len(study.dataset)), index=study.dataset.table["id"])
    held, by_fold = [], []
    for number, (inner, member) in enumerate(
        zip(folds_of(study.run), study.members, strict=True), start=1
    ):
        known = inner.read_table("held.csv")["id"]
        table = answers(study, position[known].to_numpy(), [member])
        held.append(table.assign(split=OUT_OF_FOLD, fold=number))
        scores = study.task.score(table, member.threshold, resamples=0)["metrics"]
        by_fold.append({name: entry["value"] for name, entry in scores.items()})
    predictions = pd.concat(held, ignore_index=True)
    scores = study.task.score(predictions, study.threshold) | {"per_fold": by_fold}
    apart = study.rows("test", "")
    if len(apart):
        table = answers(study, apart)
        if (table["split"] == "test").any():
            tested = table[table["split"] == "test"]
            scores["test"] = study.task.score(tested, study.threshold)
        predictions = pd.concat([predictions, table.assign(fold=0)], ignore_index=True)
    return predictions, scores
