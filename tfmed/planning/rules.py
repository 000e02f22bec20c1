"""The rules by which a classifier is planned: each choice with its reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfmed import models
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.planning.fingerprint import Fingerprint, fingerprint
from tfmed.planning.plan import BY_USER, Plan
from tfmed.planning.written import made
from tfmed.tasks import Classification

SMALL_IMAGE = 64
# Class weights nearer to each other than this are left out.
EVEN = 1.2
LONG_SIDE_CPU = 128
LONG_SIDE_GPU = 224
VOLUME_SIDE = 64
# Frames and side as in 3D ResNets for video (Tran et al., CVPR 2018), half of each without a GPU.
CLIP_FRAMES_CPU, CLIP_SIDE_CPU = 8, 56
CLIP_FRAMES_GPU, CLIP_SIDE_GPU = 16, 112
COLOUR = 3
BY_TASK = "the task asks for it"


def plan(
    train: Dataset,
    task: Classification,
    *,
    model: str = "auto",
    weights: str = "none",
    size: tuple[int, ...] | None = None,
    accelerated: bool = False,
    **fixed: Any,
) -> Plan:
    """Plan a classifier from the training part.

    Args:
        train: the audited training part.
        task: what is asked; a loss or smoothing that it names is kept.
        model: a row of `tfmed.models.MODELS`, or `auto`.
        weights: `none`, `imagenet` or a file.
        size: the user's size, or None.
        accelerated: whether a GPU is there.
        **fixed: further fields of `Plan` that the user has set (`epochs`, `batch_size`,
            `precision`, ...); None leaves the choice to the planner.

    Raises:
        ConfigError: a field that `Plan` does not have or take, or a size of the wrong rank.
        DataError: the part is empty.
    """
    seen = fingerprint(train)
    choices: dict[str, tuple[Any, str]] = {}
    choices["size"] = _size(seen, size, accelerated)
    choices["sampled"] = _sampled(seen)
    choices["channels"] = (
        seen.channels,
        "colour images are there" if seen.channels == COLOUR else "all images are grey",
    )
    choices["model"] = _model(choices["size"][0], model, weights)
    choices["weights"] = (weights, _weights_reason(weights))
    choices |= _normalisation(seen, weights)
    choices |= _augmentation(seen)
    choices |= _loss(task, class_weights(task, train))
    choices |= _training(seen, weights)
    for name, value in fixed.items():
        if value is not None:
            choices[name] = (value, BY_USER)
    values = {name: value for name, (value, _) in choices.items()}
    values["reasons"] = {name: reason for name, (_, reason) in choices.items()}
    return made(Plan, values)


def class_weights(task: Classification, train: Dataset) -> tuple[float, ...]:
    """Weights by which rare classes count more, rounded as a plan holds them.

    Empty where the classes are about equally frequent.
    """
    weights = tuple(round(float(one), 4) for one in task.class_weights(task.targets(train)))
    return weights if max(weights) >= EVEN * min(weights) else ()


def _size(
    seen: Fingerprint, asked: tuple[int, ...] | None, accelerated: bool
) -> tuple[tuple[int, ...], str]:
    if asked is not None:
        if len(asked) != len(seen.size):
            raise ConfigError(
                f"--size has {len(asked)} numbers, the images have {len(seen.size)} axes: "
                f"their median size is {' x '.join(map(str, seen.size))}"
            )
        return asked, BY_USER
    if seen.clip:
        return _clip_size(seen.size, accelerated)
    volume = len(seen.size) > 2
    limit = VOLUME_SIDE if volume else (LONG_SIDE_GPU if accelerated else LONG_SIDE_CPU)
    longest = max(seen.size)
    text = " x ".join(map(str, seen.size))
    if longest <= limit:
        return seen.size, f"the median size {text}"
    shrunk = tuple(max(1, round(side * limit / longest)) for side in seen.size)
    device = "a GPU" if accelerated else "a CPU"
    return shrunk, f"the median size {text}, its longest side brought to {limit} for {device}"


def _clip_size(median: tuple[int, ...], accelerated: bool) -> tuple[tuple[int, ...], str]:
    """Frames and plane are brought down apart: time is no length."""
    frames, limit = CLIP_FRAMES_CPU, CLIP_SIDE_CPU
    if accelerated:
        frames, limit = CLIP_FRAMES_GPU, CLIP_SIDE_GPU
    share = min(1.0, limit / max(median[1:]))
    plane = tuple(max(1, round(side * share)) for side in median[1:])
    text = " x ".join(map(str, median))
    device = "a GPU" if accelerated else "a CPU"
    why = f"clips of {text} at the median: at most {frames} frames, sides to {limit}, for {device}"
    return (min(frames, median[0]), *plane), why


def _sampled(seen: Fingerprint) -> tuple[bool, str]:
    if seen.clip:
        return True, "clips: frames evenly spaced in time, which blending would blur"
    return False, "images" if len(seen.size) == 2 else "volumes: slices are resampled as the plane"


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


def _normalisation(seen: Fingerprint, weights: str) -> dict[str, tuple[Any, str]]:
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


def _augmentation(seen: Fingerprint) -> dict[str, tuple[Any, str]]:
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


def _loss(task: Classification, weights: tuple[float, ...]) -> dict[str, tuple[Any, str]]:
    loss: tuple[Any, str] = ("cross_entropy", "a proper score: its probabilities can be calibrated")
    smoothing: tuple[Any, str] = (0.05, "labels of images are never all right")
    if task.loss_name != loss[0]:
        loss = (task.loss_name, BY_TASK)
    if task.label_smoothing:
        smoothing = (task.label_smoothing, BY_TASK)
    why = "the classes are about equally frequent"
    if weights:
        spread = max(weights) / max(min(weights), 1e-6)
        why = f"rare classes count up to {spread:.1f} times as much, by frequency"
    return {
        "loss": loss,
        "label_smoothing": smoothing,
        "class_weights": (weights, why),
        "dropout": (0.2, "before the head, against overfitting"),
        "norm": ("batch", "batches are large enough for its statistics"),
    }


def _training(seen: Fingerprint, weights: str) -> dict[str, tuple[Any, str]]:
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
        "watch": ("auroc", "what chooses the best epoch, on validation"),
        "optimizer": ("adamw", "needs least tuning"),
        "learning_rate": (rate, "fine-tuning is gentle" if weights != "none" else "from scratch"),
        "weight_decay": (0.02, "AdamW's usual size"),
        "ema_decay": (0.998, "a moving average of the weights is what is validated and kept"),
        "precision": ("auto", "bfloat16 or float16 where the device gains by it, else float32"),
    }
