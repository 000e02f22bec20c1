"""What every task keeps, and the table of those there are.

A task is one folder under `tfmed.tasks` and one row of `TASKS`. Training, evaluation, export and
the commands know it by these contracts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from tfmed.tables import lookup

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd
    import tensorflow as tf

# What `task` is called in plan.toml, scores.json and card.json, and what makes it. A plan of
# version 0.1.0 that names none is of the first row.
TASKS = {
    "classification": "tfmed.tasks.recognition.task:Recognition",
    "regression": "tfmed.tasks.recognition.task:Recognition",
    "segmentation": "tfmed.tasks.segmentation.task:Segmentation",
}
UNNAMED = next(iter(TASKS))
# The name of the network of a task that has one.
MODEL = "model"

Networks = dict[str, "keras.Model"]
Validate = Callable[[Networks], dict[str, float]]
Signature = tuple[Callable[..., dict[str, Any]], "tf.TensorSpec"]


class Truth(Protocol):
    """Contract: what is known of examples, that a model is to find: labels, numbers or masks.

    Its columns in a data set's table tell which one it is (`tfmed.data.truth.of`).
    """

    def known(self, table: pd.DataFrame) -> np.ndarray:
        """Whether the truth of each example is known: bool `[N]`."""

    def audit(self, dataset: Any) -> Any:
        """The data set with all read that the truth needs; what cannot be used is a reject."""

    def strata(self, dataset: Any) -> np.ndarray:
        """What each example counts in parts of equal shares: int `[N, K]`."""

    def check(self, dataset: Any) -> None:
        """Refuse, by `DataError`, what nothing can be learned from."""


class Step(Protocol):
    """Contract: one training step on one device, with the optimizers that it needs.

    Made inside the strategy's scope. It is called in a graph.
    """

    def variables(self) -> list[Any]:
        """What changes beside the networks' own variables: slots of optimizers."""

    def set_rate(self, rate: Any) -> None:
        """Take the learning rate of this step."""

    def __call__(self, *batch: Any) -> Any:
        """Train on this device's share of a batch, and give its share of the batch's loss.

        Shares are summed over devices, so they are divided by the size of the whole batch.
        """


# Made of (networks, settings of training, devices).
MakeStep = Callable[[Networks, Any, int], Step]


class ExampleStore(Protocol):
    """Contract: examples of a data set as training reads them, row for row, with their truth."""

    def __len__(self) -> int:
        """How many."""

    def take(self, rows: np.ndarray) -> Self:
        """Those at some positions."""


class Predictor(Protocol):
    """Contract: trained networks that answer, whatever runs them.

    Those of a cross-validation are averaged here and nowhere else. The networks may be a run's,
    a SavedModel or a TFLite file: what is asked and what comes back is the same.
    """

    @property
    def threshold(self) -> Any:
        """The operating point locked on validation; None where there is none."""

    @property
    def models(self) -> tuple[keras.Model, ...]:
        """Float32 networks, normalised input to outputs; one, or one a fold; none of an export."""

    @property
    def pixels(self) -> Any:
        """What the integers of a PNG or JPEG mean, a `tfmed.export.PixelCode`."""

    @property
    def planar(self) -> bool:
        """Whether an example is one 2D image, which PNG and JPEG can carry."""

    @property
    def of_volumes(self) -> bool:
        """Whether an example is a volume, of DICOM a series."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(*size, C)`: one example of the plan's size, which TFLite files take."""

    @property
    def noise_window(self) -> tuple[float, float]:
        """Smallest and largest value of warm-up images, in modality units."""

    def ask(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answers by name for inputs by name, in modality units."""

    def network(self) -> keras.Model:
        """One Keras model from normalised input to the answer, as it is exported.

        Raises:
            ConfigError: something else than Keras answers here.
        """

    def on(self, backend: Any) -> Predictor:
        """The same with its networks run by another backend (`tfmed.export.backends`)."""

    def named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        """What `network` gives, by the names that signatures have."""

    def normalise(self, image: tf.Tensor) -> tf.Tensor:
        """Modality units `[B, *size, C]` to what the network takes, each image by itself."""

    def signatures(self, network: keras.Model) -> dict[str, Signature]:
        """Name to function and input specification; the caller tracks `network`."""

    def describe(self) -> dict[str, Any]:
        """The entries of the card that are the task's own: `task`, `input`, `signatures`, ..."""

    def int8_input(self) -> dict[str, Any]:
        """How `int8.tflite`'s input is made of modality units, for the card."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What users must know of these networks beside what holds for all."""


class Task(Protocol):
    """Contract: what is asked of a model, whole. Frozen, plain data.

    Attributes:
        Plan: the class of its plans.
        networks_known: the names that `--model` takes, as a table.
        ANSWERED: parts that a run answers for; of them the test part is scored.
    """

    Plan: ClassVar[type]
    networks_known: ClassVar[Mapping[str, str]]
    ANSWERED: ClassVar[tuple[str, ...]]

    @property
    def name(self) -> str:
        """A row of `TASKS`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of every answer; none where it has no classes."""

    @classmethod
    def truth_of(cls, name: str) -> str:
        """What it learns from: a row of `tfmed.data.truth.TRUTHS`."""

    @classmethod
    def losses_of(cls, name: str) -> Sequence[str]:
        """The names that `--loss` takes."""

    @classmethod
    def of_dataset(cls, name: str, dataset: Any) -> Self:
        """The task that a data set's truth asks for."""

    @classmethod
    def of_dict(cls, name: str, values: Mapping[str, Any]) -> Self:
        """The task of which `to_dict` made plain data."""

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Self:
        """The task of an export."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for `member.json`."""

    # From the training part to networks.

    def plan(self, train: Any, machine: Any, asked: Mapping[str, Any]) -> Any:
        """A plan of the training part for a machine, each value with its reason.

        Args:
            train: the audited training part.
            machine: a `tfmed.planning.Machine`.
            asked: settings of the plan that the user has set.
        """

    def of_fold(self, plan: Any, whole: Any, part: Any) -> Any:
        """The plan for a fold: what follows from the training part alone is made of the fold's."""

    def networks(self, plan: Any, seed: int = 0) -> Networks:
        """The untrained networks of a plan, by name; `{MODEL: network}` for most."""

    def kept(self, networks: Networks) -> Networks:
        """What is saved of trained networks."""

    def step(self, plan: Any) -> MakeStep:
        """What makes the training step of a plan."""

    def store(self, dataset: Any, plan: Any) -> Any:
        """The examples of a data set as networks of a plan see them, cached."""

    def batches(self, store: Any, plan: Any, seed: int, steps: range, augment: Any) -> Any:
        """The batches of some training steps, a function of (seed, step) alone.

        Args:
            store: the training part.
            plan: how to train.
            seed: of order and augmentation.
            steps: a batch each, counted from 0 over all epochs.
            augment: a user's function in place of the plan's augmentation, or None; see
                `tfmed.training.fit`.
        """

    def batch_ids(self, store: Any, plan: Any, seed: int, step: int) -> list[str]:
        """The ids of the examples of a step's batch; none where that is not known."""

    def validate(self, store: Any, plan: Any) -> Validate:
        """What gives the watched values of networks on a validation part."""

    def choose(self, networks: Networks, store: Any, plan: Any) -> dict[str, Any]:
        """What is chosen on validation alone (temperature, operating point, clean-up, ...)."""

    # From networks to answers.

    def predictor(self, members: Sequence[Any], dataset: Any) -> Any:
        """The networks of one or several members as what answers.

        Args:
            members: of a study; those of a cross-validation are averaged.
            dataset: of the run, whose facts an answer may need.
        """

    def exported(self, exported: Any) -> Any:
        """An opened export as what answers."""

    def named(self, predictor: Any) -> tuple[str, ...]:
        """Names of the truth's values as in training, for data to score; none where unknown."""

    def fitting(self, dataset: Any, predictor: Any, scored: bool) -> Any:
        """Of audited data what the predictor can answer for, its truth as the model knows it.

        Raises:
            DataError: none of it, or truth that the model does not know and that is scored.
        """

    def answer_table(
        self,
        predictor: Any,
        dataset: Any,
        out: Any,
        *,
        rows: np.ndarray | None = None,
        explain: bool = False,
        resume: bool = False,
    ) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
        """Answer for a data set, and write what does not stand in a table.

        Args:
            predictor: what answers.
            dataset: the examples.
            out: the run folder for masks and pictures.
            rows: positions of the examples that are wanted; None for all.
            explain: whether to write where each answer came from.
            resume: whether to take what a killed command has left.

        Returns:
            The table of `predictions.csv`, and `(path, reason)` of what has no answer.
        """

    def score(self, table: pd.DataFrame, resamples: int = ..., **about: Any) -> dict[str, Any]:
        """What `scores.json` holds, but for the seconds; `about` is what `scoring` gives."""

    def scoring(self, predictor: Any, dataset: Any) -> dict[str, Any]:
        """What scores depend on beside the table: an operating point, the unit of resampling."""

    def explained(
        self, study: Any, predictions: pd.DataFrame, split: str, count: int
    ) -> Iterator[dict[str, Any]]:
        """The answers that a reader should look at, each with its picture.

        Yields:
            `row` (of `predictions`, from 0), `right`, `png`, and what tells it.

        Raises:
            ConfigError: the task explains its answers in another way.
        """

    # From networks to an export.

    def samples(self, study: Any) -> np.ndarray:
        """Training examples at the plan's size in modality units, by which int8 is calibrated."""

    def file_scores(self, study: Any, files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
        """TFLite variant to `examples` and `scores` on unseen examples; none where none is."""

    def proof(self, study: Any, exported: Any, files: Mapping[str, Path]) -> list[Any]:
        """Compare an export with the run's own networks, from the scans' files on.

        Returns:
            Rows of `tfmed.export.parity`.

        Raises:
            ExportError: a row over its tolerance.
        """

    # What people read.

    def page(self, answered: Any) -> tuple[Path, dict[str, Any]]:
        """The task's template and what it names beside what all reports have.

        Args:
            answered: a `tfmed.evaluation.Answered`.
        """


def kind(name: str) -> Any:
    """What makes a task of that name.

    Raises:
        ConfigError: there is none.
    """
    return lookup(TASKS, name, "task")
