"""Members trained, one or one a fold; their answers scored; the run handed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from tfmed import evaluation, export, log
from tfmed.data import parts
from tfmed.data.dataset import Dataset
from tfmed.pipelines import stages
from tfmed.pipelines.settings import TrainingSettings
from tfmed.run import Run
from tfmed.statistics import RESAMPLES
from tfmed.training.begin import ABOUT, Options
from tfmed.training.study import OUT_OF_FOLD, fold, folds_of, positions

# Trains one member: in a run, of a data set with its parts, whose examples stand at some
# positions of the whole one, in at most so many minutes.
FitMember = Callable[[Run, Dataset, np.ndarray, float | None], object]
Member = TypeVar("Member")


def train(run: Run, dataset: Dataset, settings: TrainingSettings, fit: FitMember) -> None:
    """Train every member that is not trained yet, in the run or one in each fold of it."""
    if settings.folds > 1:
        members = _train_folds(run, dataset, settings, fit)
    else:
        fit(run, dataset, np.arange(len(dataset)), settings.max_minutes)
        members = [run]
    seconds = stages.state(run)["seconds"]
    seconds["train"] = round(sum(_seconds(member) for member in members), 2)
    stages.note(run, seconds=seconds)


def options(settings: TrainingSettings, minutes: float | None) -> Options:
    """What a plan leaves open, for a member that may train so many minutes."""
    return Options(settings.seed, settings.strategy, minutes, settings.deterministic)


def _train_folds(
    run: Run, dataset: Dataset, settings: TrainingSettings, fit: FitMember
) -> list[Run]:
    position = pd.Series(range(len(dataset)), index=dataset.table["id"])
    made = parts.folds(dataset, settings.folds, settings.seed, settings.allow_leakage)
    members: list[Run] = []
    for number, part in enumerate(made, start=1):
        log.info(f"fold {number} of {len(made)}")
        minutes = None
        if settings.max_minutes is not None:
            # What earlier folds have left is shared out evenly.
            left = settings.max_minutes - sum(map(_seconds, members)) / 60
            minutes = max(left / (len(made) - number + 1), 0.01)
        inner = fold(run, number)
        inner.write_table("held.csv", part.part("test").table[["id"]])
        fit(inner, part, position[part.table["id"]].to_numpy(), minutes)
        members.append(inner)
    return members


def _seconds(member: Run) -> float:
    return float(member.read_json(ABOUT)["seconds"])


@dataclass(frozen=True)
class Asked(Generic[Member]):
    """A trained run whose members can be asked and judged.

    Attributes:
        run: where it lives.
        dataset: every example that it knows, with its part.
        members: one, or one a fold.
        answer: the table of `predictions.csv` for examples at some positions, by some members.
        judge: the scores of such a table, answered by some members, with so many resamples.
    """

    run: Run
    dataset: Dataset
    members: Sequence[Member]
    answer: Callable[[np.ndarray, Sequence[Member]], pd.DataFrame]
    judge: Callable[[pd.DataFrame, Sequence[Member], int], dict[str, Any]]


def score(asked: Asked[Member], parts: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answer and score; writes `predictions.csv` and `scores.json`.

    Args:
        asked: the trained run.
        parts: which to answer for where there are no folds; `test` alone is scored.

    Returns:
        The two, as they are written.
    """
    with stages.timed(asked.run, "evaluate"):
        predictions, scores = _pooled(asked) if len(asked.members) > 1 else _tested(asked, parts)
    asked.run.write_table("predictions.csv", predictions)
    write_scores(asked.run, scores)
    return predictions, scores


def write_scores(run: Run, scores: dict[str, Any]) -> None:
    """Write `scores.json`, with the seconds of the stages so far."""
    run.write_json("scores.json", {**scores, "seconds": stages.state(run)["seconds"]})


def _tested(asked: Asked[Member], parts: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    predictions = asked.answer(positions(asked.dataset, *parts), asked.members)
    tested = predictions[predictions["split"] == "test"]
    return predictions, asked.judge(tested, asked.members, RESAMPLES)


def _pooled(asked: Asked[Member]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All held folds together, each fold by itself, and a test part by the folds' mean."""
    position = pd.Series(range(len(asked.dataset)), index=asked.dataset.table["id"])
    held, by_fold = [], []
    for number, (inner, member) in enumerate(
        zip(folds_of(asked.run), asked.members, strict=True), start=1
    ):
        known = inner.read_table("held.csv")["id"]
        table = asked.answer(position[known].to_numpy(), [member])
        held.append(table.assign(split=OUT_OF_FOLD, fold=number))
        scores = asked.judge(table, [member], 0)["metrics"]
        by_fold.append({name: entry["value"] for name, entry in scores.items()})
    predictions = pd.concat(held, ignore_index=True)
    scores = asked.judge(predictions, asked.members, RESAMPLES) | {"per_fold": by_fold}
    apart = positions(asked.dataset, "test", "")
    if len(apart):
        table = asked.answer(apart, asked.members)
        tested = table[table["split"] == "test"]
        if len(tested):
            scores["test"] = asked.judge(tested, asked.members, RESAMPLES)
        predictions = pd.concat([predictions, table.assign(fold=0)], ignore_index=True)
    return predictions, scores


def hand_over(run: Run, base: Path, predictions: pd.DataFrame, scores: dict[str, Any]) -> None:
    """Export a scored run to `base`, `savedmodels/NAME`, and write its report."""
    with stages.timed(run, "export"):
        # After a kill it may stand there already.
        version = export.written(run, base) or export.saved_model(run, base)
    write_scores(run, scores)
    evaluation.report(run, predictions, run.read_json("scores.json"), export=version)
    stages.note(run, finished=True, export=str(version))
