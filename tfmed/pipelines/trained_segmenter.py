"""A trained segmenter to ask, of a run or of an export."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfmed import log
from tfmed.data import auditing
from tfmed.data.case_reading import Case
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.evaluation import report_answers
from tfmed.evaluation.of_run import as_radiologists_look
from tfmed.explain import overlay, segmented_case
from tfmed.export.load import Exported
from tfmed.pipelines import segmenting
from tfmed.pipelines.mask_writer import MaskWriter, palette_of
from tfmed.pipelines.scans import check_kind, open_data
from tfmed.pipelines.settings import DataSettings
from tfmed.run import Run
from tfmed.tasks import Segmentation
from tfmed.training import SegmentationStudy, Segmenter


@dataclass(frozen=True)
class TrainedSegmenter:
    """What draws masks of new scans; keeps the contract `Trained`.

    Attributes:
        task: the question that it was trained for.
        segmenter: gives label maps.
        channels: of its images.
        about: the fact `masks` of the data that it was trained on.
        palette: a mask of that data, where they have a palette and are at hand.
        model: of which gradients explain; of a cross-validation the first fold's.
    """

    task: Segmentation
    segmenter: Segmenter
    channels: int
    about: Mapping[str, Any]
    palette: Path | None = None
    model: keras.Model | None = None

    def scans(
        self, settings: DataSettings, scored: bool = False, classes: tuple[str, ...] = ()
    ) -> Dataset:
        """The data; with masks of the model's classes where they are scored, else without any."""
        settings_of = self.segmenter.settings
        volumes = len(settings_of.patch_size) == 3 or settings_of.slice_wise
        if scored:
            dataset = auditing.audit(open_data(settings, classes or self._named()))
            auditing.limit_rejects(dataset, settings.max_rejects)
            dataset = _in_order(dataset, self.task.classes)
        else:
            dataset = auditing.audit(_to_predict(settings, volumes))
        auditing.limit_rejects(dataset, settings.max_rejects)
        check_kind(dataset, "volumes" if volumes else "images")
        return self._of_channels(dataset)

    def answer(
        self, dataset: Dataset, out: Run, explain: bool = False
    ) -> tuple[pd.DataFrame, Dataset]:
        """A mask for every example, its scores where the truth is known, and why if asked."""
        if explain and self.model is None:
            raise ConfigError("--explain follows gradients, which an export lacks; give the run")
        scored = "masks" in dataset.facts
        about = dataset.facts["masks"] if scored else self.about
        palette = palette_of(dataset) or self.palette
        writer = MaskWriter(out, dataset, self.task.classes, about, palette)

        def label_map(row: int, case: Case) -> np.ndarray:
            labels = self.segmenter.label_map(case)
            if explain:
                turned = dataset.table["format"].iloc[row] == "nifti"
                for name, png in self._explained(case, labels, turned):
                    writer.explain(row, name, png)
            return labels

        rows = range(len(dataset))
        found, rejects = segmenting.answers(dataset, rows, label_map, self.task, writer)
        return found, dataset.with_rejects(rejects)

    def _explained(
        self, case: Case, labels: np.ndarray, turned: bool
    ) -> Iterator[tuple[str, bytes]]:
        """Each structure that was found, with a picture of where its evidence lies.

        Args:
            case: the example.
            labels: its label map.
            turned: whether it is of NIfTI, whose planes people look at the other way round.
        """
        settings = self.segmenter.settings
        # A window that fits all images of 8 bits shows dark ones darker than they need be.
        window = settings.intensity.window if settings.intensity.kind == "ct" else None
        shown = as_radiologists_look(case.pixels) if turned else case.pixels
        for index in np.unique(labels[labels > 0]).tolist():
            heat = segmented_case(self.model, case.pixels, labels, index, settings, case.spacing_mm)
            heat = as_radiologists_look(heat[..., None])[..., 0] if turned else heat
            yield self.task.classes[index], overlay(shown, heat, window=window)

    def score(self, predictions: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
        """What `scores.json` holds."""
        return segmenting.judge(self.task, predictions, dataset)

    def report(
        self, out: Run, dataset: Dataset, predictions: pd.DataFrame, scores: dict[str, Any]
    ) -> Path:
        """Write `report.html`."""
        return report_answers(out, dataset, self.task, predictions, scores)

    def _named(self) -> tuple[str, ...]:
        """The names of the values that masks had in training."""
        if self.about["kind"] not in ("labels", "binary", "palette"):
            return ()
        pairs = zip(self.task.classes, self.about["values"], strict=True)
        return tuple(f"{name}={value}" for name, value in pairs)

    def _of_channels(self, dataset: Dataset) -> Dataset:
        wrong = dataset.table["channels"] != self.channels
        if wrong.all():
            raise DataError(
                f"the model takes images of {_colours(self.channels)}, {dataset.name} holds "
                f"{_colours(int(dataset.table['channels'].iloc[0]))}"
            )
        return dataset.without(wrong, f"the model takes images of {_colours(self.channels)}")


def of_run(study: SegmentationStudy) -> TrainedSegmenter:
    """The segmenter of a run."""
    palette = palette_of(study.dataset)
    return TrainedSegmenter(
        study.task,
        study.segmenter,
        study.plan.channels,
        study.dataset.facts["masks"],
        palette if palette and palette.is_file() else None,
        study.members[0].model,
    )


def of_export(exported: Exported) -> TrainedSegmenter:
    """The segmenter of an export."""
    card = exported.card
    return TrainedSegmenter(
        Segmentation(exported.classes),
        exported.segmenter,
        card["input"]["channels"],
        card["data"]["masks"],
    )


def _to_predict(settings: DataSettings, volumes: bool) -> Dataset:
    """The images alone, with or without masks beside them; DICOM by series for `volumes`."""
    try:
        dataset = open_data(settings, ())
    except (ConfigError, DataError):
        # Then all that is there is to be answered for, or that says what is wrong.
        return _bare(settings, volumes)
    facts = {name: fact for name, fact in dataset.facts.items() if name != "masks"}
    bare = dataset.table.drop(columns="mask").assign(split="")
    return replace(dataset.with_table(bare), facts=facts, classes=())


def _bare(settings: DataSettings, volumes: bool) -> Dataset:
    """Scans without masks; as in training a volume of DICOM is a series, unless it was told."""
    if volumes and settings.unit == "auto":
        with contextlib.suppress(ConfigError, DataError):  # there is no DICOM
            return open_data(settings.model_copy(update={"unit": "series"}))
    return open_data(settings)


def _in_order(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The data set with its classes in the model's order.

    Raises:
        DataError: they are others.
    """
    if dataset.classes == tuple(classes):
        return dataset
    if set(dataset.classes) != set(classes):
        raise DataError(
            f"{dataset.name} has the classes {', '.join(dataset.classes)}, the model knows "
            f"{', '.join(classes)}; name the values of the masks with --classes, those of a class "
            "that no mask shows too"
        )
    order = [dataset.classes.index(name) for name in classes]
    about = dict(dataset.facts["masks"])
    about["values"] = [about["values"][place] for place in order]
    log.info(f"classes in the model's order: {', '.join(classes)}")
    return replace(dataset, classes=tuple(classes)).with_facts(masks=about)


def _colours(channels: int) -> str:
    return "grey" if channels == 1 else "colour"
