"""The one body of all training commands: from scans to a scored, exported and reported model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfmed import evaluation, export, hardware, log, planning, training
from tfmed.data import parts
from tfmed.data.dataset import Dataset
from tfmed.pipelines import checks, stages
from tfmed.pipelines.flags import TrainingSettings
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.statistics import RESAMPLES
from tfmed.task import Task, kind
from tfmed.training import Member, Study, open_study
from tfmed.training.begin import ABOUT, Options
from tfmed.training.study import OUT_OF_FOLD, fold, folds_of, used

# Made-up data shows the whole way, and need not be learned to the last digit.
SYNTHETIC_SECONDS = 60.0


def run(pipeline: str, name: str, settings: TrainingSettings) -> None:
    """Index, audit, split, plan, train, answer, score, export and report; each stage once.

    Args:
        pipeline: the command, which names the run's folder.
        name: of the task, a row of `tfmed.task.TASKS`.
        settings: of the command.
    """
    of = kind(name)
    checks.trainable(settings, of.networks_known, of.losses_of(name))
    hardware.tell()
    with stages.begin(pipeline, settings) as work:
        dataset = stages.split(work, settings, stages.index(work, settings, of.truth_of(name)))
        task: Task = of.of_dataset(name, dataset)
        plan = stages.plan(work, task, lambda: _planned(settings, dataset, task))
        if settings.plan_only:
            stages.show(work, plan)
            return
        base = settings.export / (settings.name or work.folder.name)
        if not stages.is_finished(work, base):
            study = train(work, dataset, task, plan, settings)
            hand_over(study, base, *score(study))
        stages.tell(work)


def _planned(settings: TrainingSettings, dataset: Dataset, task: Task) -> Plan:
    """The plan of the training part, with what the user has set."""
    limited = settings.max_minutes is not None
    # The same bits every time: then no clock has a say.
    timed = limited or not (settings.deterministic and settings.epochs)
    machine = planning.here(settings.memory, _seconds_to_train(settings), limited, timed)
    made: Plan = planning.plan(dataset.part("train"), task, machine=machine, **settings.asked)
    return made


def _seconds_to_train(settings: TrainingSettings) -> float | None:
    """Training time that one network's plan may ask for; None for the planner's own."""
    if settings.max_minutes is not None:
        return 60 * settings.max_minutes / settings.folds
    return SYNTHETIC_SECONDS if settings.data.startswith("synthetic:") else None


def train(run: Run, dataset: Dataset, task: Task, plan: Plan, settings: TrainingSettings) -> Study:
    """Train every member that is not trained yet, one or one a fold, and open the run."""
    part_used = used(dataset)
    with stages.timed(run, "index"):
        store = task.store(part_used, plan)

    def fit(member: Run, part: Dataset, rows: np.ndarray, minutes: float | None) -> float:
        own = plan if member is run else task.of_fold(plan, dataset, part)
        parts = [(part.table["split"] == name).to_numpy() for name in ("train", "val")]
        training.fit(
            lambda: task.networks(own, settings.seed),
            task,
            part.part("train"),
            part.part("val"),
            plan=own,
            folder=member.folder,
            options=Options(settings.seed, settings.strategy, minutes, settings.deterministic),
            stores=(store.take(rows[parts[0]]), store.take(rows[parts[1]])),
        )
        return float(member.read_json(ABOUT)["seconds"])

    if settings.folds > 1:
        spent = _train_folds(run, part_used, settings, fit)
    else:
        spent = fit(run, part_used, np.arange(len(part_used)), settings.max_minutes)
    seconds = stages.state(run)["seconds"]
    stages.note(run, seconds={**seconds, "train": round(spent, 2)})
    return open_study(run)


def _train_folds(run: Run, dataset: Dataset, settings: TrainingSettings, fit: Any) -> float:
    """A member a fold; gives the seconds of all."""
    position = pd.Series(range(len(dataset)), index=dataset.table["id"])
    made = parts.folds(dataset, settings.folds, settings.seed, settings.allow_leakage)
    spent = 0.0
    for number, part in enumerate(made, start=1):
        log.info(f"fold {number} of {len(made)}")
        minutes = None
        if settings.max_minutes is not None:
            # What earlier folds have left is shared out evenly.
            left = settings.max_minutes - spent / 60
            minutes = max(left / (len(made) - number + 1), 0.01)
        inner = fold(run, number)
        inner.write_table("held.csv", part.part("test").table[["id"]])
        spent += fit(inner, part, position[part.table["id"]].to_numpy(), minutes)
    return spent


def score(study: Study) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answer and score; writes `predictions.csv` and `scores.json`, and gives both."""
    asking = Asking(study)
    with stages.timed(study.run, "evaluate"):
        predictions, scores = asking.pooled() if len(study.members) > 1 else asking.tested()
    study.run.write_table("predictions.csv", predictions)
    write_scores(study.run, scores)
    if asking.rejects:
        study.run.write_table("rejects.csv", study.dataset.with_rejects(asking.rejects).rejects)
    return predictions, scores


class Asking:
    """The members of a study asked for its examples, and their answers scored.

    Args:
        study: a trained run.

    Attributes:
        rejects: `(path, reason)` of what had no answer.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self.rejects: list[tuple[str, str]] = []

    def tested(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        """The parts that are answered for, and the scores of the test part."""
        study = self._study
        predictions = self._answers(study.rows(*study.task.ANSWERED), study.members)
        tested = predictions[predictions["split"] == "test"]
        return predictions, self._scores(tested, study.members)

    def pooled(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        """All held folds together, each fold by itself, and a test part by the folds' mean."""
        study = self._study
        position = pd.Series(range(len(study.dataset)), index=study.dataset.table["id"])
        held, by_fold = [], []
        pairs = zip(folds_of(study.run), study.members, strict=True)
        for number, (inner, member) in enumerate(pairs, start=1):
            known = inner.read_table("held.csv")["id"]
            table = self._answers(position[known].to_numpy(), [member])
            held.append(table.assign(split=OUT_OF_FOLD, fold=number))
            metrics = self._scores(table, [member], 0)["metrics"]
            by_fold.append({name: entry["value"] for name, entry in metrics.items()})
        predictions = pd.concat(held, ignore_index=True)
        scores = self._scores(predictions, study.members) | {"per_fold": by_fold}
        apart = study.rows("test", "")
        if len(apart):
            table = self._answers(apart, study.members)
            tested = table[table["split"] == "test"]
            if len(tested):
                scores["test"] = self._scores(tested, study.members)
            predictions = pd.concat([predictions, table.assign(fold=0)], ignore_index=True)
        return predictions, scores

    def _answers(self, rows: np.ndarray, members: Sequence[Member]) -> pd.DataFrame:
        study = self._study
        predictor = study.predictor_of(members)
        table, rejects = study.task.answer_table(
            predictor, study.dataset, study.run, rows=rows, resume=True
        )
        self.rejects.extend(rejects)
        found: pd.DataFrame = table
        return found

    def _scores(
        self, table: pd.DataFrame, members: Sequence[Member], resamples: int = RESAMPLES
    ) -> dict[str, Any]:
        study = self._study
        about = study.task.scoring(study.predictor_of(members), study.dataset)
        scores: dict[str, Any] = study.task.score(table, resamples, **about)
        return scores


def write_scores(run: Run, scores: dict[str, Any]) -> None:
    """Write `scores.json`, with the seconds of the stages so far."""
    run.write_json("scores.json", {**scores, "seconds": stages.state(run)["seconds"]})


def hand_over(study: Study, base: Path, predictions: pd.DataFrame, scores: dict[str, Any]) -> None:
    """Export a scored run to `base`, `savedmodels/NAME`, and write its report."""
    run = study.run
    with stages.timed(run, "export"):
        # After a kill it may stand there already.
        version = export.written(run, base) or export.saved_model(study, base)
    write_scores(run, scores)
    evaluation.report(study, predictions, run.read_json("scores.json"), export=version)
    stages.note(run, finished=True, export=str(version))
