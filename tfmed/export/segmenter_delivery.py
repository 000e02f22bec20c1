"""A segmenter's part in `saved_model`: its cases, the Dice of its files and the proof."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed.data.case_reading import Case
from tfmed.export import parity, segmenter_parity
from tfmed.export.pixels import PixelCode
from tfmed.export.runner import Runner
from tfmed.export.segmenter import SegmentationModel
from tfmed.export.spread import spread
from tfmed.export.tflite import INT8
from tfmed.inference import Ensemble, Network
from tfmed.training.segmentation import SegmentationStudy, Segmenter
from tfmed.training.segmenter import dice

# Some hundred thousand pixels: as many as some hundred small images have.
CALIBRATION_CASES = 24
PARITY_CASES = 4
# Windows of all cases that are compared whole: two answers for a large CT would take hours.
PARITY_WINDOWS = 200
# Each variant answers the same cases; the last is begun before these seconds are over.
VARIANT_CASES = 12
VARIANT_SECONDS = 30.0
OWN_STATISTICS = (
    "Whole cases are normalised by the mean and standard deviation of the case. "
    "`serving_default` and the TFLite files that take modality units know only the image or "
    "patch that they are given and normalise by its own; `patches` and `int8.tflite` take what "
    "was normalised before."
)


def model_of(study: SegmentationStudy) -> SegmentationModel:
    """The study's members with how whole cases are asked, as they are exported."""
    table, plan = study.dataset.table, study.plan
    return SegmentationModel(
        models=tuple(member.model for member in study.members),
        settings=study.settings,
        classes=plan.classes,
        divisors=plan.divisors,
        channels=plan.channels,
        keep_largest=study.segmenter.keep_largest,
        pixels=PixelCode.of(
            float(table["minimum"].min()), float(table["maximum"].max()), int(table["bits"].max())
        ),
    )


@dataclass(frozen=True)
class SegmenterDelivery:
    """What the export of a segmenter takes from its run; keeps the contract `Delivery`.

    Attributes:
        study: the run, opened.
    """

    study: SegmentationStudy

    @cached_property
    def exportable(self) -> SegmentationModel:
        """What is exported."""
        return model_of(self.study)

    @property
    def threshold(self) -> None:
        """The most probable class is taken."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What users must know of this network, beside what holds for all."""
        return () if self.study.settings.intensity.fixed else (OWN_STATISTICS,)

    def representative(self) -> np.ndarray:
        """Patches of training cases at the plan's spacing, modality units.

        None of volumes, which have no int8 file.
        """
        random, shape = np.random.default_rng(0), self.exportable.input_shape
        found = [np.zeros((0, *shape), np.float32)]
        if self.exportable.planar:
            for row in spread(self.study.rows("train"), CALIBRATION_CASES):
                image = segmenter_parity.image_of(self.study.case(int(row)), self.exportable)
                found.append(segmenter_parity.patch_of(image, shape[:-1], random)[np.newaxis])
        return np.concatenate(found)

    def scores(self, files: dict[str, Path]) -> dict[str, dict[str, Any]]:
        """The mean Dice of each file over the foreground, on cases that none has trained on.

        Windows overlap as in the run, without mirrored copies.
        """
        study = self.study
        if len(study.members) > 1 and not len(study.rows("test")):
            return {}
        answering = {variant: self._segmenter(variant, file) for variant, file in files.items()}
        found: dict[str, list[np.ndarray]] = {variant: [] for variant in files}
        started = time.monotonic()
        for row in spread(study.unseen_rows(), VARIANT_CASES):
            case = study.case(int(row))
            assert case.mask is not None  # unseen rows are labelled
            for variant, segmenter in answering.items():
                answer = segmenter.label_map(case)
                found[variant].append(dice(case.mask, answer, len(study.plan.classes)))
            if time.monotonic() - started > VARIANT_SECONDS:
                break
        return {
            variant: {"examples": len(values), "scores": {"dice": _mean(values)}}
            for variant, values in found.items()
        }

    def proof(self, folder: Path) -> list[parity.Row]:
        """Compare the written files with the run's own networks, from the scans' files on."""
        cases, files = [], []
        for case, data in self._compared():
            cases.append(case)
            files.append(data)
        own = replace(self.study.segmenter, settings=self._unmirrored)
        return segmenter_parity.check(self.exportable, folder, own, cases, files)

    @property
    def _unmirrored(self) -> Any:
        return replace(self.study.settings, mirror_axes=())

    def _segmenter(self, variant: str, file: Path) -> Segmenter:
        """A TFLite file as what answers whole cases."""
        runner = Runner(file, threads=os.cpu_count() or 1)
        asked = _network(runner, self.exportable, variant == INT8)
        return Segmenter(Ensemble([asked]), self._unmirrored, self.study.segmenter.keep_largest)

    def _compared(self) -> Iterator[tuple[Case, bytes | None]]:
        """Unseen cases of bearable size, at least one, with the files of PNG and JPEG."""
        study, windows = self.study, 0
        rows = spread(study.unseen_rows(), PARITY_CASES)
        for row in rows:
            case, example = study.case(int(row)), study.dataset.table.iloc[int(row)]
            planar = example["format"] in ("png", "jpeg")
            yield case, Path(example["path"]).read_bytes() if planar else None
            windows += _windows(case, self.exportable)
            if windows > PARITY_WINDOWS:
                return


def _network(runner: Runner, model: SegmentationModel, normalised: bool) -> Network:
    """A TFLite file as a network on normalised patches.

    A file that takes modality units is given such as it makes the same normalised patch of. Where
    it normalises by the patch's own statistics, any line of the values gives the same.
    """
    shift, scale = (0.0, 1.0) if normalised else model.intensity.fixed or (0.0, 1.0)
    shape = (None, *model.settings.patch_size, len(model.classes))

    def probabilities(patches: tf.Tensor) -> tf.Tensor:
        given = patches * scale + shift
        return tf.ensure_shape(tf.numpy_function(runner.predict, [given], tf.float32), shape)

    return probabilities


def _windows(case: Case, model: SegmentationModel) -> int:
    """About how many windows a case has, at half overlap."""
    sides = segmenter_parity.sides_of(case, model)
    slices = math.prod(sides[: len(sides) - len(model.settings.patch_size)])
    pairs = zip(sides[-len(model.settings.patch_size) :], model.settings.patch_size, strict=True)
    return slices * math.prod(max(1, math.ceil(2 * side / patch) - 1) for side, patch in pairs)


def _mean(found: list[np.ndarray]) -> float | None:
    """The mean over classes of the means over cases; what is not defined counts for nothing."""
    means = np.ma.masked_invalid(np.array(found)).mean(axis=0)
    return None if np.ma.getmaskarray(means).all() else float(means.mean())
