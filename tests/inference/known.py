"""Networks whose answers are known without TensorFlow."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def pointwise(patches: tf.Tensor) -> tf.Tensor:
    """Probabilities that depend on the voxel alone."""
    return tf.nn.softmax(tf.concat([patches, -patches, patches * 0.5], -1))


def pointwise_of(image: np.ndarray) -> np.ndarray:
    """The same in NumPy."""
    logits = np.concatenate([image, -image, image * 0.5], -1).astype(np.float64)
    found = np.exp(logits)
    return found / found.sum(-1, keepdims=True)


def placed(patches: tf.Tensor) -> tf.Tensor:
    """`recorded.placed_of`, in TensorFlow; no probabilities."""
    axes = list(range(1, patches.shape.rank))
    ramp = tf.reshape(tf.range(patches.shape[-2], dtype=tf.float32), [-1, 1])
    mean = tf.reduce_mean(patches, axes, keepdims=True)
    return tf.concat([patches + ramp, patches * mean], -1)
