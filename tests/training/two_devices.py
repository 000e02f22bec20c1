"""Run by test_strategy.py in a process of its own: one device against two logical ones."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import pandas as pd
import tensorflow as tf
from training import toy

from tfmed.errors import ConfigError
from tfmed.task import MODEL
from tfmed.training import Settings, strategy, supervised
from tfmed.training.program import Program

STEPS = 6


def losses(devices: tf.distribute.Strategy, **changes: object) -> list[float]:
    """The losses of the first steps, as one compiled call gives them."""
    settings = Settings(batch_size=toy.BATCH, learning_rate=0.01, **changes)  # type: ignore[arg-type]
    keras.utils.set_random_seed(1)
    program = Program(network, supervised(toy.cross_entropy), settings, devices)
    program.horizon.assign(STEPS)
    values = program.run(program.iterator(toy.batches(0, STEPS)), STEPS)
    if settings.ema_decay:
        with program.averaged():
            values = [
                *values,
                *(float(abs(item).sum()) for item in program.networks[MODEL].get_weights()),
            ]
    return [float(value) for value in values]


def network() -> keras.Model:
    """The small network without dropout, whose draws differ between devices."""
    image = keras.Input((toy.SIDE, toy.SIDE, 1))
    tensor = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    tensor = keras.layers.BatchNormalization(momentum=0.9, synchronized=True)(tensor)
    tensor = keras.layers.ReLU()(tensor)
    shortcut = tensor
    tensor = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(tensor)
    tensor = keras.layers.BatchNormalization(momentum=0.9, synchronized=True)(tensor)
    tensor = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([tensor, shortcut]))
    return keras.Model(image, keras.layers.Dense(2, dtype="float32")(tensor))


def whole_fit(devices: tf.distribute.Strategy) -> list[float]:
    """The validation losses of a whole training, dropout and all, and the returned model's."""
    with tempfile.TemporaryDirectory() as folder:
        model = toy.fit(Path(folder), strategy=devices, networks=network, ema_decay=0.9)
        table = pd.read_csv(Path(folder) / "history.csv")
    return [*table["loss"], *table["val_loss"], toy.validate(model)["loss"]]


def main() -> None:
    """Print a JSON object of pairs: one device's numbers and two devices'."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one, two = strategy.choose("one"), strategy.choose("mirrored")
    assert two.num_replicas_in_sync == 2
    kinds = {
        "averaged adamw": {"ema_decay": 0.9},
        "sgd": {"optimizer": "sgd"},
        "float16": {"precision": "mixed_float16"},
    }
    found: dict[str, object] = {
        name: [losses(devices, **changes) for devices in (one, two)]
        for name, changes in kinds.items()
    }
    found["whole fit"] = [whole_fit(one), whole_fit(two)]
    try:
        toy.fit(Path(tempfile.gettempdir()), strategy=two, batch_size=15)
    except ConfigError as error:
        found["uneven"] = [str(error)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
