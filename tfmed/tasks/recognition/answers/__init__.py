"""What a whole example is asked for: classes or a number; a row of `ANSWERS` each.

A new kind of answer is a file here and a row, under the name that the task has in files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd
    import tensorflow as tf

    from tfmed.data.dataset import Dataset
    from tfmed.planning import Choices

ANSWERS = {
    "classification": "tfmed.tasks.recognition.answers.classes:Classes",
    "regression": "tfmed.tasks.recognition.answers.number:Number",
}


class Answer(Protocol):
    """Contract: what is asked of a whole example. Frozen, plain data.

    Attributes:
        NAME: its row.
        TRUTH: a row of `tfmed.data.truth.TRUTHS`.
        LOSSES: names that a plan's `loss` may have.
        WATCHED: names that its `watch` may have.
        SHOWN: scores that stand beside a TFLite file.
    """

    NAME: ClassVar[str]
    TRUTH: ClassVar[str]
    LOSSES: ClassVar[tuple[str, ...]]
    WATCHED: ClassVar[tuple[str, ...]]
    SHOWN: ClassVar[tuple[str, ...]]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; none of a number."""

    @property
    def outputs(self) -> int:
        """Of the network's last layer."""

    @property
    def width(self) -> int:
        """Of an answer: the numbers that it is made of."""

    @property
    def apart(self) -> bool:
        """Whether outputs stand each for itself, so that Grad-CAM takes no mean off."""

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Self:
        """What a data set's truth asks for."""

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Self:
        """The answer of which `to_dict` made plain data."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""

    def targets(self, dataset: Dataset) -> np.ndarray:
        """What the network is to give: float32 `[N, M]`; NaN unknown."""

    def weights(self, targets: np.ndarray, plan: Any) -> np.ndarray:
        """How much each example counts: float32 `[N]`, 0 where nothing is known."""

    def planned(self, train: Dataset) -> Choices:
        """Settings of a plan that follow from the truth: `loss`, `watch`, ..."""

    def of_fold(self, plan: Any, whole: Dataset, part: Dataset) -> Any:
        """The plan for a fold."""

    def loss(self, plan: Any) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """The loss of each example: targets and outputs to float32 `[B]`."""

    def watch(self, targets: np.ndarray, outputs: np.ndarray, plan: Any) -> dict[str, float]:
        """What training watches on validation."""

    def choose(
        self, targets: np.ndarray, outputs: np.ndarray, patients: np.ndarray, plan: Any
    ) -> dict[str, Any]:
        """What is chosen on validation, as plain data."""

    def together(self, chosen: Sequence[Mapping[str, Any]]) -> Any:
        """The operating point of averaged members; None where there is none."""

    def tail(self, outputs: keras.KerasTensor, chosen: Mapping[str, Any]) -> keras.KerasTensor:
        """The network's outputs `[B, M]` as answers `[B, width]`, by Keras layers."""

    def named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers `[B, width]` by the names that signatures have."""

    def stacked(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        """What `named` took apart: `[N, width]`."""

    def words(self) -> dict[str, str]:
        """The names, with dtype and shape, for the card."""

    def comparable(self, answers: np.ndarray, chosen: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Answers in the unit in which those of two backends are compared: `[N, ...]`."""

    def fitting(self, dataset: Dataset, scored: bool) -> Dataset:
        """Truth that the model knows."""

    def table(self, dataset: Dataset, answers: np.ndarray, threshold: Any) -> pd.DataFrame:
        """The table of `predictions.csv`."""

    def score(
        self, table: pd.DataFrame, resamples: int, seed: int, threshold: Any
    ) -> dict[str, Any]:
        """What `scores.json` holds, but for the seconds."""

    def describe(self, chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The entries of the card that only this answer has."""

    def worth_seeing(self, table: pd.DataFrame, count: int) -> Iterator[dict[str, Any]]:
        """The answers to look at: `row` (from 0), `right`, `index` (of the output explained)."""

    def page(self, answered: Any, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the report's template names beside what all reports have."""

    @property
    def template(self) -> Path:
        """The report's template."""
