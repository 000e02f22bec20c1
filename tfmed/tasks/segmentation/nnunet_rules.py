"""The rules by which a segmenter is planned: nnU-Net's, with a budget of time on a CPU."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.planning import BY_USER, Choices, Machine, chosen
from tfmed.planning.machine import gpu_memory_gb
from tfmed.tasks.segmentation import network_pace, patch_schedule, topology
from tfmed.tasks.segmentation.augmenting import augmentation, mirror_axes
from tfmed.tasks.segmentation.budget import Budget
from tfmed.tasks.segmentation.case_fingerprint import CaseFingerprint, case_fingerprint
from tfmed.tasks.segmentation.network_fit import CaseGrid, Fitted, Wanted, fit
from tfmed.tasks.segmentation.network_pace import Pace
from tfmed.tasks.segmentation.plan import SegmentationPlan
from tfmed.tasks.segmentation.spacing import median_shape, target_spacing

DEFAULT_SECONDS = 1800.0
COLOUR = 3
# nnU-Net: the share of an image that is not zero, below which zeros are left out of z-scores.
CROPPED = 0.75
FLAT_NETWORKS = ("deeplab_v3_plus",)
# A slice axis that can never be halved.
FEW_SLICES = 2 * topology.LEAST_SIDE
EIGHT_BITS = 8
DIGITS = 6
CT_UNITS = "HU"


def planned_of(
    train: Dataset, machine: Machine, asked: Mapping[str, Any], pace: Pace | None = None
) -> SegmentationPlan:
    """Plan a segmenter from the training part.

    Args:
        train: the training part, audited with its masks.
        machine: without a GPU its time decides; half an hour where none is known.
        asked: settings that the user has set; `size` is the patch, and of two numbers for
            volumes means slice by slice.
        pace: the seconds that a step of a plan takes here; None leaves it at the estimate.

    Raises:
        ConfigError: a setting that the plan does not have or take, a size of the wrong rank,
            images too small or too little memory.
        DataError: there are no masks, or a case cannot be read.
    """
    if machine.accelerated:
        fitted = Fitted(machine.memory_gb or gpu_memory_gb(), None)
    else:
        time = Budget(machine.seconds or DEFAULT_SECONDS, machine.cores, machine.limited)
        fitted = Fitted(machine.memory_gb or topology.REFERENCE_GB, time)
    given = {name: value for name, value in asked.items() if name not in ("model", "size")}
    size = asked.get("size")
    make = partial(
        planned,
        case_fingerprint(train),
        train.classes,
        model=str(asked.get("model", "auto")),
        size=None if size is None else tuple(size),
        given=given,
    )
    if pace is None or fitted.time is None:
        return make(fitted)
    return network_pace.corrected(make, fitted, pace)


def planned(
    seen: CaseFingerprint,
    classes: tuple[str, ...],
    machine: Fitted,
    *,
    model: str = "auto",
    size: tuple[int, ...] | None = None,
    given: dict[str, Any],
) -> SegmentationPlan:
    """The plan that follows from a fingerprint and a machine; arguments as `planned_of`'s.

    Raises:
        ConfigError: as of `planned_of`.
    """
    given = dict(given)
    choices = _asked_for(seen, classes, model)
    slices = _slice_wise(seen, choices["model"][0], size, given)
    target, why = _spacing(seen, slices[0], given)
    shape = median_shape(seen.shapes, seen.spacings_mm, target)
    first = int(slices[0])
    grid = CaseGrid(
        spacing_mm=None if target is None else target[first:],
        shape=shape[first:],
        dataset_voxels=seen.examples * math.prod(shape),
        channels=seen.channels,
        classes=len(classes),
    )
    asked = Wanted(size, given.get("batch_size"), _low(seen, slices[0], machine, given))
    found = fit(grid, machine, asked)
    if found.is_low and found.spacing_mm is not None:
        target = found.spacing_mm
        why = f"{found.why_low}; {' x '.join(f'{step:g}' for step in grid.steps)} mm in full"
    choices["slice_wise"], choices["spacing_mm"] = slices, (target, why)
    choices |= found.choices() | _normalisation(seen)
    mirrored, why = mirror_axes(len(grid.shape), classes, seen.axes == 3, machine.time is not None)
    choices["mirror_axes"] = mirrored, why
    choices["augmentation"] = augmentation(
        found.chosen.shape.patch_size, found.spacing_mm, mirrored
    )
    choices |= patch_schedule.training(found.chosen, machine.time)
    if choices["model"][0] in FLAT_NETWORKS:
        choices["deep_supervision"] = False, "the network has one output"
    choices |= {name: (value, BY_USER) for name, value in given.items()}
    return chosen(SegmentationPlan, choices)


def _asked_for(seen: CaseFingerprint, classes: tuple[str, ...], model: str) -> Choices:
    network = (model, BY_USER)
    if model == "auto":
        network = ("unet", "a plain U-Net that fits its data is hard to beat (nnU-Net)")
    coloured = seen.channels == COLOUR
    return {
        "task": ("segmentation", "the data has masks"),
        "model": network,
        "weights": ("none", "from scratch: patches show enough examples"),
        "classes": (classes, "as the masks name them, the background first"),
        "channels": (
            seen.channels,
            "the images are stored in colour" if coloured else "the images are grey",
        ),
        "loss": ("dice_cross_entropy", "overlap and probabilities count alike, small classes too"),
        "watch": ("dice", "what chooses the best epoch: the foreground's mean on validation"),
    }


def _slice_wise(
    seen: CaseFingerprint, model: str, size: tuple[int, ...] | None, given: dict[str, Any]
) -> tuple[bool, str]:
    if size is not None and not 2 <= len(size) <= seen.axes:
        axes = " x ".join(map(str, median_shape(seen.shapes, None, None)))
        raise ConfigError(
            f"--size has {len(size)} numbers, the images have {seen.axes} axes: their median size "
            f"is {axes}"
        )
    if seen.axes == 2:
        return False, "images, not volumes"
    if size is not None:
        if len(size) == 3 and model in FLAT_NETWORKS:
            raise ConfigError(f"{model} is a network for images: give --size two numbers, or none")
        return len(size) == 2, BY_USER
    if "slice_wise" in given:
        return bool(given["slice_wise"]), BY_USER
    if model in FLAT_NETWORKS:
        return True, f"{model} is a network for images"
    slices = median_shape(seen.shapes, None, None)[0]
    if slices < FEW_SLICES:
        return True, f"{slices} slices at the median are too few to halve even once"
    return False, f"volumes of {slices} slices at the median: a 3D network sees across slices"


def _spacing(
    seen: CaseFingerprint, slice_wise: bool, given: dict[str, Any]
) -> tuple[tuple[float, ...] | None, str]:
    """Along each axis of the images; 0 for slices that are not resampled."""
    if "spacing_mm" in given:
        asked = tuple(given["spacing_mm"])
        if len(asked) != seen.axes:
            raise ConfigError(f"spacing_mm has {len(asked)} numbers, the images {seen.axes} axes")
        return asked, BY_USER
    if seen.spacings_mm is None:
        count = seen.without_spacing
        many = "no image states" if count == seen.examples else f"{count} images do not state"
        return None, f"{many} the size of a pixel: all are taken as they are"
    target = target_spacing(seen.spacings_mm, seen.shapes)
    if slice_wise:
        return (0.0, *target[1:]), "the median in the plane; slices are never blended"
    medians = np.median(seen.spacings_mm, axis=0)
    if any(step < middle - 1e-5 for step, middle in zip(target, medians, strict=True)):
        return target, (
            f"the median of {seen.examples} cases, but along the coarsest axis the tenth "
            f"percentile, so that thin slices are not blurred to {max(medians):g} mm"
        )
    return target, f"the median of {seen.examples} cases"


def _low(seen: CaseFingerprint, slice_wise: bool, machine: Fitted, given: dict[str, Any]) -> bool:
    """Whether a coarser image is looked for: on a CPU, where large volumes take too long."""
    wanted = bool(given.pop("low_resolution", machine.time is not None))
    known = seen.spacings_mm is not None and "spacing_mm" not in given
    return wanted and known and seen.axes == 3 and not slice_wise


def _normalisation(seen: CaseFingerprint) -> Choices:
    """CT by the foreground's values, 8 bits and colour by their range, all else by each image."""
    if seen.units == CT_UNITS or seen.modality == "CT":
        low, high = _digits(seen.low), _digits(seen.high)
        if not low < high:
            low, high = low - 1.0, high + 1.0
        about = f"of {seen.examples} cases' foreground"
        return {
            "normalisation": ("ct", "CT: the same unit in all images, so one rule for all"),
            "window": ((low, high), f"the 0.5 and 99.5 percentile {about}"),
            "mean": (_digits(seen.mean), about),
            "std": (_digits(seen.std) or 1.0, about),
            "nonzero": (False, "CT: 0 is water, not outside"),
        }
    unused = "not used"
    if seen.bits <= EIGHT_BITS or (seen.channels == COLOUR and seen.bits <= 2 * EIGHT_BITS):
        high = 2.0 ** max(seen.bits, EIGHT_BITS) - 1
        kind = "colour" if seen.channels == COLOUR else "8-bit"
        return {
            "normalisation": ("unit", f"{kind} images: their values mean the same in all"),
            "window": ((0.0, high), "their whole range, brought to 0..1"),
            "mean": (0.0, unused),
            "std": (1.0, unused),
            "nonzero": (False, unused),
        }
    cut = seen.relative_size < CROPPED
    share = f"{seen.relative_size:.0%} of the median image is in the box of what is not 0"
    return {
        "normalisation": ("zscore", "no common unit: each image by its own mean and spread"),
        "window": (None, unused),
        "mean": (0.0, unused),
        "std": (1.0, unused),
        "nonzero": (cut, f"{share}: {'zeros are left out' if cut else 'zeros count'}"),
    }


def _digits(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
