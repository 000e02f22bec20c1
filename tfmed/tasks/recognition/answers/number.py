"""`Number`: which number an example has, with an interval that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed.data.dataset import Dataset
from tfmed.export.tail import ANSWER
from tfmed.losses import likelihood
from tfmed.metrics import agreement, conformal
from tfmed.planning import NOT_USED, Choices
from tfmed.statistics import RESAMPLES
from tfmed.tasks.recognition.answers import number_page, number_scores
from tfmed.tasks.recognition.answers.number_scale import Scale

LOSSES: dict[str, Callable[..., tf.Tensor]] = {
    "huber": likelihood.huber,
    "gaussian": likelihood.gaussian,
}
SCORED = ("mae", "rmse", "r2")
NAMES = ("value", "low", "high")
# A standard score of the network's output is of this many digits at least in float32.
LEAST_STD = 1e-6


@dataclass(frozen=True)
class Number:
    """Which number an example has; keeps the contract `Answer`.

    The network has two outputs: the number as a standard score over the training part, and how
    far off it expects to be, which the loss `huber` does not train. The interval is split
    conformal, from the errors on validation: of one width, or of the width that the network
    expects where `gaussian` trained it.
    """

    NAME: ClassVar[str] = "regression"
    TRUTH: ClassVar[str] = "number"
    LOSSES: ClassVar[tuple[str, ...]] = tuple(LOSSES)
    WATCHED: ClassVar[tuple[str, ...]] = (*SCORED, "loss")
    SHOWN: ClassVar[tuple[str, ...]] = SCORED

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Number:
        """The one number of each example."""
        del dataset
        return cls()

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Number:
        """The answer of which `to_dict`, or a card, made plain data."""
        del values
        return cls()

    def to_dict(self) -> dict[str, Any]:
        """Nothing: there is one kind of number."""
        return {}

    @property
    def classes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def outputs(self) -> int:
        """The number, and the error that is expected."""
        return 2

    @property
    def width(self) -> int:
        """`value`, `low` and `high`."""
        return len(NAMES)

    @property
    def apart(self) -> bool:
        """Outputs stand each for itself."""
        return True

    def targets(self, dataset: Dataset) -> np.ndarray:
        """The numbers, float32 `[N, 1]`; NaN unknown."""
        return dataset.table["number"].to_numpy(np.float32)[:, np.newaxis]

    def weights(self, targets: np.ndarray, plan: Any) -> np.ndarray:
        """1 for an example whose number is known, else 0: float32 `[N]`."""
        del plan
        return np.isfinite(targets[:, 0]).astype(np.float32)

    def planned(self, train: Dataset) -> Choices:
        """Loss, what is watched, and the scale of the numbers."""
        known = self.targets(train)
        known = known[np.isfinite(known)]
        why = f"of the {len(known):,} numbers of the training part: the network learns scores"
        return {
            "loss": ("huber", "numbers that are quite wrong pull less than by their square"),
            "watch": ("mae", "what chooses the best epoch, on validation"),
            "label_smoothing": (0.0, NOT_USED),
            "class_weights": ((), NOT_USED),
            "target_mean": (round(float(known.mean(dtype=np.float64)), 6), why),
            "target_std": (max(round(float(known.std(dtype=np.float64)), 6), LEAST_STD), why),
        }

    def of_fold(self, plan: Any, whole: Dataset, part: Dataset) -> Any:
        """The same scale for all: it changes no answer."""
        del whole, part
        return plan

    def loss(self, plan: Any) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """The plan's loss of standard scores: `[B, 1]` and `[B, 2]` to float32 `[B]`."""
        of = LOSSES[plan.loss]
        return lambda targets, outputs: of((targets - plan.target_mean) / plan.target_std, outputs)

    def watch(self, targets: np.ndarray, outputs: np.ndarray, plan: Any) -> dict[str, float]:
        """What training watches on validation.

        Args:
            targets: `[N, 1]`, as they are; examples whose number is not known are left out.
            outputs: `[N, 2]`.
            plan: of the training.

        Returns:
            `loss` (of standard scores), `mae`, `rmse` and `r2`; NaN where undefined.
        """
        known = np.isfinite(targets[:, 0])
        if not known.any():
            return dict.fromkeys(("loss", *SCORED), float("nan"))
        targets, outputs = targets[known], outputs[known]
        loss = self.loss(plan)(tf.constant(targets), tf.constant(outputs)).numpy().mean()
        value = plan.target_mean + plan.target_std * outputs[:, 0].astype(np.float64)
        found = agreement.compute(targets[:, 0].astype(np.float64), value, SCORED)
        return {"loss": float(loss), **{name: float(one) for name, one in found.items()}}

    def choose(
        self, targets: np.ndarray, outputs: np.ndarray, patients: np.ndarray, plan: Any
    ) -> dict[str, Any]:
        """The scale of the numbers, and the half width of intervals (see `conformal`)."""
        known = np.isfinite(targets[:, 0])
        truth = targets[known, 0].astype(np.float64)
        value = plan.target_mean + plan.target_std * outputs[known, 0].astype(np.float64)
        expected = None
        if plan.loss == "gaussian":
            errors = likelihood.expected_error(tf.constant(outputs[known])).numpy()
            expected = plan.target_std * errors.astype(np.float64)
        half = conformal.half_width(truth, value, patients[known], expected)
        return {
            "target_mean": plan.target_mean,
            "target_std": plan.target_std,
            "half_width": half if np.isfinite(half) else None,
            "expected": expected is not None,
            "confidence": conformal.CONFIDENCE,
            "range": float(np.ptp(truth)) or 1.0,
            "validation_patients": len(np.unique(patients[known])),
        }

    def together(self, chosen: Sequence[Mapping[str, Any]]) -> None:
        """A number has no operating point."""

    def tail(self, outputs: keras.KerasTensor, chosen: Mapping[str, Any]) -> keras.KerasTensor:
        """Outputs to `value`, `low` and `high`, in the unit of the numbers."""
        return Scale(
            mean=chosen["target_mean"],
            std=chosen["target_std"],
            half_width=chosen["half_width"],
            expected=chosen["expected"],
            name=ANSWER,
        )(outputs)

    def named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        """`value`, `low` and `high`, `[N]` each."""
        return {name: answers[..., index] for index, name in enumerate(NAMES)}

    def stacked(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        """`[N, 3]`."""
        return np.stack([named[name] for name in NAMES], axis=-1)

    def words(self) -> dict[str, str]:
        """For the card."""
        return {
            "value": "float32 [N]",
            "low": "float32 [N], of the interval",
            "high": "float32 [N], of the interval",
        }

    def comparable(self, answers: np.ndarray, chosen: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Shares of the numbers' range; ends of intervals that have none are left out."""
        open_ended = any(one["half_width"] is None for one in chosen)
        shown = answers[:, :1] if open_ended else answers
        return shown / np.mean([one["range"] for one in chosen])

    def fitting(self, dataset: Dataset, scored: bool) -> Dataset:
        """All."""
        del scored
        return dataset

    def table(self, dataset: Dataset, answers: np.ndarray, threshold: Any) -> pd.DataFrame:
        """The table of `predictions.csv`, a row an example.

        Returns:
            `id`, `patient`, `split`, `truth` (NaN unknown), `prediction`, `low` and `high`.
        """
        del threshold
        source = dataset.table
        table = source[["id", "patient", "split"]].reset_index(drop=True)
        number = source["number"] if "number" in source else pd.Series(np.nan, source.index)
        table["truth"] = number.to_numpy(float)
        for name, column in zip(("prediction", "low", "high"), answers.T, strict=True):
            table[name] = column
        return table

    def score(
        self,
        table: pd.DataFrame,
        resamples: int = RESAMPLES,
        seed: int = 0,
        threshold: Any = None,
    ) -> dict[str, Any]:
        """Score predictions, as `number_scores.of_table` tells."""
        del threshold
        return {"task": self.NAME, **number_scores.of_table(table, resamples, seed)}

    def describe(self, chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """For the card: how intervals were made."""
        return {
            "intervals": {
                "confidence": chosen[0]["confidence"] if chosen else conformal.CONFIDENCE,
                "method": "split conformal on validation patients",
                "half_width": [one["half_width"] for one in chosen],
                "of_expected_error": any(one["expected"] for one in chosen),
            }
        }

    def worth_seeing(self, table: pd.DataFrame, count: int) -> Iterator[dict[str, Any]]:
        """The answers nearest to the truth, and those farthest off."""
        yield from number_page.worth_seeing(table, count)

    def page(self, answered: Any, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the report's template names."""
        return number_page.view(answered, examples)

    @property
    def template(self) -> Path:
        """The report's template."""
        return Path(__file__).parent / "numbers.html"
