"""`Classification`: which of the classes an image shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import losses, metrics
from tfmed.data.dataset import JOIN, Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.expected import nearest
from tfmed.metrics import Threshold
from tfmed.statistics import RESAMPLES
from tfmed.tasks import scoring, thresholds

LOSSES: dict[str, Callable[..., tf.Tensor]] = {
    "cross_entropy": losses.cross_entropy,
    "focal": losses.focal,
}
WATCHED = ("auroc", "average_precision", "accuracy_at_half")
BINARY = 2


@dataclass(frozen=True)
class Classification:
    """Which of the classes an example shows: binary, multi-class or multi-label.

    Two exclusive classes are binary, and the one at index 1 is the positive one.

    Attributes:
        classes: class names, in the order of every probability; at least two, or one label.
        multi_label: an example may show several classes, or none; labels may be unknown.
        loss_name: a row of `LOSSES`.
        label_smoothing: share of a target that is spread evenly, 0 up to 1.
        label_weights: `[K]`, how much each label counts in the loss; multi-label only (see
            `class_weights`). Exclusive classes are weighted by example instead.

    Raises:
        ConfigError: a setting is wrong.
    """

    classes: tuple[str, ...]
    multi_label: bool = False
    loss_name: str = "cross_entropy"
    label_smoothing: float = 0.0
    label_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        least = 1 if self.multi_label else BINARY
        if len(self.classes) < least or len(set(self.classes)) < len(self.classes):
            raise ConfigError(f"classes are {self.classes}; expected at least {least}, all unlike")
        if self.loss_name not in LOSSES:
            known = f"{nearest(self.loss_name, LOSSES)} (known: {', '.join(LOSSES)})"
            raise ConfigError(f"unknown loss {self.loss_name!r}{known}")
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"label_smoothing is {self.label_smoothing}; expected 0 up to 1")
        if self.label_weights is not None and len(self.label_weights) != len(self.classes):
            raise ConfigError(
                f"{len(self.label_weights)} label weights for {len(self.classes)} classes"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Classification:
        """The task of which `dataclasses.asdict` made JSON."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**plain)

    @property
    def activation(self) -> str:
        """What makes probabilities of logits: `"softmax"` or `"sigmoid"`."""
        return "sigmoid" if self.multi_label else "softmax"

    def targets(self, dataset: Dataset) -> np.ndarray:
        """What the network is to answer: float32 `[N, K]`, one-hot or 0 and 1; NaN unknown.

        Raises:
            DataError: a label is not one of the classes.
        """
        return self._encode(dataset.table["label"], dataset.table["unknown"])

    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Balanced weights `[K]` from the training part's targets.

        Exclusive classes: inversely proportional to a class's examples, and 1 in the mean over
        examples, so that the size of the loss stays; for `example_weights`. Multi-label:
        inversely proportional to a label's positives, and 1 in the mean over labels; for
        `label_weights`. A class without examples weighs 1.
        """
        counts = np.nansum(np.asarray(targets, np.float64), axis=0)
        present = counts > 0
        inverse = np.divide(1.0, counts, out=np.zeros_like(counts), where=present)
        if not present.any():
            return np.ones(len(counts))
        if self.multi_label:
            weights = inverse * present.sum() / inverse.sum()
        else:
            weights = inverse * counts.sum() / present.sum()
        return np.where(present, weights, 1.0)

    def example_weights(
        self, targets: np.ndarray, class_weights: np.ndarray | None = None
    ) -> np.ndarray:
        """How much each example counts: float32 `[N]`, 0 for one without a known label.

        Args:
            targets: `[N, K]`.
            class_weights: `[K]`, of exclusive classes; multi-label has `label_weights` instead.
        """
        known = ~np.isnan(targets)
        weights = known.any(axis=1).astype(np.float32)
        if class_weights is None or self.multi_label or not len(class_weights):
            return weights
        own = np.nan_to_num(targets) @ np.asarray(class_weights, np.float64)
        return (weights * own).astype(np.float32)

    def loss(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The loss of each example: `[B, K]` and `[B, K]` to float32 `[B]`."""
        return LOSSES[self.loss_name](
            targets, logits, self.multi_label, self.label_smoothing, self.label_weights
        )

    def probabilities(self, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Logits `[N, K]` over a temperature (Guo 2017) as float64 probabilities `[N, K]`."""
        scaled = np.asarray(logits, np.float64) / temperature
        if self.multi_label:
            return np.exp(-np.logaddexp(0.0, -scaled))
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def watch(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        """What training watches on validation.

        Args:
            targets: `[N, K]`; examples without a known label are left out.
            logits: `[N, K]`.

        Returns:
            `loss` (plain cross-entropy, whatever is trained on, so that runs compare), `auroc`,
            `average_precision` and `accuracy_at_half`; NaN where undefined.
        """
        rows = ~np.isnan(targets).all(axis=1)
        targets, logits = targets[rows], np.asarray(logits, np.float32)[rows]
        if not len(targets):
            return dict.fromkeys(("loss", *WATCHED), float("nan"))
        loss = losses.cross_entropy(targets, logits, self.multi_label).numpy().mean()
        probabilities = self.probabilities(logits)
        values = metrics.compute(targets, probabilities, WATCHED, multi_label=self.multi_label)
        return {"loss": float(loss), **{name: float(value) for name, value in values.items()}}

    def choose_threshold(self, truth: np.ndarray, probabilities: np.ndarray) -> Threshold:
        """The operating point of largest Youden J, on validation (see `thresholds.youden`).

        Args:
            truth: `[N, K]` targets; rows without a known label are left out.
            probabilities: `[N, K]`.

        Returns:
            One number for two classes (of the positive one), one a label for multi-label, None
            for three and more exclusive classes, where the largest probability is called.
        """
        if self.multi_label:
            return [
                thresholds.youden(truth[:, k], probabilities[:, k], repr(name))
                for k, name in enumerate(self.classes)
            ]
        if len(self.classes) > BINARY:
            return None
        return thresholds.youden(truth[:, 1], probabilities[:, 1], repr(self.classes[1]))

    def predictions(
        self, dataset: Dataset, probabilities: np.ndarray, threshold: Threshold
    ) -> pd.DataFrame:
        """The table of `predictions.csv`, a row an example.

        Args:
            dataset: the examples, in the order of `probabilities`.
            probabilities: `[N, K]`.
            threshold: the locked operating point.

        Returns:
            `id`, `patient`, `split`, `truth` (class name; several joined by `|`; None unknown),
            `prediction`, `p_CLASS` for each class in order; for multi-label also `unknown`,
            the classes of which the truth is not known.
        """
        source = dataset.table
        called = metrics.call(probabilities, threshold, self.multi_label)
        table = source[["id", "patient", "split"]].reset_index(drop=True)
        table["truth"] = source["label"].to_numpy()
        table["prediction"] = [self._joined(row) for row in called]
        for index, name in enumerate(self.classes):
            table[f"p_{name}"] = probabilities[:, index]
        if self.multi_label:
            table["unknown"] = [self._joined(np.isnan(row)) for row in self.targets(dataset)]
        return table

    def score(
        self,
        predictions: pd.DataFrame,
        threshold: Threshold = None,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Score predictions: what `scores.json` holds, but for the seconds.

        Args:
            predictions: as `predictions` gives; rows without truth are left out.
            threshold: the locked operating point. What was called is read from the column
                `prediction` where there is one, because each fold has its own operating point.
            resamples: of the bootstrap over patients; 0 leaves intervals undefined.
            seed: of the bootstrap.

        Returns:
            `task`, `split` (`"all"` where parts are mixed), `threshold`, `examples`,
            `patients`, `metrics`, `per_class` and `per_patient`; a number that is not defined
            is NaN. `per_patient` averages a patient's probabilities; where that has no meaning
            it is `{"undefined": why}`.

        Raises:
            DataError: no row has a truth, or a label is not one of the classes.
        """
        columns = [f"p_{name}" for name in self.classes]
        truth = self._encode(predictions["truth"], predictions.get("unknown"))
        known = ~np.isnan(truth).all(axis=1)
        rows = predictions[known]
        if rows.empty:
            raise DataError("no prediction has a known truth: there is nothing to score")
        answers = scoring.Answers(
            truth[known].astype(np.float64),
            rows[columns].to_numpy(np.float64),
            rows["patient"].to_numpy(str),
            self.classes,
            self.multi_label,
            threshold,
            self._encode(rows["prediction"], None) == 1 if "prediction" in rows else None,
        )
        overall, per_class = scoring.score(answers, resamples, seed)
        patient = answers.by_patient()
        per_patient: dict[str, Any] = {"undefined": patient}
        if not isinstance(patient, str):
            per_patient, _ = scoring.score(patient, resamples, seed, classes=False)
        splits = rows["split"].unique()
        return {
            "task": "classification",
            "split": str(splits[0]) if len(splits) == 1 else "all",
            "threshold": threshold,
            "examples": len(rows),
            "patients": len(np.unique(answers.patients)),
            "metrics": overall,
            "per_class": per_class,
            "per_patient": per_patient,
        }

    def _joined(self, chosen: np.ndarray) -> str:
        return JOIN.join(name for name, is_in in zip(self.classes, chosen, strict=True) if is_in)

    def _encode(self, labels: pd.Series, unknown: pd.Series | None) -> np.ndarray:
        """Class names as float32 `[N, K]`; where classes exclude, an empty cell is unknown."""
        targets = np.full((len(labels), len(self.classes)), np.nan, np.float32)
        blanks = [""] * len(labels) if unknown is None else unknown.fillna("")
        for row, (label, blank) in enumerate(zip(labels, blanks, strict=True)):
            if pd.isna(label) or (label == "" and not self.multi_label):
                continue
            targets[row] = 0.0
            targets[row, self._columns(label)] = 1.0
            if self.multi_label and blank:
                targets[row, self._columns(blank)] = np.nan
        return targets

    def _columns(self, label: str) -> list[int]:
        """The columns of a class name, or of several joined by `|` in a multi-label task."""
        names = [name for name in label.split(JOIN) if name] if self.multi_label else [label]
        for name in names:
            if name not in self.classes:
                raise DataError(
                    f"label {name!r} is not one of the classes{nearest(name, self.classes)} "
                    f"(classes: {', '.join(self.classes)})"
                )
        return [self.classes.index(name) for name in names]
