"""A small problem of masks: bright discs on noise, as PNG, and a plan for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image as Pillow

from tfmed import data, models
from tfmed.data import audit, masks
from tfmed.data.dataset import Dataset
from tfmed.tasks.segmentation.plan import SegmentationPlan

SIDE, EXAMPLES = 24, 24
CLASSES = ("background", "disc")


def write(folder: Path, examples: int = EXAMPLES, *, value: int = 255, first: int = 0) -> Path:
    """`images/` and `masks/` of discs, numbered from `first`."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(first, first + examples):
        random = np.random.default_rng([7, number])
        row, column = np.ogrid[:SIDE, :SIDE]
        centre, radius = random.uniform(7, SIDE - 8, 2), random.uniform(4, 7)
        disc = (row - centre[0]) ** 2 + (column - centre[1]) ** 2 < radius**2
        image = np.clip(random.normal(80, 15, (SIDE, SIDE)) + 70 * disc, 0, 255)
        Pillow.fromarray(image.astype(np.uint8)).save(folder / "images" / f"{number:02}.png")
        Pillow.fromarray((value * disc).astype(np.uint8)).save(
            folder / "masks" / f"{number:02}.png"
        )
    return folder


def parts(folder: Path) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test part, masks audited."""
    whole = masks.audit(audit.audit(data.open(write(folder), masks=True, classes=("disc=255",))))
    return whole.split()


def planned(**changes: Any) -> SegmentationPlan:
    """A plan of a network of seconds."""
    values: dict[str, Any] = {
        "model": "unet",
        "classes": CLASSES,
        "patch_size": (16, 16),
        "spacing_mm": None,
        "channels": 1,
        "features": (6, 12),
        "strides": ((1, 1), (2, 2)),
        "kernels": ((3, 3), (3, 3)),
        "deep_supervision": False,
        "normalisation": "zscore",
        "window": None,
        "mean": 0.0,
        "std": 1.0,
        "nonzero": False,
        "batch_size": 4,
        "epochs": 3,
        "steps_per_epoch": 20,
        "patience": 0,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 1e-4,
        "ema_decay": 0.9,
        "precision": "float32",
        "augmentation": ({"name": "mirror", "axes": [0, 1]},),
        "mirror_axes": (0, 1),
    }
    return SegmentationPlan(**{**values, **changes})


def network(plan: SegmentationPlan) -> keras.Model:
    """The untrained network of a plan."""
    return models.build_segmenter(
        plan.model,
        plan.channels,
        len(plan.classes),
        features=plan.features,
        strides=plan.strides,
        kernels=plan.kernels,
        deep_supervision=plan.deep_supervision,
    )
