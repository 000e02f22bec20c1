"""A small problem that learns in a second: which squares are brighter."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfmed import training
from tfmed.task import MODEL

EXAMPLES, SIDE, BATCH = 96, 8, 16


def data() -> tuple[np.ndarray, np.ndarray]:
    """Images float32 [96, 8, 8, 1] and one-hot targets [96, 2]; class 1 is brighter by 1."""
    random = np.random.default_rng(0)
    truth = random.permutation(np.arange(EXAMPLES) % 2)
    images = random.normal(size=(EXAMPLES, SIDE, SIDE, 1)) + truth[:, None, None, None]
    return images.astype(np.float32), np.eye(2, dtype=np.float32)[truth]


IMAGES, TARGETS = data()


def network() -> keras.Model:
    """Convolution, batch normalisation, dropout: every kind of state."""
    image = keras.Input((SIDE, SIDE, 1))
    tensor = layers.Conv2D(4, 3, use_bias=False)(image)
    tensor = layers.ReLU()(layers.BatchNormalization(momentum=0.9, synchronized=True)(tensor))
    tensor = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(tensor))
    return keras.Model(image, layers.Dense(2, dtype="float32", name="logits")(tensor))


def batches(start: int, steps: int) -> tf.data.Dataset:
    """Batches as a pure function of the step."""

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        rows = (step * BATCH + tf.range(BATCH, dtype=tf.int64)) * 7 % EXAMPLES
        return tf.gather(IMAGES, rows), tf.gather(TARGETS, rows), tf.ones([BATCH])

    return tf.data.Dataset.range(start, start + steps).map(batch)


def cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Of each example."""
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def validate(model: keras.Model) -> dict[str, float]:
    """Accuracy and loss over all examples."""
    logits = training.logits(model, tf.data.Dataset.from_tensor_slices(IMAGES).batch(32), EXAMPLES)
    right = float(np.mean(logits.argmax(1) == TARGETS.argmax(1)))
    return {"accuracy": right, "loss": float(np.mean(cross_entropy(TARGETS, logits)))}


def fit(folder: Path, **changes: object) -> keras.Model:
    """Train the small network; `changes` go to `fit` by its names, else to the settings."""
    watched = changes.pop("validate", validate)
    given = {
        name: changes.pop(name)
        for name in ("batches", "rows_of_step", "strategy", "networks", "step")
        if name in changes
    }
    plain = {"epochs": 4, "batch_size": BATCH, "learning_rate": 0.03, "watch": "accuracy"}
    settings = training.Settings(**{**plain, **changes})  # type: ignore[arg-type]
    arguments = {
        "networks": network,
        "step": training.supervised(cross_entropy),
        "batches": batches,
        "examples": EXAMPLES,
        "validate": lambda networks: watched(networks[MODEL]),  # type: ignore[operator]
        "settings": settings,
        "strategy": training.strategy.choose("one"),
        "folder": folder,
        **given,
    }
    return training.optimise(**arguments)[MODEL]  # type: ignore[arg-type]
