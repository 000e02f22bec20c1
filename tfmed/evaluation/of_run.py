"""`report`: the page of a run, its numbers and pictures gathered from the run's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import explain, feed
from tfmed.data.dataset import Dataset
from tfmed.evaluation import gathered, of_masks
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.examples import confident
from tfmed.evaluation.page import write
from tfmed.run import Run
from tfmed.tasks import Classification, Segmentation
from tfmed.training import Study, open_study
from tfmed.transforms.prepare import Preprocessing, prepare, resample

EXAMPLES = 6


def report(
    run: Run, predictions: pd.DataFrame, scores: Mapping[str, Any], *, export: str | Path = ""
) -> Path:
    """Write `report.html` into a trained run, of either task.

    Args:
        run: as `training.fit` or `training.fit_segmenter` left it; its card tells of the export,
            where there is one.
        predictions: as `training.predict` or `predictions.csv`; of masks their files lie in the
            run, where the column `prediction` says.
        scores: as `task.score` or `scores.json`.
        export: the export's folder, to be named in the commands.

    Returns:
        Where the report is.
    """
    if not run.has("predictions.csv"):
        run.write_table("predictions.csv", predictions)
    if not run.has("scores.json"):
        run.write_json("scores.json", scores)
    if scores.get("task") == "segmentation":
        return of_masks.report(run, predictions, scores, export)
    study = open_study(run)
    facts = study.dataset.facts
    # Of a cross-validation the first fold's plan is shown, whose class weights are its own.
    own = {"class_weights"} if len(study.members) > 1 else set()
    contents = Contents(
        **gathered.of_data(study.dataset),
        **gathered.of_training(run, study.plan, export, own),
        classes=study.task.classes,
        scores={**scores, "threshold": study.threshold},
        predictions=predictions,
        multi_label=study.task.multi_label,
        split_made=facts.get("split", {}).get("how", ""),
        temperature=[member.temperature for member in study.members],
        examples=list(explained(study, predictions, str(scores["split"]))),
        folds=scores.get("per_fold", ()),
        input_size=study.plan.size,
    )
    return write(run, contents)


def explained(
    study: Study, predictions: pd.DataFrame, split: str, count: int = EXAMPLES
) -> Iterator[dict[str, Any]]:
    """The most confident right and wrong answers, each with its Grad-CAM.

    Args:
        study: what is explained.
        predictions: as `predictions.csv`.
        split: the part to choose from.
        count: right ones, and wrong ones, at most.

    Yields:
        a row of `confident`, its `row` that of `predictions` from 0, and `png`.
    """
    known = predictions["id"].isin(study.dataset.table["id"])
    scored = predictions[known & (predictions["split"] == split)]
    table = study.dataset.table.set_index("id", drop=False)
    chosen = confident(scored, count, multi_label=study.task.multi_label)
    for answer in chosen.to_dict("records"):
        name = scored["id"].iloc[answer["row"]]
        about = table.loc[[name]]
        of_one = study.dataset.with_table(about)
        image = next(feed.originals(of_one, study.plan.preprocessing))
        batch = tf.constant(np.asarray(image, np.float32)[None])
        by = scored["fold"].iloc[answer["row"]] if "fold" in scored else 1
        member = study.members[max(int(by), 1) - 1]
        heat = explain.gradcam(
            member.model,
            prepare(batch, study.plan.preprocessing).numpy(),
            [study.task.classes.index(answer["of"])],
            multi_label=study.task.multi_label,
        )[0]
        # A volume's heat is of the resampled slices; a plane's is stretched to the image.
        planar = heat.ndim == 2
        shown = image if planar else resample(batch, study.plan.preprocessing)[0].numpy()
        if about["format"].iloc[0] == "nifti":
            shown, heat = as_radiologists_look(shown), as_radiologists_look(heat[..., None])[..., 0]
        picture = explain.overlay(shown, heat, window=study.plan.window)
        row = int(scored.index[answer["row"]])
        yield {**answer, "row": row, "png": picture}


def as_radiologists_look(pixels: np.ndarray) -> np.ndarray:
    """Axial planes of NIfTI with the front at the top and the patient's right at the left.

    NIfTI is read as RAS+: rows run to the front, columns to the patient's right.

    Args:
        pixels: `[H, W, C]` or `[D, H, W, C]`.
    """
    return pixels[..., ::-1, ::-1, :]


def report_answers(
    run: Run,
    dataset: Dataset,
    task: Classification | Segmentation,
    predictions: pd.DataFrame,
    scores: Mapping[str, Any],
    preprocessing: Preprocessing | None = None,
) -> Path:
    """Write `report.html` of a trained model's answers on other data than its own.

    Args:
        run: the folder for it.
        dataset: the data, audited.
        task: what the model was trained for.
        predictions: as `predictions.csv`.
        scores: as `scores.json`.
        preprocessing: of the model; of a classifier.

    Returns:
        Where the report is.
    """
    if isinstance(task, Segmentation):
        return of_masks.report_answers(run, dataset, predictions, scores)
    contents = Contents(
        **gathered.of_data(dataset),
        classes=task.classes,
        scores=scores,
        predictions=predictions,
        multi_label=task.multi_label,
        split_made=gathered.ASKED,
        input_size=preprocessing.size if preprocessing else None,
    )
    return write(run, contents)
