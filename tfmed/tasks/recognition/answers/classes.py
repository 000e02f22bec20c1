"""`Classes`: which of the classes an example shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import losses, metrics
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.evaluation.examples import confident
from tfmed.export.tail import ANSWER, TEMPERATURE, Temperature
from tfmed.metrics import Threshold
from tfmed.planning import NOT_USED, Choices
from tfmed.statistics import RESAMPLES
from tfmed.tasks.recognition.answers import (
    class_page,
    class_scoring,
    given_labels,
    thresholds,
)
from tfmed.tasks.recognition.answers.calibration import fit_temperature
from tfmed.tasks.recognition.answers.class_targets import (
    check_weights,
    class_weights,
    encode,
    example_weights,
    table_of,
)

LOSSES: dict[str, Callable[..., tf.Tensor]] = {
    "cross_entropy": losses.cross_entropy,
    "focal": losses.focal,
}
SCORED = ("auroc", "average_precision", "accuracy_at_half")
BINARY = 2
# Class weights nearer to each other than this are left out.
EVEN = 1.2


@dataclass(frozen=True)
class Classes:
    """Which of the classes an example shows; keeps the contract `Answer`.

    Two exclusive classes are binary, and the one at index 1 is the positive one.

    Attributes:
        classes: class names, in the order of every probability; at least two, or one label.
        multi_label: an example may show several classes, or none; labels may be unknown.

    Raises:
        ConfigError: too few classes, or two of one name.
    """

    NAME: ClassVar[str] = "classification"
    TRUTH: ClassVar[str] = "label"
    LOSSES: ClassVar[tuple[str, ...]] = tuple(LOSSES)
    WATCHED: ClassVar[tuple[str, ...]] = (*SCORED, "loss")
    SHOWN: ClassVar[tuple[str, ...]] = ("auroc", "accuracy", "balanced_accuracy")

    classes: tuple[str, ...]
    multi_label: bool = False

    def __post_init__(self) -> None:
        least = 1 if self.multi_label else BINARY
        if len(self.classes) < least or len(set(self.classes)) < len(self.classes):
            raise ConfigError(f"classes are {self.classes}; expected at least {least}, all unlike")

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Classes:
        """Which of a data set's classes."""
        return cls(dataset.classes, dataset.multi_label)

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Classes:
        """The answer of which `to_dict`, or a card, made plain data."""
        return cls(tuple(values["classes"]), bool(values["multi_label"]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @property
    def outputs(self) -> int:
        """A logit a class."""
        return len(self.classes)

    @property
    def width(self) -> int:
        """A probability a class."""
        return len(self.classes)

    @property
    def apart(self) -> bool:
        """Sigmoids stand each for itself."""
        return self.multi_label

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

    def weights(self, targets: np.ndarray, plan: Any) -> np.ndarray:
        """How much each example counts: float32 `[N]`."""
        return example_weights(targets, plan.class_weights, self.multi_label)

    def planned(self, train: Dataset) -> Choices:
        """Loss, smoothing, class weights and what is watched."""
        weights, why = self._class_weights(train), "the classes are about equally frequent"
        if weights:
            spread = max(weights) / max(min(weights), 1e-6)
            why = f"rare classes count up to {spread:.1f} times as much, by frequency"
        return {
            "loss": ("cross_entropy", "a proper score: its probabilities can be calibrated"),
            "label_smoothing": (0.05, "labels of images are never all right"),
            "class_weights": (weights, why),
            "watch": ("auroc", "what chooses the best epoch, on validation"),
            "target_mean": (0.0, NOT_USED),
            "target_std": (1.0, NOT_USED),
        }

    def of_fold(self, plan: Any, whole: Dataset, part: Dataset) -> Any:
        """The plan with class weights of a fold's own training part, unless they were edited."""
        if plan.class_weights != self._class_weights(whole.part("train")):
            return plan
        weights = self._class_weights(part.part("train"))
        return plan.model_copy(update={"class_weights": weights})

    def loss(self, plan: Any) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """The plan's loss: `[B, K]` and `[B, K]` to float32 `[B]`.

        Raises:
            ConfigError: the plan has class weights of other classes.
        """
        check_weights(plan.class_weights, self.classes)
        weights = (plan.class_weights or None) if self.multi_label else None

        def loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            return LOSSES[plan.loss](
                targets, logits, self.multi_label, plan.label_smoothing, weights
            )

        return loss

    def probabilities(self, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Logits `[N, K]` over a temperature (Guo 2017) as float64 probabilities `[N, K]`."""
        scaled = np.asarray(logits, np.float64) / temperature
        if self.multi_label:
            return np.exp(-np.logaddexp(0.0, -scaled))
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def watch(self, targets: np.ndarray, outputs: np.ndarray, plan: Any = None) -> dict[str, float]:
        """Of targets and logits `[N, K]`: `loss` and `SCORED`; NaN where undefined.

        Examples without a known label are left out. The loss is plain cross-entropy, whatever is
        trained on, so that runs compare.
        """
        rows = ~np.isnan(targets).all(axis=1)
        targets, logits = targets[rows], np.asarray(outputs, np.float32)[rows]
        if not len(targets):
            return dict.fromkeys(("loss", *SCORED), float("nan"))
        loss = losses.cross_entropy(targets, logits, self.multi_label).numpy().mean()
        probabilities = self.probabilities(logits)
        values = metrics.compute(targets, probabilities, SCORED, multi_label=self.multi_label)
        return {"loss": float(loss), **{name: float(value) for name, value in values.items()}}

    def choose(
        self, targets: np.ndarray, outputs: np.ndarray, patients: np.ndarray, plan: Any
    ) -> dict[str, Any]:
        """`temperature` and `threshold`, the operating point."""
        del patients, plan
        temperature = fit_temperature(outputs, targets, self.multi_label)
        probabilities = self.probabilities(outputs, temperature)
        return {
            "temperature": temperature,
            "threshold": self.choose_threshold(targets, probabilities),
        }

    def choose_threshold(self, truth: np.ndarray, probabilities: np.ndarray) -> Threshold:
        """The operating point of largest Youden J (`thresholds.youden`), of `[N, K]` both.

        One number for two classes (of the positive one), one a label for multi-label, None for
        three and more exclusive classes, where the largest probability is called.
        """
        if self.multi_label:
            return [
                thresholds.youden(truth[:, k], probabilities[:, k], repr(name))
                for k, name in enumerate(self.classes)
            ]
        if len(self.classes) > BINARY:
            return None
        return thresholds.youden(truth[:, 1], probabilities[:, 1], repr(self.classes[1]))

    def together(self, chosen: Sequence[Mapping[str, Any]]) -> Threshold:
        """The mean of the members' operating points, None where there is none."""
        return thresholds.mean([one["threshold"] for one in chosen])

    def tail(self, outputs: keras.KerasTensor, chosen: Mapping[str, Any]) -> keras.KerasTensor:
        """Logits to calibrated probabilities."""
        logits = Temperature(chosen["temperature"], name=TEMPERATURE)(outputs)
        return keras.layers.Activation(self.activation, name=ANSWER)(logits)

    def named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        """`probabilities`."""
        return {"probabilities": answers}

    def stacked(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        """`[N, K]`."""
        return named["probabilities"]

    def words(self) -> dict[str, str]:
        """For the card."""
        return {"probabilities": "float32 [N, K]"}

    def comparable(self, answers: np.ndarray, chosen: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Probabilities are compared as they are."""
        del chosen
        return answers

    def fitting(self, dataset: Dataset, scored: bool) -> Dataset:
        """The data with labels that the model knows, or none where they are not scored."""
        return given_labels.known(dataset, self.classes, scored)

    def table(self, dataset: Dataset, answers: np.ndarray, threshold: Threshold) -> pd.DataFrame:
        """The table of `predictions.csv`, a row an example.

        Args:
            dataset: the examples, in the order of `answers`.
            answers: probabilities `[N, K]`.
            threshold: the locked operating point.

        Returns:
            `id`, `patient`, `split`, `truth` (class name; several joined by `|`; None unknown),
            `prediction`, `p_CLASS` for each class in order; for multi-label also `unknown`,
            the classes of which the truth is not known.
        """
        unknown = np.isnan(self.targets(dataset)) if self.multi_label else None
        called = metrics.call(answers, threshold, self.multi_label)
        return table_of(dataset, answers, called, self.classes, unknown)

    def score(
        self,
        table: pd.DataFrame,
        resamples: int = RESAMPLES,
        seed: int = 0,
        threshold: Threshold = None,
    ) -> dict[str, Any]:
        """Score predictions, as `class_scoring.of_table` tells."""
        found = class_scoring.of_table(
            table, self.classes, self.multi_label, threshold, resamples, seed
        )
        return {"task": self.NAME, **found}

    def describe(self, chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """For the card."""
        return {
            "multi_label": self.multi_label,
            "temperature": [one["temperature"] for one in chosen],
        }

    def worth_seeing(self, table: pd.DataFrame, count: int) -> Iterator[dict[str, Any]]:
        """The most confident right and wrong answers, rows of `examples.confident`."""
        for answer in confident(table, count, multi_label=self.multi_label).to_dict("records"):
            yield {**answer, "index": self.classes.index(answer["of"])}

    def page(self, answered: Any, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the report's template names."""
        return class_page.view(answered, self, examples)

    @property
    def template(self) -> Path:
        """The report's template."""
        return Path(__file__).parent / "classes.html"

    def _encode(self, labels: pd.Series, unknown: pd.Series | None) -> np.ndarray:
        return encode(labels, unknown, self.classes, self.multi_label)

    def _class_weights(self, train: Dataset) -> tuple[float, ...]:
        """Weights by which rare classes count more, rounded as a plan holds them.

        Empty where the classes are about equally frequent.
        """
        found = class_weights(self.targets(train), self.multi_label)
        weights = tuple(round(float(one), 4) for one in found)
        return weights if max(weights) >= EVEN * min(weights) else ()
