"""`Recognition`: a whole example, asked for classes or for a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import feed, log, models
from tfmed.data.dataset import Dataset
from tfmed.data.kinds import check_kind
from tfmed.errors import ConfigError, DataError
from tfmed.evaluation.contents import Answered
from tfmed.export import backends, parity
from tfmed.export.load import Exported
from tfmed.export.pixels import PixelCode
from tfmed.feed.decoded import batches
from tfmed.planning import Machine, Plan
from tfmed.run import Run
from tfmed.statistics import RESAMPLES
from tfmed.tables import lookup
from tfmed.task import MODEL, MakeStep, Networks, Validate
from tfmed.tasks.recognition import image_proof, page, rules, step_pace
from tfmed.tasks.recognition.answers import ANSWERS, Answer
from tfmed.tasks.recognition.answers.classes import Classes
from tfmed.tasks.recognition.cached_examples import Examples
from tfmed.tasks.recognition.inputs import input_of
from tfmed.tasks.recognition.plan import RecognitionPlan
from tfmed.tasks.recognition.recogniser import Recogniser
from tfmed.training import Member, Study, logits, supervised
from tfmed.transforms.prepare import Preprocessing

BATCH = 64


@dataclass(frozen=True)
class Recognition:
    """A whole example, asked for one answer; keeps the contract `Task`.

    Attributes:
        answer: what is asked; of a row of `ANSWERS`.
    """

    Plan: ClassVar[type[Plan]] = RecognitionPlan
    networks_known: ClassVar[Mapping[str, str]] = models.MODELS
    ANSWERED: ClassVar[tuple[str, ...]] = ("val", "test", "")

    answer: Answer

    @classmethod
    def truth_of(cls, name: str) -> str:
        """The answer's."""
        truth: str = lookup(ANSWERS, name, "task").TRUTH
        return truth

    @classmethod
    def losses_of(cls, name: str) -> Sequence[str]:
        """The answer's."""
        known: Sequence[str] = lookup(ANSWERS, name, "task").LOSSES
        return known

    @classmethod
    def of_dataset(cls, name: str, dataset: Dataset) -> Recognition:
        """The question that a data set's truth asks for."""
        return cls(lookup(ANSWERS, name, "task").of_dataset(dataset))

    @classmethod
    def of_dict(cls, name: str, values: Mapping[str, Any]) -> Recognition:
        """The task of which `to_dict` made plain data."""
        return cls(lookup(ANSWERS, name, "task").of_dict(values))

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Recognition:
        """The task of an export."""
        return cls.of_dict(card["task"], card)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return self.answer.to_dict()

    @property
    def name(self) -> str:
        """The answer's."""
        return self.answer.NAME

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; none of a number."""
        return self.answer.classes

    def plan(self, train: Dataset, machine: Machine, asked: Mapping[str, Any]) -> RecognitionPlan:
        """A plan of the training part; see `Task.plan`."""
        own, pace = self.answer.planned(train), step_pace.of(self) if machine.timed else None
        return rules.planned(train, machine, asked, own, self.name, pace)

    def of_fold(self, plan: RecognitionPlan, whole: Dataset, part: Dataset) -> RecognitionPlan:
        """The plan for a fold."""
        return self.answer.of_fold(plan, whole, part)

    def networks(self, plan: RecognitionPlan, seed: int = 0) -> Networks:
        """The untrained network of a plan."""
        network = models.build(
            plan.model,
            plan.input_shape,
            self.answer.outputs,
            weights=plan.weights,
            norm=plan.norm,
            dropout=plan.dropout,
            seed=seed,
        )
        return {MODEL: network}

    def kept(self, networks: Networks) -> Networks:
        """All."""
        return networks

    def step(self, plan: RecognitionPlan) -> MakeStep:
        """Supervised by the plan's loss."""
        return supervised(self.answer.loss(plan))

    def store(self, dataset: Dataset, plan: RecognitionPlan) -> Examples:
        """Images at the plan's size, cached."""
        return Examples(dataset, feed.build(dataset, plan.preprocessing))

    def batches(
        self,
        store: Examples,
        plan: RecognitionPlan,
        seed: int,
        steps: range,
        augment: Callable[..., Any] | None = None,
    ) -> tf.data.Dataset:
        """Batches of (image, target, weight)."""
        targets = self.answer.targets(store.dataset)
        return feed.training(
            store.images,
            targets,
            self.answer.weights(targets, plan),
            preprocessing=plan.preprocessing,
            augmentation=[augment] if augment else plan.augmentation,
            mixup=plan.mixup,
            batch_size=plan.batch_of(len(store)),
            seed=seed,
            steps=steps,
        )

    def batch_ids(self, store: Examples, plan: RecognitionPlan, seed: int, step: int) -> list[str]:
        """The ids of a step's examples."""
        rows = feed.batch_rows(len(store), plan.batch_of(len(store)), seed, step)
        return list(store.dataset.table["id"].iloc[rows])

    def validate(self, store: Examples, plan: RecognitionPlan) -> Validate:
        """What the answer watches."""
        targets = self.answer.targets(store.dataset)
        return lambda networks: self.answer.watch(targets, _outputs(networks, store, plan), plan)

    def choose(self, networks: Networks, store: Examples, plan: RecognitionPlan) -> dict[str, Any]:
        """What the answer chooses on validation."""
        return self.answer.choose(
            self.answer.targets(store.dataset),
            _outputs(networks, store, plan),
            store.dataset.table["patient"].to_numpy(str),
            plan,
        )

    def predictor(self, members: Sequence[Member], dataset: Dataset) -> Recogniser:
        """The members' networks, averaged."""
        table = dataset.table
        chosen = tuple(member.chosen for member in members)
        return Recogniser(
            answer=self.answer,
            preprocessing=members[0].plan.preprocessing,
            threshold=self.answer.together(chosen),
            models=tuple(member.model for member in members),
            chosen=chosen,
            pixels=PixelCode.of(
                float(table["minimum"].min()),
                float(table["maximum"].max()),
                int(table["bits"].max()),
            ),
        )

    def exported(self, exported: Exported) -> Recogniser:
        """An export, by its `serving_default`."""
        card = exported.card
        return Recogniser(
            answer=self.answer,
            preprocessing=Preprocessing.from_dict(card["input"]),
            threshold=card["scores"].get("threshold"),
            backend=backends.saved_model(exported),
        )

    def named(self, predictor: Recogniser) -> tuple[str, ...]:
        """Labels name themselves."""
        return ()

    def fitting(self, dataset: Dataset, predictor: Recogniser, scored: bool) -> Dataset:
        """Data of the kind that the network takes, with truth that it knows."""
        preprocessing = predictor.preprocessing
        check_kind(dataset, input_of(len(preprocessing.size), preprocessing.sampled).what)
        return self.answer.fitting(dataset, scored)

    def answer_all(self, predictor: Recogniser, dataset: Dataset) -> np.ndarray:
        """Answers for a data set, read from its files: float64 `[N, width]`.

        Raises:
            DataError: there are no examples.
        """
        if not len(dataset):
            raise DataError("there are no examples to answer for")
        parts = []
        with log.progress(total=len(dataset), what="predicting", unit="images") as bar:
            for batch in batches(dataset, predictor.preprocessing, BATCH):
                parts.append(self.answer.stacked(predictor.ask({"image": np.asarray(batch)})))
                bar.advance(len(batch))
        return np.concatenate(parts).astype(np.float64)

    def answer_table(
        self,
        predictor: Recogniser,
        dataset: Dataset,
        out: Run,
        *,
        rows: np.ndarray | None = None,
        explain: bool = False,
        resume: bool = False,
    ) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
        """Answer for a data set; see `Task.answer_table`."""
        del out, resume
        if rows is not None:
            dataset = dataset.with_table(dataset.table.iloc[rows])
        if explain:
            raise ConfigError(
                "--explain is of models that draw masks; `tfmed explain` shows this one's"
            )
        found = self.answer_all(predictor, dataset)
        return self.answer.table(dataset, found, predictor.threshold), []

    def score(
        self,
        table: pd.DataFrame,
        resamples: int = RESAMPLES,
        seed: int = 0,
        *,
        threshold: Any = None,
    ) -> dict[str, Any]:
        """What `scores.json` holds, but for the seconds; see the answer's."""
        return self.answer.score(table, resamples, seed, threshold)

    def scoring(self, predictor: Recogniser, dataset: Dataset) -> dict[str, Any]:
        """The operating point."""
        del dataset
        return {"threshold": predictor.threshold}

    def explained(
        self, study: Study, predictions: pd.DataFrame, split: str, count: int
    ) -> Iterator[dict[str, Any]]:
        """The answers that the answer's kind calls worth seeing, each with its Grad-CAM."""
        return page.explained(study, predictions, split, count)

    def samples(self, study: Study) -> np.ndarray:
        """Training images at the plan's size, spread over the training part."""
        return image_proof.samples(study)

    def file_scores(self, study: Study, files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
        """Scores of TFLite files on unseen images."""
        return image_proof.file_scores(study, files)

    def proof(
        self, study: Study, exported: Exported, files: Mapping[str, Path]
    ) -> list[parity.Row]:
        """Compare an export with the run's networks."""
        return image_proof.proof(study, exported, files)

    def page(self, answered: Answered) -> tuple[Path, dict[str, Any]]:
        """The answer's template and values."""
        return page.page(answered, self.answer)


def _outputs(networks: Networks, store: Examples, plan: RecognitionPlan) -> np.ndarray:
    """A network's outputs float32 `[N, M]` for cached images, by its compiled graph."""
    size = min(BATCH, len(store))
    return logits(
        networks[MODEL], feed.evaluation(store.images, plan.preprocessing, size), len(store)
    )


def Classification(classes: Sequence[str], multi_label: bool = False) -> Recognition:
    """Which of the classes an example shows; see `answers.classes.Classes`."""
    return Recognition(Classes(tuple(classes), multi_label))


def Regression() -> Recognition:
    """Which number an example has; see `answers.number.Number`."""
    return Recognition.of_dict("regression", {})
