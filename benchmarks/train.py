"""Images a second of tfmed's training loop against `keras.Model.fit`, in one run.

Both sides train the same network (same first weights) from the same tf.data pipeline, with the
same batch, loss and AdamW with weight decay; no augmentation, metrics or callbacks. Rounds
alternate between the sides, so that a slow moment of the machine falls on all of them, and the
median of the rounds' ratios is printed. `fit` runs as a user gets it (`jit_compile="auto"`,
which is XLA also on a CPU) and tuned (no XLA, many steps an execution).

    python benchmarks/train.py [--rounds 5] [--seconds 3] [--average 0.0]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from tfmed import models
from tfmed.training import Settings, strategy
from tfmed.training.program import Program

IMAGES, SIDE, CLASSES = 4096, 28, 2
PRECISIONS = ("float32", "mixed_bfloat16")
NETWORKS = {"convnet": 128, "resnet_small": 64}
RATE, DECAY = 1e-3, 1e-2
EXECUTION = 16
# What `fit` is compiled with: steps an execution, XLA.
FITS: dict[str, tuple[int, bool | str]] = {
    "keras fit, as it comes": (1, "auto"),
    "keras fit, no XLA": (1, False),
    "keras fit, no XLA, 16 steps an execution": (EXECUTION, False),
}

Train = Callable[[int], None]


def pipeline(batch_size: int) -> tf.data.Dataset:
    """An endless, shuffled, prefetched stream of (images, one-hot targets) from memory."""
    random = np.random.default_rng(0)
    images = tf.constant(random.normal(size=(IMAGES, SIDE, SIDE, 1)).astype(np.float32))
    targets = tf.one_hot(random.integers(0, CLASSES, IMAGES), CLASSES)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        index = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        seed = tf.stack([tf.zeros_like(step), index[0] // IMAGES])
        rows = tf.random.experimental.index_shuffle(index % IMAGES, seed, IMAGES - 1)
        return tf.gather(images, rows), tf.gather(targets, rows)

    steps = tf.data.Dataset.counter(dtype=tf.int64)
    return steps.map(batch, num_parallel_calls=1).prefetch(4)


def loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of each example."""
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def with_fit(
    network: str, batch_size: int, precision: str, steps_per_execution: int, jit: bool | str
) -> Train:
    """Keras' own loop; gives a function that trains so many steps."""
    keras.config.set_dtype_policy(precision)
    model = models.build(network, (SIDE, SIDE, 1), CLASSES)
    keras.config.set_dtype_policy("float32")
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=DECAY)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        steps_per_execution=steps_per_execution,
        jit_compile=jit,
    )
    data = pipeline(batch_size)

    def train(steps: int) -> None:
        model.fit(data, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)

    return train


def with_tfmed(network: str, batch_size: int, precision: str, average: float) -> Train:
    """Our own loop; gives a function that trains so many steps."""
    settings = Settings(
        batch_size=batch_size,
        learning_rate=RATE,
        weight_decay=DECAY,
        ema_decay=average,
        precision=precision,
    )

    def build() -> keras.Model:
        return models.build(network, (SIDE, SIDE, 1), CLASSES)

    program = Program(build, loss, settings, strategy.choose("one"))
    program.horizon.assign(1_000_000)
    # One iterator for all calls, as in `training.fit`; Keras' fit begins one an epoch.
    iterator = program.iterator(pipeline(batch_size))

    def train(steps: int) -> None:
        program.run(iterator, steps)

    return train


def compare(network: str, precision: str, rounds: int, seconds: float, average: float) -> None:
    """Measure all sides on one network and print images/s and ratios."""
    batch_size = NETWORKS[network]
    sides = {"tfmed": with_tfmed(network, batch_size, precision, average)}
    for name, (execution, jit) in FITS.items():
        sides[name] = with_fit(network, batch_size, precision, execution, jit)
    for train in sides.values():
        train(EXECUTION)
    started = time.perf_counter()
    sides["tfmed"](EXECUTION)
    calls = round(seconds / (time.perf_counter() - started))
    steps = EXECUTION * max(1, calls)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        # Turning the order round keeps any side from always being first.
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            started = time.perf_counter()
            sides[name](steps)
            rates[name].append(steps * batch_size / (time.perf_counter() - started))
    print(f"{network}, {precision}, batch {batch_size}, {steps} steps a round, {rounds} rounds")
    for name, values in rates.items():
        ratio = np.median(np.array(rates["tfmed"]) / np.array(values))
        print(f"  {name:40s} {np.median(values):9,.0f} images/s   tfmed is {ratio:.2f} times that")


def main() -> None:
    """Compare on each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one side's round")
    parser.add_argument("--average", type=float, default=0.0, help="tfmed's moving average")
    parser.add_argument("--network", choices=sorted(NETWORKS), default=None)
    parser.add_argument("--precision", choices=PRECISIONS, default=None)
    arguments = parser.parse_args()
    for network in [arguments.network] if arguments.network else NETWORKS:
        for precision in [arguments.precision] if arguments.precision else PRECISIONS:
            compare(network, precision, arguments.rounds, arguments.seconds, arguments.average)


if __name__ == "__main__":
    main()
