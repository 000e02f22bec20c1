"""How long and how a segmenter is trained, each setting with its reason."""

from __future__ import annotations

import math
from typing import Any

from tfmed.tasks.segmentation.budget import Budget, Candidate
from tfmed.tasks.segmentation.topology import FIRST_FEATURES

# With a GPU: a fifth of nnU-Net's 1,000, as AdamW with a cosine needs fewer than SGD.
EPOCHS, STEPS_PER_EPOCH = 200, 250
PATIENCE = 50
# With a CPU: as many validations in whatever time there is.
EPOCHS_OF_A_TIME = 20
# Where the clock ends training, and the machine may be faster than estimated.
SPARE = 2
AVERAGED_SHARE = 0.05
MOST_EMA_DECAY = 0.999


def training(chosen: Candidate, time: Budget | None) -> dict[str, tuple[Any, str]]:
    """Epochs, optimizer and rates."""
    narrow = chosen.first_features < FIRST_FEATURES
    steps, length = _length(chosen, time)
    averaged = max(round(AVERAGED_SHARE * steps), 10)
    return {
        **length,
        "optimizer": ("adamw", "in few steps it gets further than SGD, and needs least tuning"),
        "learning_rate": (
            2e-3 if narrow else 1e-3,
            f"AdamW's peak for a {'narrow' if narrow else 'wide'} network with instance norm; "
            "it falls to 0 by the end",
        ),
        "weight_decay": (0.02, "AdamW's usual size"),
        "ema_decay": (
            min(round(1 - 1 / averaged, 4), MOST_EMA_DECAY),
            f"weights averaged over about the last {averaged:,} of {steps:,} steps are kept",
        ),
        "precision": ("auto", "bfloat16 or float16 where the device gains by it, else float32"),
        "foreground_share": (
            round(1 / 3, 4),
            "a third of a batch is centred on foreground, a class drawn first, so that rare ones "
            "are seen",
        ),
    }


def _length(chosen: Candidate, time: Budget | None) -> tuple[int, dict[str, tuple[Any, str]]]:
    """Steps in all, and the settings that make them."""
    if time is None:
        return EPOCHS * STEPS_PER_EPOCH, {
            "epochs": (EPOCHS, "a fifth of nnU-Net's 1,000: AdamW needs fewer steps than SGD"),
            "steps_per_epoch": (STEPS_PER_EPOCH, "nnU-Net's"),
            "patience": (PATIENCE, "epochs without a better one until training stops"),
        }
    steps = chosen.steps(time)
    each = math.ceil(steps / EPOCHS_OF_A_TIME)
    epochs = math.ceil(steps / each)
    minutes = f"{time.seconds / 60:.3g} minutes"
    told = f"about {steps:,} steps of {chosen.step_seconds:.2g} s fit {minutes}"
    if time.limited:
        epochs *= SPARE
        told += "; the clock ends training, so twice as many are planned"
    return steps, {
        "epochs": (epochs, told),
        "steps_per_epoch": (each, f"about {EPOCHS_OF_A_TIME} validations in {minutes}"),
        "patience": (0, "no early end: the weights settle as the rate falls to 0"),
    }
