"""Run by metrics/test_counts.py in a process of its own: counts over two logical devices."""

from __future__ import annotations

import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

from tfmed.metrics.counts import count, dice

BATCH, BATCHES = 4, 3


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Twelve small images, of which only some hold class 2 and none class 3."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, (BATCH * BATCHES, 5, 6))
    labels[::4] *= 2
    labels[:, 0, 0] = -1
    logits = rng.normal(size=(*labels.shape, 4)).astype(np.float32)
    logits[..., 3] = -9
    return labels, logits


def main() -> None:
    """Print the total of counts, and Dice of it, as two devices give them."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(
        [d.name for d in tf.config.list_logical_devices("CPU")]
    )
    assert strategy.num_replicas_in_sync == 2
    batches = tf.data.Dataset.from_tensor_slices(examples()).batch(BATCH)

    def one(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(count(labels, logits), axis=0)

    @tf.function
    def whole(batch: tuple) -> tf.Tensor:
        counts = strategy.run(one, args=batch)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, counts, axis=None)

    total = sum(whole(batch) for batch in strategy.experimental_distribute_dataset(batches))
    print(json.dumps({"counts": total.numpy().tolist(), "dice": dice(total).numpy().tolist()}))


if __name__ == "__main__":
    main()
