"""`Member`, `load`, `predict`: a trained network in a run folder, and its answers.

A member is one network with what was chosen for it on its validation part: the temperature and
the operating point. A run has one; a cross-validation one a fold, each in a folder of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from tfmed import feed, log
from tfmed.data.dataset import Dataset
from tfmed.data.stored import join, store, stored
from tfmed.errors import ConfigError
from tfmed.feed.store import Store
from tfmed.metrics import Threshold
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training.begin import ABOUT, plan_of
from tfmed.training.prediction import logits

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Member:
    """A network and what was chosen for it on its validation part.

    Attributes:
        model: float32, normalised image to logits.
        task: the question.
        plan: how it was trained, and what its images look like.
        temperature: by which its logits are divided (Guo et al. 2017).
        threshold: the operating point, as `Classification.choose_threshold` gives it.
        seconds: training time.
    """

    model: keras.Model
    task: Classification
    plan: Plan
    temperature: float
    threshold: Threshold
    seconds: float

    def probabilities(self, images: Store | Dataset) -> np.ndarray:
        """Calibrated probabilities `[N, K]` of every image.

        Args:
            images: a data set is read from its files, as an export's user does: what is scored
                and written is of that. A cache, which rounds, serves while training.
        """
        return self.task.probabilities(logits_of(self.model, images, self.plan), self.temperature)


def load(run: Run) -> Member:
    """The member that `fit` left in a run.

    Raises:
        ConfigError: it was trained for another task.
        DataError: training has not finished there.
    """
    about, plan = run.read_json(ABOUT), plan_of(run)
    if not isinstance(plan, Plan):
        raise ConfigError(f"{run.folder} is a run of segmentation, not of classification")
    return Member(
        model=keras.models.load_model(run.path("model.keras"), compile=False),
        task=Classification.from_dict(about["task"]),
        plan=plan,
        temperature=about["temperature"],
        threshold=about["threshold"],
        seconds=about["seconds"],
    )


def predict(run: Run, dataset: Dataset) -> pd.DataFrame:
    """A run's answers for an audited data set: the table of `predictions.csv`.

    Examples that have a part, as the test part, join the run's index, so that a report can
    show them and an export is measured on them; scans from elsewhere leave the run as it is.
    """
    member = load(run)
    probabilities = member.probabilities(dataset)
    store(run, join(stored(run), dataset.where(dataset.table["split"] != "")))
    return member.task.predictions(dataset, probabilities, member.threshold)


def mean_threshold(thresholds: Sequence[Threshold]) -> Threshold:
    """The operating point of averaged members: the mean of theirs, None where there is none."""
    if any(threshold is None for threshold in thresholds):
        return None
    mean = np.mean(np.asarray(thresholds, float), axis=0)
    return float(mean) if mean.ndim == 0 else [float(value) for value in mean]


def logits_of(model: keras.Model, images: Store | Dataset, plan: Plan) -> np.ndarray:
    """A network's logits float32 `[N, K]`, from a cache or from the files of a data set."""
    size = min(EVALUATION_BATCH, len(images))
    if isinstance(images, Store):
        return logits(model, feed.evaluation(images, plan.preprocessing, size), len(images))
    batches, total = feed.direct(images, plan.preprocessing, size), -(-len(images) // size)
    with log.progress(batches, total, "predicting", "batches") as bar:
        return logits(model, bar, len(images))
