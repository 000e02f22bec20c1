"""The report of answers for whole examples, with pictures of where the network looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import explain, feed
from tfmed.evaluation.contents import Answered
from tfmed.explain.overlay import as_radiologists_look
from tfmed.tasks.recognition.answers import Answer
from tfmed.training import Study
from tfmed.transforms.prepare import prepare, resample

EXAMPLES = 6


def page(answered: Answered, answer: Answer) -> tuple[Path, dict[str, Any]]:
    """The answer's template and values."""
    contents, examples = answered.contents, []
    if answered.study is not None:
        split = str(contents.scores["split"])
        examples = list(explained(answered.study, contents.predictions, split, EXAMPLES))
    return answer.template, answer.page(answered, examples)


def explained(
    study: Study, predictions: pd.DataFrame, split: str, count: int
) -> Iterator[dict[str, Any]]:
    """The answers worth seeing, each with its Grad-CAM.

    Args:
        study: what is explained.
        predictions: as `predictions.csv`.
        split: the part to choose from.
        count: right ones, and wrong ones, at most.

    Yields:
        what the answer tells of it, its `row` that of `predictions` from 0, and `png`.
    """
    known = predictions["id"].isin(study.dataset.table["id"])
    scored = predictions[known & (predictions["split"] == split)]
    table = study.dataset.table.set_index("id", drop=False)
    for answer in study.task.answer.worth_seeing(scored, count):
        about = table.loc[[scored["id"].iloc[answer["row"]]]]
        by = scored["fold"].iloc[answer["row"]] if "fold" in scored else 1
        index, row = answer.pop("index"), int(scored.index[answer["row"]])
        yield {**answer, "row": row, "png": _picture(study, about, int(by), index)}


def _picture(study: Study, about: pd.DataFrame, fold: int, index: int) -> bytes:
    """An example beside where the network of a fold looked for one of its outputs."""
    preprocessing = study.plan.preprocessing
    image = next(feed.originals(study.dataset.with_table(about), preprocessing))
    batch = tf.constant(np.asarray(image, np.float32)[None])
    heat = explain.gradcam(
        study.members[max(fold, 1) - 1].model,
        prepare(batch, preprocessing).numpy(),
        [index],
        multi_label=study.task.answer.apart,
    )[0]
    # A volume's heat is of the resampled slices; a plane's is stretched to the image.
    planar = heat.ndim == 2
    shown = image if planar else resample(batch, preprocessing)[0].numpy()
    if about["format"].iloc[0] == "nifti":
        shown, heat = as_radiologists_look(shown), as_radiologists_look(heat[..., None])[..., 0]
    return explain.overlay(shown, heat, window=preprocessing.window)
