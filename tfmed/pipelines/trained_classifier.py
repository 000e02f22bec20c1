"""A trained classifier to ask, of a run or of an export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import feed, log
from tfmed.data import audit
from tfmed.data.dataset import Dataset
from tfmed.data.split import check_classes
from tfmed.errors import ConfigError, DataError
from tfmed.evaluation import report_answers
from tfmed.export import classifier_of
from tfmed.export.load import Exported
from tfmed.metrics import Threshold
from tfmed.pipelines.scans import check_kind, open_data
from tfmed.pipelines.settings import DataSettings
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training import Study
from tfmed.transforms.normalisation import normalise
from tfmed.transforms.prepare import Preprocessing

BATCH = 64
VOLUME = ("depth", "height", "width")


@dataclass(frozen=True)
class TrainedClassifier:
    """What gives classes of new scans; keeps the contract `Trained`.

    Attributes:
        task: the question that it was trained for.
        preprocessing: size, channels and window of its input.
        threshold: the operating point locked on validation.
        ask: images `[*size, C]` each, in modality units, to probabilities `[N, K]`.
    """

    task: Classification
    preprocessing: Preprocessing
    threshold: Threshold
    ask: Callable[[Sequence[np.ndarray]], np.ndarray]

    def scans(
        self, settings: DataSettings, scored: bool = False, classes: tuple[str, ...] = ()
    ) -> Dataset:
        """The data, with labels that the model knows, or none where they are not scored."""
        if classes:
            raise ConfigError("--classes names values of masks; this model answers with classes")
        dataset = audit.audit(open_data(settings))
        audit.limit_rejects(dataset, settings.max_rejects)
        wanted = "images"
        if len(self.preprocessing.size) == len(VOLUME):
            wanted = "clips" if self.preprocessing.sampled else "volumes"
        check_kind(dataset, wanted)
        if scored and not dataset.labelled:
            check_classes(dataset)
        known = self.task.classes
        unknown = [name for name in dataset.classes if name not in known]
        if not dataset.labelled or not unknown:
            return dataset
        if scored:
            raise DataError(
                f"the data has the class {unknown[0]!r}, the model knows {', '.join(known)}; "
                "name the classes as the model does, or join them with --positive"
            )
        log.warning(
            f"{unknown[0]!r} is no class of the model: the labels of the data are left away"
        )
        bare = pd.Series(None, index=dataset.table.index, dtype=dataset.table["label"].dtype)
        return replace(dataset.with_table(dataset.table.assign(label=bare)), classes=())

    def answer(
        self, dataset: Dataset, out: Run, explain: bool = False
    ) -> tuple[pd.DataFrame, Dataset]:
        """Each class's probability for every example."""
        if explain:
            raise ConfigError(
                "--explain is of models that draw masks; `tfmed explain` shows a classifier's"
            )
        parts = []
        with log.progress(total=len(dataset), what="predicting", unit="images") as bar:
            for batch in _batches(feed.read(dataset, self.preprocessing)):
                parts.append(self.ask(batch))
                bar.advance(len(batch))
        probabilities = np.concatenate(parts).astype(np.float64)
        return self.task.predictions(dataset, probabilities, self.threshold), dataset

    def score(self, predictions: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
        """What `scores.json` holds."""
        return self.task.score(predictions, self.threshold)

    def report(
        self, out: Run, dataset: Dataset, predictions: pd.DataFrame, scores: dict[str, Any]
    ) -> Path:
        """Write `report.html`."""
        return report_answers(out, dataset, self.task, predictions, scores, self.preprocessing)


def of_run(study: Study) -> TrainedClassifier:
    """The classifier of a run."""
    network = classifier_of(study).network()

    def ask(images: Sequence[np.ndarray]) -> np.ndarray:
        ready = normalise(tf.constant(np.stack(images)), study.plan.preprocessing.normalisation)
        return np.asarray(network(ready, training=False))

    return TrainedClassifier(study.task, study.plan.preprocessing, study.threshold, ask)


def of_export(exported: Exported) -> TrainedClassifier:
    """The classifier of an export."""
    card = exported.card
    return TrainedClassifier(
        Classification(exported.classes, card["multi_label"]),
        Preprocessing.from_dict(card["input"]),
        card["scores"].get("threshold"),
        exported.predict,
    )


def _batches(images: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    held: list[np.ndarray] = []
    for image in images:
        held.append(image)
        if len(held) == BATCH:
            yield held
            held = []
    if held:
        yield held
