"""A classifier's part in `saved_model`: its examples, their scores and the proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import feed
from tfmed.export import classifier_parity, parity
from tfmed.export.classifier import Classifier
from tfmed.export.pixels import PixelCode
from tfmed.export.runner import Runner
from tfmed.export.spread import spread
from tfmed.export.tflite import INT8
from tfmed.feed.originals import WHOLE_VALUES
from tfmed.training import Study

CALIBRATION_IMAGES = 300
PARITY_IMAGES = 32
PARITY_VALUES = 1 << 29
# The table of variants need not run all of a large test part four times on one thread.
VARIANT_IMAGES = 1000
SHOWN_SCORES = ("auroc", "accuracy", "balanced_accuracy")


def classifier_of(study: Study) -> Classifier:
    """The study's members with their preprocessing, as they are exported."""
    table = study.dataset.table
    return Classifier(
        models=tuple(member.model for member in study.members),
        preprocessing=study.plan.preprocessing,
        temperatures=tuple(member.temperature for member in study.members),
        classes=study.task.classes,
        activation=study.task.activation,
        pixels=PixelCode.of(
            float(table["minimum"].min()), float(table["maximum"].max()), int(table["bits"].max())
        ),
    )


@dataclass(frozen=True)
class ClassifierDelivery:
    """What the export of a classifier takes from its run; keeps the contract `Delivery`.

    Attributes:
        study: the run, opened.
    """

    study: Study

    @cached_property
    def exportable(self) -> Classifier:
        """What is exported."""
        return classifier_of(self.study)

    @property
    def threshold(self) -> Any:
        """The operating point."""
        return self.study.threshold

    @property
    def limits(self) -> tuple[str, ...]:
        """Nothing beside what holds for all."""
        return ()

    def representative(self) -> np.ndarray:
        """Training images at the plan's size, modality units, spread over the training part."""
        return self._images(spread(self.study.rows("train"), CALIBRATION_IMAGES))

    def scores(self, files: dict[str, Path]) -> dict[str, dict[str, Any]]:
        """Scores of each file on examples that no member has trained on; none where all have.

        The mean of a cross-validation's folds has seen every example: without a test part,
        scores of it would flatter.
        """
        study = self.study
        if len(study.members) > 1 and not len(study.rows("test")):
            return {}
        rows = spread(study.unseen_rows(), VARIANT_IMAGES)
        part, images = study.at(rows), self._images(rows)
        found = {}
        for variant, file in files.items():
            given = images
            if variant == INT8:
                given = np.concatenate(list(self._normalised(images)))
            answer = Runner(file).predict(given).astype(np.float64)
            predictions = study.task.predictions(part, answer, study.threshold)
            scores = study.task.score(predictions, study.threshold, resamples=0)["metrics"]
            values = {name: scores[name]["value"] for name in SHOWN_SCORES}
            found[variant] = {"examples": len(rows), "scores": values}
        return found

    def proof(self, folder: Path) -> list[parity.Row]:
        """Compare the written files with the live answer, from the scans' own files on."""
        study, classifier = self.study, self.exportable
        rows = study.unseen_rows()
        rows = spread(rows, _bearable(study.at(rows).table))
        part = study.at(rows)
        originals = list(feed.originals(part, classifier.preprocessing))
        live = classifier.probabilities(originals)
        own = study.cache.take(rows)
        cached = np.mean([member.probabilities(own) for member in study.members], axis=0)
        # Rounding, which a small temperature or a volume's many voxels enlarge: no fault of a
        # file.
        gap = parity.difference(live, cached)
        row = parity.Row("cache", gap, parity.ROUNDED, note="against the direct read")
        sent = _files(part.table)
        return classifier_parity.check(classifier, folder, live, originals, sent, extra=[row])

    def _normalised(self, images: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(images), 64):
            yield self.exportable.normalise(tf.constant(images[start : start + 64])).numpy()

    def _images(self, rows: np.ndarray) -> np.ndarray:
        images: np.ndarray = self.study.cache.gather(tf.constant(rows, tf.int64)).numpy()
        return images


def _bearable(table: pd.DataFrame) -> int:
    """How many images are compared: they are in memory together at their own size."""
    sides = table[["depth", "height", "width", "channels"]].to_numpy(np.int64)
    values = np.where(table["clip"], WHOLE_VALUES, sides.prod(axis=1))
    return int(np.clip(PARITY_VALUES // max(values.max(), 1), 4, PARITY_IMAGES))


def _files(table: pd.DataFrame) -> list[bytes | None]:
    """The files of PNG and JPEG examples, which a client would send as they are."""
    return [
        Path(path).read_bytes() if kind in ("png", "jpeg") else None
        for path, kind in zip(table["path"], table["format"], strict=True)
    ]
