"""The rules by which a network for whole examples is planned: each choice with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfmed import models
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.planning import BY_USER, Choices, Machine, chosen
from tfmed.tasks.recognition import time_fit
from tfmed.tasks.recognition.fingerprint import Fingerprint, fingerprint
from tfmed.tasks.recognition.plan import RecognitionPlan
from tfmed.tasks.recognition.time_fit import Pace

SMALL_IMAGE = 64
COLOUR = 3


def planned(
    train: Dataset,
    machine: Machine,
    asked: Mapping[str, Any],
    own: Choices,
    task: str,
    pace: Pace | None = None,
) -> RecognitionPlan:
    """The plan of a training part.

    Args:
        train: the audited training part.
        machine: on which it is to be trained.
        asked: settings that the user has set.
        own: what the answer that is wanted chooses: loss, class weights, watched value.
        task: its name.
        pace: the seconds that a step of a plan takes here; None where that is not to be known.

    Raises:
        ConfigError: a setting that the plan does not have or take, or a size of the wrong rank.
        DataError: the part is empty.
    """
    seen = fingerprint(train)
    weights = str(asked.get("weights", "none"))
    choices: Choices = {"task": (task, "what is asked")}
    choices["size"] = _size(seen, asked.get("size"), machine.accelerated)
    choices["sampled"] = (seen.input.sampled, seen.input.why_sampled)
    choices["channels"] = (
        seen.channels,
        "colour images are there" if seen.channels == COLOUR else "all images are grey",
    )
    choices["model"] = _model(choices["size"][0], str(asked.get("model", "auto")), weights)
    choices["weights"] = (weights, _weights_reason(weights))
    choices |= _normalisation(seen, weights)
    choices |= _augmentation(seen)
    choices |= _network()
    choices |= _training(seen, weights)
    choices |= own
    made_here = ("model", "weights", "size")
    choices |= {name: (value, BY_USER) for name, value in asked.items() if name not in made_here}
    if pace is not None:
        choices = time_fit.fitted(choices, set(asked), seen.examples, machine, pace)
    return chosen(RecognitionPlan, choices)


def _size(
    seen: Fingerprint, asked: tuple[int, ...] | None, accelerated: bool
) -> tuple[tuple[int, ...], str]:
    if asked is None:
        return seen.input.size(seen.size, accelerated)
    if len(asked) != len(seen.size):
        raise ConfigError(
            f"--size has {len(asked)} numbers, the images have {len(seen.size)} axes: "
            f"their median size is {' x '.join(map(str, seen.size))}"
        )
    return tuple(asked), BY_USER


def _model(size: tuple[int, ...], asked: str, weights: str) -> tuple[str, str]:
    if asked != "auto":
        return asked, BY_USER
    if weights == "imagenet":
        return "efficientnet_v2_b0", "small and strong where ImageNet weights are to be had"
    if max(size) < SMALL_IMAGE:
        return "resnet_small", "images under 64 pixels: a 3x3 stem keeps their detail"
    return "resnet_small", "trained from scratch, a small residual network needs least data"


def _weights_reason(weights: str) -> str:
    if weights == "none":
        return "from scratch; --weights imagenet helps where colour or few images are at hand"
    return BY_USER


def _normalisation(seen: Fingerprint, weights: str) -> Choices:
    if seen.units:
        window: tuple[float, float] | None = _rounded(seen.low, seen.high)
        why = f"{seen.units}: the training images' median 0.5 and 99.5 percentiles"
    elif seen.bits <= 8:
        window, why = (0.0, 255.0), "8-bit images: their whole range"
    else:
        window, why = None, "no physical units: each image's own 0.5 and 99.5 percentiles"
    if models.adapts_input(weights):
        reason = "the network itself holds what its ImageNet weights expect"
        mean, std = 0.0, 1.0
    elif window is None:
        mean, std, reason = 0.5, 0.25, "centred, as percentiles fill 0..1"
    else:
        low, high = window
        width = high - low
        mean = round(float(np.clip((seen.mean - low) / width, 0.05, 0.95)), 4)
        std = round(float(np.clip(seen.std / width, 0.05, 0.5)), 4)
        reason = "of the training pixels, after the window"
    return {
        "window": (window, why),
        "mean": (mean, reason),
        "std": (std, reason),
    }


def _rounded(low: float, high: float) -> tuple[float, float]:
    """A window to about a hundredth of its width: whole HU, but not whole SUV."""
    width = high - low
    if not width > 0:
        return low, low + 1.0
    digits = max(0, 2 - math.floor(math.log10(width)))
    return round(low, digits), round(high, digits)


def _augmentation(seen: Fingerprint) -> Choices:
    if seen.channels == COLOUR:
        move = {"degrees": 180.0, "horizontal_flip": True, "vertical_flip": True}
        why = "colour: microscopy, skin and fundus have no up or side"
    else:
        move = {"degrees": 10.0}
        why = "grey: patients lie or stand alike, and a mirrored body is another body"
    steps: list[dict[str, Any]] = [
        {
            "name": "projective",
            "probability": 0.9,
            "scale": 0.1,
            "shift": 0.08,
            "shear": 5.0,
            **move,
        },
        {"name": "brightness", "probability": 0.3, "amount": 0.2},
        {"name": "contrast", "probability": 0.3, "amount": 0.3},
        {"name": "gamma", "probability": 0.3, "amount": 0.3},
        {"name": "noise", "probability": 0.15, "amount": 0.05},
    ]
    return {
        "augmentation": (tuple(steps), why),
        "mixup": (0.2, "blends pairs of training images: better calibrated, less overfitting"),
    }


def _network() -> Choices:
    return {
        "dropout": (0.2, "before the head, against overfitting"),
        "norm": ("batch", "batches are large enough for its statistics"),
    }


def _training(seen: Fingerprint, weights: str) -> Choices:
    batch = int(np.clip(2 ** int(np.log2(max(seen.examples / 16, 1))), 8, 64))
    epochs = int(np.clip(round(150_000 / seen.examples), 20, 60))
    rate = 3e-4 if weights != "none" else 2e-3
    return {
        "batch_size": (
            batch,
            f"about 16 steps an epoch of {seen.examples:,} examples, between 8 and 64",
        ),
        "epochs": (epochs, "about 150,000 images in all, between 20 and 60 rounds"),
        "patience": (
            epochs // 2,
            "half the epochs: only as the rate falls do weights settle",
        ),
        "optimizer": ("adamw", "needs least tuning"),
        "learning_rate": (rate, "fine-tuning is gentle" if weights != "none" else "from scratch"),
        "weight_decay": (0.02, "AdamW's usual size"),
        "ema_decay": (0.998, "a moving average of the weights is what is validated and kept"),
        "precision": ("auto", "bfloat16 or float16 where the device gains by it, else float32"),
    }
