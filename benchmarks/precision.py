"""Images a second of training in bfloat16 and float32, fused and plain batch normalisation.

What `tfmed.training.strategy.precision` and `tfmed.training.fused` rest on. The sides of a case
train the same network on one batch from memory; rounds alternate between them, and the median of
the rounds' ratios to plain float32 is told. `convnet` has no batch normalisation, so its fused and
plain sides differ by noise alone. Volumes train in float32 only: bfloat16 gives wrong
gradients there on a CPU. A case is a line of the file, so a stopped run goes on, and runs with
another `TF_ENABLE_ONEDNN_OPTS` or `ONEDNN_MAX_CPU_ISA` stand beside it.

    python benchmarks/precision.py --out precision.jsonl [--rounds 5] [--seconds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# Before TensorFlow, which then has oneDNN on.
from tfmed import hardware, log, models  # isort: skip

import keras
import numpy as np
import tensorflow as tf

from tfmed.training import Settings, program, strategy, supervised

# Network, size of its input, batch.
CASES = [
    ("convnet", (28, 28, 1), 128),
    ("resnet_small", (28, 28, 1), 64),
    ("resnet_small", (128, 128, 1), 32),
    ("efficientnet_v2_b0", (128, 128, 1), 16),
    ("mobilenet_v3_small", (128, 128, 1), 32),
    ("resnet_small", (16, 48, 48, 1), 8),
]
BASE = "float32, plain"
CLASSES, STEPS = 2, 8


class Side:
    """One way to train a network; called, it trains so many steps."""

    def __init__(
        self, network: str, shape: tuple[int, ...], batch: int, precision: str, fused: bool
    ) -> None:
        settings = Settings(batch_size=batch, precision=precision)

        def build() -> keras.Model:
            return models.build(network, shape, CLASSES)

        kept = program.fused if fused else lambda model: model
        with mock.patch.object(program, "fused", kept):
            self._program = program.Program(
                build, supervised(loss), settings, strategy.choose("one")
            )
        self._program.horizon.assign(1_000_000)
        random = np.random.default_rng(0)
        images = tf.constant(random.normal(size=(batch, *shape)).astype(np.float32))
        targets = tf.one_hot(random.integers(0, CLASSES, batch), CLASSES)
        data = tf.data.Dataset.from_tensors((images, targets)).repeat()
        self._batches = self._program.iterator(data)

    def __call__(self, steps: int) -> float:
        """Train; gives the seconds."""
        started = time.perf_counter()
        for _ in range(0, steps, STEPS):
            self._program.run(self._batches, STEPS)
        return time.perf_counter() - started


def loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of each example."""
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def measure(
    network: str, shape: tuple[int, ...], batch: int, rounds: int, seconds: float
) -> dict[str, Any]:
    """Images/s of each side, and the median of its rounds' ratios to the base."""
    precisions = ("float32", "mixed_bfloat16") if len(shape) == 3 else ("float32",)
    sides = {
        f"{precision}, {'fused' if fused else 'plain'}": Side(
            network, shape, batch, precision, fused
        )
        for precision in precisions
        for fused in (False, True)
    }
    for side in sides.values():
        side(STEPS)
    steps = STEPS * max(1, round(seconds / sides[BASE](STEPS)))
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        # Turning the order round keeps any side from always being first.
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            spent[name].append(sides[name](steps))
    return {
        name: {
            "images_per_second": round(float(np.median(steps * batch / np.array(values))), 1),
            "ratio": round(float(np.median(np.array(spent[BASE]) / np.array(values))), 3),
        }
        for name, values in spent.items()
    }


def main() -> None:
    """Measure the cases that the file lacks for this machine, and tell all that it has of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the file of results")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one side's round")
    arguments = parser.parse_args()
    tf.get_logger().setLevel(
        "ERROR"
    )  # Each side is a graph of its own, which it takes for retracing.
    hardware.tell()
    machine = hardware.describe()
    lines = arguments.out.read_text(encoding="utf-8").splitlines() if arguments.out.exists() else []
    rows = [row for row in map(json.loads, lines) if row["machine"] == machine]
    for network, shape, batch in CASES:
        case = f"{network}, {'x'.join(map(str, shape))}, batch {batch}"
        row = next((row for row in rows if row["case"] == case), None)
        if row is None:
            log.info(f"measuring {case}")
            sides = measure(network, shape, batch, arguments.rounds, arguments.seconds)
            row = {"case": case, "machine": machine, "sides": sides}
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        print(case)
        for name, facts in row["sides"].items():
            rate, ratio = facts["images_per_second"], facts["ratio"]
            print(f"  {name:24s} {rate:9,.1f} images/s   {ratio:.2f} times {BASE}")


if __name__ == "__main__":
    main()
