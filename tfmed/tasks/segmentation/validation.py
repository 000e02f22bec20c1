"""What is watched and chosen on the validation part: Dice of whole cases, and the clean-up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from tfmed import inference, log
from tfmed.export.spread import spread
from tfmed.feed import CaseStore
from tfmed.inference import Ensemble, InferenceSettings
from tfmed.task import MODEL, Networks, Validate
from tfmed.tasks.segmentation.plan import SegmentationPlan

# Cases that are asked at each epoch's end, spread over the validation part.
VALIDATED = 24
# At an epoch's end windows overlap less than they do in an answer: it ranks epochs, no more.
OVERLAP = 0.25


def validator(cases: CaseStore, plan: SegmentationPlan) -> Validate:
    """Networks to the mean Dice, and each class's, over some whole cases."""
    rows = spread(np.arange(len(cases)), VALIDATED)
    quick = replace(settings_of(plan), overlap=OVERLAP, mirror_axes=())
    traced: dict[int, Ensemble] = {}

    def validate(networks: Networks) -> dict[str, float]:
        model = networks[MODEL]
        # The model of a training is one, so its graph is traced once.
        ensemble = traced.setdefault(id(model), Ensemble([inference.network(model)]))
        found = [
            dice(*_answered(cases, int(row), ensemble, quick), len(plan.classes)) for row in rows
        ]
        return _means(np.array(found), plan.classes[1:])

    return validate


def clean_up(model: keras.Model, cases: CaseStore, plan: SegmentationPlan) -> dict[str, Any]:
    """`keep_largest`: the classes of which to keep the largest component alone."""
    ensemble, settings = Ensemble([inference.network(model)]), settings_of(plan)
    truths, found = [], []
    with log.progress(range(len(cases)), len(cases), "choosing the clean-up", "cases") as bar:
        for row in bar:
            truth, predicted = _answered(cases, row, ensemble, settings)
            truths.append(truth)
            found.append(predicted)
    return {"keep_largest": list(inference.clean_up(found, truths, len(plan.classes)))}


def settings_of(plan: SegmentationPlan) -> InferenceSettings:
    """How networks of a plan are asked for whole cases."""
    return InferenceSettings(
        patch_size=plan.patch_size,
        spacing_mm=plan.spacing_mm,
        intensity=plan.intensity,
        classes=len(plan.classes),
        mirror_axes=plan.mirror_axes,
        slice_wise=plan.slice_wise,
    )


def dice(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """The Dice of each class but the background, NaN for one that is in neither.

    Args:
        truth: label map.
        predicted: of the same shape.
        classes: how many there are, the background included.

    Returns:
        float64 `[classes - 1]`.
    """
    pairs = truth.astype(np.int64).ravel() * classes + predicted.ravel()
    table = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    sizes = table.sum(axis=0) + table.sum(axis=1)
    there = np.where(sizes, sizes, np.nan)
    found: np.ndarray = (2 * np.diag(table) / there)[1:]
    return found


def _answered(
    cases: CaseStore, row: int, networks: Ensemble, settings: InferenceSettings
) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted label map of a cached case, at the plan's spacing."""
    pixels, truth = cases.case(row)
    assert truth is not None  # parts that are trained or validated on have masks
    mean, std = cases.statistics[row]
    probabilities = inference.slide(
        settings.intensity.apply(pixels, (float(mean), float(std))),
        networks,
        settings.patch_size,
        overlap=settings.overlap,
        mirror_axes=settings.mirror_axes,
        slice_wise=settings.slice_wise,
    )
    return truth, probabilities.argmax(axis=-1).astype(np.uint8)


def _means(found: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """Mean Dice over cases, of each class and of all of them together.

    A class that is neither there nor predicted in any of the cases counts for nothing.
    """
    counted = (~np.isnan(found)).sum(axis=0)
    means = np.nansum(found, axis=0) / np.where(counted, counted, np.nan)
    overall = float(np.nanmean(means)) if counted.any() else 0.0
    return {"dice": overall} | {
        f"dice_{name}": float(mean) for name, mean in zip(names, means, strict=True)
    }
