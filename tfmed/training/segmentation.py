"""`SegmentationMember` and `SegmentationStudy`: a trained segmenter in a run folder, opened again.

They are to masks what `Member` and `Study` are to classes: a run has one member; a
cross-validation one a fold, each in a folder of its own, and their probabilities are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from tfmed import inference
from tfmed.data import cases
from tfmed.data.cases import Case
from tfmed.data.dataset import Dataset
from tfmed.data.stored import stored
from tfmed.errors import ConfigError
from tfmed.inference import Ensemble, InferenceSettings
from tfmed.planning import SegmentationPlan
from tfmed.run import Run
from tfmed.tasks import Segmentation
from tfmed.training.begin import ABOUT, plan_of
from tfmed.training.study import folds_of, positions, unseen


@dataclass(frozen=True)
class Segmenter:
    """What gives label maps of whole cases: the networks of a run or of an export.

    Attributes:
        networks: normalised patches to probabilities, averaged.
        settings: how they are asked.
        keep_largest: classes of which the largest component alone is kept.
    """

    networks: Ensemble
    settings: InferenceSettings
    keep_largest: tuple[int, ...] = ()

    def label_map(self, case: Case) -> np.ndarray:
        """The label map of a case, uint8 in the case's own geometry."""
        found = inference.segment(case.pixels, case.spacing_mm, self.networks, self.settings)
        return inference.keep_largest(found, self.keep_largest)


@dataclass(frozen=True)
class SegmentationMember:
    """A network and what was chosen for it on its validation part.

    Attributes:
        model: float32, normalised patches `[B, *patch, C]` to logits `[B, *patch, K]`.
        task: the question.
        plan: how it was trained, and what its patches look like.
        keep_largest: classes of which the largest component alone is kept.
        mirrored: whether answers are averaged over mirrored images.
        seconds: training time.
    """

    model: keras.Model
    task: Segmentation
    plan: SegmentationPlan
    keep_largest: tuple[int, ...]
    mirrored: bool
    seconds: float


def load_segmenter(run: Run) -> SegmentationMember:
    """The member that `fit_segmenter` left in a run.

    Raises:
        ConfigError: it was trained for another task.
        DataError: training has not finished there.
    """
    about, plan = run.read_json(ABOUT), plan_of(run)
    if not isinstance(plan, SegmentationPlan):
        raise ConfigError(f"{run.folder} is a run of classification, not of segmentation")
    return SegmentationMember(
        model=keras.models.load_model(run.path("model.keras"), compile=False),
        task=Segmentation.from_dict(about["task"]),
        plan=plan,
        keep_largest=tuple(about["keep_largest"]),
        mirrored=about["mirrored"],
        seconds=about["seconds"],
    )


@dataclass(frozen=True)
class SegmentationStudy:
    """A trained run of segmentation.

    Attributes:
        run: where it lives.
        dataset: every example that it knows, with its part.
        members: one, or one a fold of a cross-validation.
    """

    run: Run
    dataset: Dataset
    members: tuple[SegmentationMember, ...]

    @property
    def task(self) -> Segmentation:
        """What the members were asked."""
        return self.members[0].task

    @property
    def plan(self) -> SegmentationPlan:
        """How the members were trained."""
        return self.members[0].plan

    @property
    def settings(self) -> InferenceSettings:
        """How whole cases are asked."""
        return settings_of(self.plan, self.members[0].mirrored)

    @cached_property
    def segmenter(self) -> Segmenter:
        """All members together."""
        return segmenter_of(*self.members)

    def rows(self, *splits: str) -> np.ndarray:
        """Positions of the examples of some parts."""
        return positions(self.dataset, *splits)

    def unseen_rows(self) -> np.ndarray:
        """Positions of labelled examples that least took part in training, as in `Study`."""
        return unseen(self.dataset, len(self.members))

    def at(self, rows: np.ndarray) -> Dataset:
        """The examples at some positions."""
        return self.dataset.with_table(self.dataset.table.iloc[rows])

    def case(self, row: int) -> Case:
        """The example at a position, read from its files, with its mask where it has one.

        Raises:
            ReadError: a file cannot be read any more.
        """
        return case_of(self.dataset, row)


def open_segmentation(run: Run) -> SegmentationStudy:
    """Open a run of segmentation whose training has finished.

    Raises:
        ConfigError: it was trained for another task.
        DataError: training has not finished.
    """
    members = tuple(load_segmenter(folder) for folder in folds_of(run) or [run])
    return SegmentationStudy(run, stored(run), members)


def segmenter_of(*members: SegmentationMember) -> Segmenter:
    """Some members together: their probabilities averaged, and the clean-up that all chose."""
    kept = set.intersection(*(set(member.keep_largest) for member in members))
    return Segmenter(
        Ensemble([inference.network(member.model) for member in members]),
        settings_of(members[0].plan, members[0].mirrored),
        tuple(sorted(kept)),
    )


def settings_of(plan: SegmentationPlan, mirrored: bool) -> InferenceSettings:
    """How networks of a plan are asked for whole cases."""
    return InferenceSettings(
        patch_size=plan.patch_size,
        spacing_mm=plan.spacing_mm,
        intensity=plan.intensity,
        classes=len(plan.classes),
        mirror_axes=plan.mirror_axes if mirrored else (),
        slice_wise=plan.slice_wise,
    )


def case_of(dataset: Dataset, row: int) -> Case:
    """The example at a position of a data set, read from its files."""
    example: Mapping[str, Any] = dataset.table.iloc[row].to_dict()
    return cases.read(example, dataset.facts.get("masks"))
