"""Voxels a second of training a U-Net: tfmed's loop against the same network in PyTorch.

Both sides train the same layers (deep supervision, Dice with cross-entropy, SGD with Nesterov
momentum) on the same batch in memory, with as many threads as there are cores; no augmentation.
PyTorch runs eager, in its own memory layout and with channels last, and the ratio is to the faster
of the two. Rounds alternate between the sides, so that a slow moment of the machine falls on all of
them, and the median of the rounds' ratios is printed.

    python benchmarks/segment.py [--network volume] [--precision float32] [--rounds 5]
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
from segment_sides import with_torch

from tfmed import models
from tfmed.losses import dice_cross_entropy, supervised
from tfmed.training import Settings, strategy
from tfmed.training.program import Program

CLASSES = 3
PRECISIONS = ("float32", "mixed_bfloat16")
# Patch, batch and widths; every stage but the first halves every axis.
NETWORKS: dict[str, tuple[tuple[int, ...], int, tuple[int, ...]]] = {
    "volume": ((40, 56, 40), 2, (16, 32, 64, 128)),
    "wide volume": ((40, 56, 40), 2, (32, 64, 128, 256)),
    "image": ((256, 256), 4, (16, 32, 64, 128, 256)),
}

Train = Callable[[int], None]


def stages(rank: int, features: tuple[int, ...]) -> dict[str, tuple]:
    """Rows of features, strides and kernels."""
    count = len(features)
    strides = ((1,) * rank, *((2,) * rank,) * (count - 1))
    return {"features": features, "strides": strides, "kernels": ((3,) * rank,) * count}


def batch(patch: tuple[int, ...], size: int) -> tuple[np.ndarray, np.ndarray]:
    """An image of noise and labels that follow from it, float32 and int32."""
    random = np.random.default_rng(0)
    image = random.normal(size=(size, *patch, 1)).astype(np.float32)
    return image, np.digitize(image[..., 0], (0.5, 1.5)).astype(np.int32)


def with_tfmed(image: np.ndarray, labels: np.ndarray, rows: dict, precision: str) -> Train:
    """Our own loop; gives a function that trains so many steps."""
    settings = Settings(batch_size=len(image), optimizer="sgd", learning_rate=1e-3,
                        weight_decay=0, precision=precision)  # fmt: skip

    def build() -> keras.Model:
        return models.build_segmenter("unet", 1, CLASSES, deep_supervision=True, **rows)

    def loss(targets: tf.Tensor, logits: list[tf.Tensor]) -> tf.Tensor:
        return supervised(dice_cross_entropy, targets, logits)

    program = Program(build, loss, settings, strategy.choose("one"))
    program.horizon.assign(1_000_000)
    data = tf.data.Dataset.from_tensors((image, labels)).cache().repeat().prefetch(2)
    iterator = program.iterator(data)

    def train(steps: int) -> None:
        program.run(iterator, steps)

    return train


def compare(network: str, precision: str, rounds: int, seconds: float) -> None:
    """Measure all sides on one network and print voxels/s and ratios."""
    patch, size, features = NETWORKS[network]
    rows = stages(len(patch), features)
    image, labels = batch(patch, size)
    half, threads = precision != "float32", os.cpu_count() or 1
    sides = {"tfmed": with_tfmed(image, labels, rows, precision)}
    for name, last in (("PyTorch", False), ("PyTorch, channels last", True)):
        sides[name] = with_torch(
            image, labels, CLASSES, rows, channels_last=last, half=half, threads=threads
        )
    for train in sides.values():
        train(2)
    started = time.perf_counter()
    sides["tfmed"](4)
    steps = max(2, round(4 * seconds / (time.perf_counter() - started)))
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        # Turning the order round keeps any side from always being first.
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            started = time.perf_counter()
            sides[name](steps)
            rates[name].append(steps * labels.size / (time.perf_counter() - started))
    text = "x".join(map(str, patch))
    print(
        f"{network} {text}, batch {size}, features {features}, {precision}, {steps} steps a round"
    )
    for name, values in rates.items():
        ratio = np.median(np.array(rates["tfmed"]) / np.array(values))
        million = np.median(values) / 1e6
        print(f"  {name:26s} {million:7.3f} million voxels/s   tfmed is {ratio:.2f} times that")


def main() -> None:
    """Compare on each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one side's round")
    parser.add_argument("--network", choices=sorted(NETWORKS), default=None)
    parser.add_argument("--precision", choices=PRECISIONS, default=None)
    arguments = parser.parse_args()
    for network in [arguments.network] if arguments.network else NETWORKS:
        for precision in [arguments.precision] if arguments.precision else PRECISIONS:
            compare(network, precision, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
