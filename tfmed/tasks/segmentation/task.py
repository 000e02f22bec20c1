"""`Segmentation`: which of the classes each voxel shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import losses, models
from tfmed.data.dataset import Dataset
from tfmed.data.kinds import check_kind
from tfmed.errors import ConfigError
from tfmed.evaluation.contents import Answered
from tfmed.export import backends, parity
from tfmed.export.load import Exported
from tfmed.export.pixels import PixelCode
from tfmed.feed import CaseStore, build_cases
from tfmed.metrics import mask_scores
from tfmed.planning import Machine, Plan
from tfmed.run import Run
from tfmed.statistics import RESAMPLES
from tfmed.tables import lookup
from tfmed.task import MODEL, MakeStep, Networks, Validate
from tfmed.tasks.segmentation import (
    feed,
    given_cases,
    mask_proof,
    nnunet_rules,
    page,
    patch_pace,
    scores,
    validation,
)
from tfmed.tasks.segmentation.export import settings_of as settings_of_card
from tfmed.tasks.segmentation.mask_drawing import Drawing
from tfmed.tasks.segmentation.mask_writer import check_extra, palette_of
from tfmed.tasks.segmentation.plan import SegmentationPlan
from tfmed.tasks.segmentation.segmenter import Segmenter
from tfmed.training import Member, Study, supervised


@dataclass(frozen=True)
class Segmentation:
    """Which of the classes each voxel shows; each voxel shows one. Keeps the contract `Task`.

    Attributes:
        classes: class names, the background first; a label map's value is the place in it.
        tolerance_mm: how far a surface may lie from the true one for `nsd`; voxels where the
            spacing is not known.

    Raises:
        ConfigError: a setting is wrong.
    """

    Plan: ClassVar[type[Plan]] = SegmentationPlan
    networks_known: ClassVar[Mapping[str, str]] = models.SEGMENTERS
    ANSWERED: ClassVar[tuple[str, ...]] = ("test", "")
    name: ClassVar[str] = "segmentation"

    classes: tuple[str, ...]
    tolerance_mm: float = mask_scores.TOLERANCE_MM

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ConfigError(
                f"classes are {self.classes}; expected the background and at least one structure, "
                "all unlike"
            )
        if not self.tolerance_mm >= 0:
            raise ConfigError(f"tolerance_mm is {self.tolerance_mm}; expected 0 or more")

    @classmethod
    def truth_of(cls, name: str) -> str:
        """Masks."""
        return "mask"

    @classmethod
    def losses_of(cls, name: str) -> Sequence[str]:
        """Of masks."""
        return tuple(losses.LOSSES)

    @classmethod
    def of_dataset(cls, name: str, dataset: Dataset) -> Segmentation:
        """Which of the classes that a data set's masks show.

        Raises:
            MissingExtra: masks will be of DICOM images, and highdicom is not installed.
        """
        check_extra(dataset)
        return cls(dataset.classes)

    @classmethod
    def of_dict(cls, name: str, values: Mapping[str, Any]) -> Segmentation:
        """The task of which `to_dict` made plain data."""
        return cls(tuple(values["classes"]), values.get("tolerance_mm", mask_scores.TOLERANCE_MM))

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Segmentation:
        """The task of an export."""
        return cls(tuple(card["classes"]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def plan(self, train: Dataset, machine: Machine, asked: Mapping[str, Any]) -> SegmentationPlan:
        """A plan of the training part; see `Task.plan`."""
        pace = patch_pace.of(self) if machine.timed else None
        return nnunet_rules.planned_of(train, machine, asked, pace)

    def of_fold(self, plan: SegmentationPlan, whole: Dataset, part: Dataset) -> SegmentationPlan:
        """The same for all."""
        return plan

    def networks(self, plan: SegmentationPlan, seed: int = 0) -> Networks:
        """The untrained network of a plan."""
        network = models.build_segmenter(
            plan.model,
            plan.channels,
            len(plan.classes),
            features=plan.features,
            strides=plan.strides,
            kernels=plan.kernels,
            deep_supervision=plan.deep_supervision,
            weights=plan.weights,
            seed=seed,
        )
        return {MODEL: network}

    def kept(self, networks: Networks) -> Networks:
        """Without the coarse outputs of deep supervision."""
        return {MODEL: models.without_supervision(networks[MODEL])}

    def step(self, plan: SegmentationPlan) -> MakeStep:
        """Supervised by the plan's loss, of each depth that the network has."""
        of_one = lookup(losses.LOSSES, plan.loss, "loss")
        return supervised(lambda targets, logits: losses.supervised(of_one, targets, logits))

    def store(self, dataset: Dataset, plan: SegmentationPlan) -> CaseStore:
        """Cases at the plan's spacing, cached."""
        return build_cases(
            dataset,
            spacing_mm=plan.spacing_mm,
            normalisation=plan.intensity,
            slice_wise=plan.slice_wise,
        )

    def batches(
        self,
        store: CaseStore,
        plan: SegmentationPlan,
        seed: int,
        steps: range,
        augment: Callable[..., Any] | None = None,
    ) -> tf.data.Dataset:
        """Batches of (patch, label map)."""
        return feed.training(store, plan, seed=seed, steps=steps, own=augment)

    def batch_ids(
        self, store: CaseStore, plan: SegmentationPlan, seed: int, step: int
    ) -> list[str]:
        """Not known: patches are drawn in the graph."""
        return []

    def validate(self, store: CaseStore, plan: SegmentationPlan) -> Validate:
        """The Dice of whole cases."""
        return validation.validator(store, plan)

    def choose(
        self, networks: Networks, store: CaseStore, plan: SegmentationPlan
    ) -> dict[str, Any]:
        """The clean-up."""
        return validation.clean_up(networks[MODEL], store, plan)

    def predictor(self, members: Sequence[Member], dataset: Dataset) -> Segmenter:
        """The members' networks, averaged, with the clean-up that all chose."""
        plan, table = members[0].plan, dataset.table
        settings = validation.settings_of(plan)
        # Runs of version 0.1.0 tell here whether mirrored copies are averaged.
        if not members[0].chosen.get("mirrored", True):
            settings = replace(settings, mirror_axes=())
        kept = set.intersection(*(set(member.chosen["keep_largest"]) for member in members))
        palette = palette_of(dataset)
        return Segmenter(
            settings=settings,
            classes=plan.classes,
            divisors=plan.divisors,
            channels=plan.channels,
            keep_largest=tuple(sorted(kept)),
            pixels=PixelCode.of(
                float(table["minimum"].min()),
                float(table["maximum"].max()),
                int(table["bits"].max()),
            ),
            models=tuple(member.model for member in members),
            about=dataset.facts.get("masks"),
            palette=palette if palette and palette.is_file() else None,
        )

    def exported(self, exported: Exported) -> Segmenter:
        """An export, by its signature `patches`."""
        card = exported.card
        return Segmenter(
            settings=settings_of_card(card),
            classes=self.classes,
            divisors=tuple(card["input"]["divisors"]),
            channels=card["input"]["channels"],
            keep_largest=tuple(card["inference"]["keep_largest"]),
            backend=backends.patches(exported),
            about=card.get("data", {}).get("masks"),
        )

    def named(self, predictor: Segmenter) -> tuple[str, ...]:
        """The names of the values that masks had in training."""
        about = predictor.about or {}
        if about.get("kind") not in ("labels", "binary", "palette"):
            return ()
        pairs = zip(self.classes, about["values"], strict=True)
        return tuple(f"{name}={value}" for name, value in pairs)

    def fitting(self, dataset: Dataset, predictor: Segmenter, scored: bool) -> Dataset:
        """Data of the kind and colours that the networks take, its classes in their order."""
        check_kind(dataset, "volumes" if predictor.of_volumes else "images")
        dataset = given_cases.in_order(dataset, self.classes) if scored else dataset
        return given_cases.of_channels(dataset, predictor.channels)

    def answer_table(
        self,
        predictor: Segmenter,
        dataset: Dataset,
        out: Run,
        *,
        rows: np.ndarray | None = None,
        explain: bool = False,
        resume: bool = False,
    ) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
        """A mask for every example, its scores where the truth is known, and why if asked."""
        drawing = Drawing(
            predictor, dataset, out, self.tolerance_mm, explain=explain, resume=resume
        )
        return drawing.of(range(len(dataset)) if rows is None else rows.tolist())

    def case_scores(
        self,
        truth: np.ndarray | None,
        predicted: np.ndarray,
        spacing_mm: Sequence[float] | None = None,
    ) -> dict[str, float]:
        """The scores of one case: columns of `predictions.csv`; see `scores.case_scores`."""
        return scores.case_scores(truth, predicted, self.classes, spacing_mm, self.tolerance_mm)

    def score(
        self,
        table: pd.DataFrame,
        resamples: int = RESAMPLES,
        seed: int = 0,
        *,
        unit: str = "patient",
    ) -> dict[str, Any]:
        """What `scores.json` holds, but for the seconds; see `scores.of_table`."""
        found = scores.of_table(table, self.classes, resamples, seed, unit)
        return {"task": self.name, **found, "nsd_tolerance_mm": self.tolerance_mm}

    def scoring(self, predictor: Segmenter, dataset: Dataset) -> dict[str, Any]:
        """The unit: of slices of one stack, which have no patients, the images."""
        return {"unit": "image" if "stack" in dataset.facts else "patient"}

    def explained(
        self, study: Study, predictions: pd.DataFrame, split: str, count: int
    ) -> Iterator[dict[str, Any]]:
        """Not so.

        Raises:
            ConfigError: always; masks are explained case by case.
        """
        raise ConfigError(
            f"{study.run.folder} draws masks: `tfmed predict --explain` explains those"
        )

    def samples(self, study: Study) -> np.ndarray:
        """Patches of training cases."""
        return mask_proof.samples(study)

    def file_scores(self, study: Study, files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
        """The Dice of TFLite files on unseen cases."""
        return mask_proof.file_scores(study, files)

    def proof(
        self, study: Study, exported: Exported, files: Mapping[str, Path]
    ) -> list[parity.Row]:
        """Compare an export with the run's networks."""
        return mask_proof.proof(study, exported, files)

    def page(self, answered: Answered) -> tuple[Path, dict[str, Any]]:
        """The template of masks and its values."""
        return page.page(answered)
