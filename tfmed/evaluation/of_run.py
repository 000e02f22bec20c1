"""`report`: the page of a run, its numbers and pictures gathered from the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tfmed.data.dataset import Dataset
from tfmed.evaluation import gathered
from tfmed.evaluation.contents import Answered, Contents
from tfmed.evaluation.page import write
from tfmed.run import Run
from tfmed.task import Predictor, Task
from tfmed.training import Study, open_study


def report(
    run: Run | Study,
    predictions: pd.DataFrame,
    scores: Mapping[str, Any],
    *,
    export: str | Path = "",
) -> Path:
    """Write `report.html` into a trained run.

    Args:
        run: as `training.fit` left it, opened or not; its card tells of the export, where there
            is one.
        predictions: as `training.predict` or `predictions.csv`; of masks their files lie in the
            run, where the column `prediction` says.
        scores: as `task.score` or `scores.json`.
        export: the export's folder, to be named in the commands.

    Returns:
        Where the report is.
    """
    study = run if isinstance(run, Study) else open_study(run)
    if not study.run.has("predictions.csv"):
        study.run.write_table("predictions.csv", predictions)
    if not study.run.has("scores.json"):
        study.run.write_json("scores.json", scores)
    contents = Contents(
        **gathered.of_data(study.dataset),
        **gathered.of_training(study, export),
        classes=study.task.classes,
        scores={**scores, "threshold": study.predictor.threshold},
        predictions=predictions,
        split_made=study.dataset.facts.get("split", {}).get("how", ""),
        folds=scores.get("per_fold", ()),
        input_size=study.plan.input_shape[:-1],
    )
    return write(Answered(contents, study.run, study.dataset, study.task, study.predictor, study))


def report_answers(
    run: Run,
    dataset: Dataset,
    task: Task,
    predictor: Predictor,
    predictions: pd.DataFrame,
    scores: Mapping[str, Any],
) -> Path:
    """Write `report.html` of a trained model's answers on other data than its own.

    Args:
        run: the folder for it.
        dataset: the data, audited.
        task: what the model was trained for.
        predictor: what answered.
        predictions: as `predictions.csv`.
        scores: as `scores.json`.

    Returns:
        Where the report is.
    """
    contents = Contents(
        **gathered.of_data(dataset),
        classes=task.classes,
        scores=scores,
        predictions=predictions,
        split_made=gathered.ASKED,
        input_size=predictor.input_shape[:-1],
    )
    return write(Answered(contents, run, dataset, task, predictor))
