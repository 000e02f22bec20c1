"""A segmenter's members trained and asked: what `learning` needs to know of the task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfmed import log, models
from tfmed.data.case_reading import Case
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError, GeometryError, ReadError
from tfmed.pipelines import learning, stages
from tfmed.pipelines.learning import Asked
from tfmed.pipelines.mask_writer import MaskWriter, palette_of
from tfmed.pipelines.settings import TrainingSettings
from tfmed.planning import SegmentationPlan
from tfmed.run import Run
from tfmed.statistics import RESAMPLES
from tfmed.tasks import Segmentation
from tfmed.training.segmentation import (
    SegmentationMember,
    SegmentationStudy,
    case_of,
    open_segmentation,
    segmenter_of,
)
from tfmed.training.segmenter import cases_of, fit_segmenter

PARTS = ("test", "")
LabelMap = Callable[[int, Case], np.ndarray]


def train(
    run: Run, dataset: Dataset, plan: SegmentationPlan, settings: TrainingSettings, mirrored: bool
) -> SegmentationStudy:
    """Train every member that is not trained yet, and open the run."""
    used = dataset.where(dataset.table["split"].isin(["train", "val"]))
    with stages.timed(run, "index"):
        cases = cases_of(used, plan)

    def fit(member: Run, part: Dataset, rows: np.ndarray, minutes: float | None) -> None:
        parts = [(part.table["split"] == name).to_numpy() for name in ("train", "val")]
        fit_segmenter(
            lambda: network(plan, settings.seed),
            Segmentation(plan.classes, plan.loss),
            part.part("train"),
            part.part("val"),
            plan=plan,
            folder=member.folder,
            options=learning.options(settings, minutes),
            mirrored=mirrored,
            cases=(cases.take(rows[parts[0]]), cases.take(rows[parts[1]])),
        )

    learning.train(run, used, settings, fit)
    return open_segmentation(run)


def network(plan: SegmentationPlan, seed: int) -> keras.Model:
    """The untrained network of a plan."""
    return models.build_segmenter(
        plan.model,
        plan.channels,
        len(plan.classes),
        features=plan.features,
        strides=plan.strides,
        kernels=plan.kernels,
        deep_supervision=plan.deep_supervision,
        weights=plan.weights,
        seed=seed,
    )


def score(study: SegmentationStudy) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answer, write masks and score; writes `predictions.csv` and `scores.json`, gives both."""
    dataset = study.dataset
    writer = MaskWriter(
        study.run, dataset, study.task.classes, dataset.facts["masks"], palette_of(dataset)
    )
    rejects: list[tuple[str, str]] = []

    def answer(rows: np.ndarray, members: Sequence[SegmentationMember]) -> pd.DataFrame:
        segmenter = segmenter_of(*members)

        def label_map(row: int, case: Case) -> np.ndarray:
            known = writer.written(row, case)
            return segmenter.label_map(case) if known is None else known

        found, failed = answers(dataset, rows.tolist(), label_map, study.task, writer)
        rejects.extend(failed)
        return found

    asked = Asked(
        study.run,
        dataset,
        study.members,
        answer=answer,
        judge=lambda table, _, resamples: judge(study.task, table, dataset, resamples),
    )
    predictions, scores = learning.score(asked, PARTS)
    if rejects:
        study.run.write_table("rejects.csv", dataset.with_rejects(rejects).rejects)
    return predictions, scores


def answers(
    dataset: Dataset,
    rows: Sequence[int],
    label_map: LabelMap,
    task: Segmentation,
    writer: MaskWriter,
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Label maps of examples at some positions, written.

    Args:
        dataset: the examples.
        rows: their positions in it.
        label_map: gives the label map of the example at a position.
        task: scores it where the truth is known.
        writer: writes it.

    Returns:
        The table of `predictions.csv`, and `(path, reason)` of each example that has no answer.

    Raises:
        DataError: none of them has one.
    """
    good, found, rejects = [], [], []
    with log.progress(rows, len(rows), "predicting", "cases") as bar:
        for row in bar:
            try:
                case = case_of(dataset, row)
                labels = label_map(row, case)
                scores = task.case_scores(case.mask, labels, case.spacing_mm)
                found.append({"prediction": writer.write(row, case, labels), **scores})
                good.append(row)
            except (ReadError, DataError, GeometryError) as error:
                path = str(dataset.table["path"].iloc[row])
                rejects.append((path, str(error)))
    if not good:
        why = f"; the first: {rejects[0][1]}" if rejects else ""
        raise DataError(f"none of {len(rows)} examples could be answered for{why}")
    return task.predictions(dataset.with_table(dataset.table.iloc[good]), found), rejects


def judge(
    task: Segmentation, predictions: pd.DataFrame, dataset: Dataset, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """The scores of predictions; of slices of one stack the images are the unit."""
    unit = "image" if "stack" in dataset.facts else "patient"
    return task.score(predictions, resamples, unit=unit)
