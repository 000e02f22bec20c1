"""A real run on a tiny data set: bright and dark images, one dense layer, seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfmed import data, planning, training
from tfmed.data.dataset import Dataset
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.tasks import Classification

COUNTS = {"train": 24, "val": 12, "test": 12}
SIDE = 8


def parts(folder: Path) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test part of an archive; class 1 is brighter, with overlap."""
    random = np.random.default_rng(3)
    arrays = {}
    for part, count in COUNTS.items():
        truth = np.arange(count) % 2
        images = random.normal(110 + 30 * truth[:, None, None], 30, (count, SIDE, SIDE))
        images += random.normal(0, 20, (count, 1, 1))
        arrays[f"{part}_images"] = np.clip(images, 0, 255).astype(np.uint8)
        arrays[f"{part}_labels"] = truth[:, None].astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "tiny.npz", **arrays)
    return data.split(data.open(folder / "tiny.npz"))


def network(classes: int = 2) -> keras.Model:
    """The mean of the image and one dense layer: normalised image to logits."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(image))
    return keras.Model(image, keras.layers.Dense(classes, name="logits")(pooled))


def planned(train: Dataset, **settings: Any) -> Plan:
    """The planner's plan, short."""
    fixed = {"epochs": 3, "batch_size": 8, "precision": "float32", "learning_rate": 0.03}
    return planning.plan(train, Classification(train.classes), **{**fixed, **settings})


def fitted(folder: Path, given: tuple[Dataset, ...], **settings: Any) -> Run:
    """A run trained on the first two of the parts."""
    train, valid = given[:2]
    task = Classification(train.classes)
    plan = planned(train, **settings)
    return training.fit(network, task, train, valid, plan=plan, folder=folder)
