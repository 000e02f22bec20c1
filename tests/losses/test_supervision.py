"""Weights and targets of deep supervision."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfmed.losses import dice_cross_entropy, supervised
from tfmed.losses.supervision import shrunk


def test_targets_shrink_to_the_voxel_behind_the_middle_of_each_block() -> None:
    labels = np.arange(2 * 4 * 4 * 8).reshape(2, 4, 4, 8)
    found = shrunk(tf.constant(labels), tf.zeros([2, 4, 2, 2, 3]))
    np.testing.assert_array_equal(found, labels[:, :, 1::2, 2::4])
    one_hot = shrunk(tf.one_hot(labels % 3, 3), tf.zeros([2, 4, 2, 2, 3]))
    np.testing.assert_array_equal(np.argmax(one_hot, -1), labels[:, :, 1::2, 2::4] % 3)


def test_each_depth_weighs_half_of_the_one_above() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (2, 8, 8))
    logits = [random.normal(size=(2, side, side, 3)).astype(np.float32) for side in (8, 4)]
    found = supervised(dice_cross_entropy, labels, logits)
    half = labels[:, 1::2, 1::2]
    parts = (dice_cross_entropy(labels, logits[0]), dice_cross_entropy(half, logits[1]))
    np.testing.assert_allclose(found, (2 * parts[0] + parts[1]) / 3, rtol=1e-6)
    np.testing.assert_allclose(
        supervised(dice_cross_entropy, labels, logits[0]),
        dice_cross_entropy(labels, logits[0]),
    )


def test_outputs_of_full_size_weigh_the_same() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (2, 4, 8, 8))
    logits = [random.normal(size=(2, 4, 8, 8, 3)).astype(np.float32) for _ in range(3)]
    expected = np.mean([dice_cross_entropy(labels, level) for level in logits], 0)
    np.testing.assert_allclose(supervised(dice_cross_entropy, labels, logits), expected, rtol=1e-6)


def test_a_graph_that_does_not_know_the_sizes_gives_the_same() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (2, 4, 8, 8))
    # The first halving is within slices.
    sizes = ((4, 8, 8), (4, 4, 4), (2, 2, 2))
    logits = [random.normal(size=(2, *size, 3)).astype(np.float32) for size in sizes]
    unknown = [tf.TensorSpec((None,) * 4 + (3,))] * 3
    graph = tf.function(
        lambda targets, levels: supervised(dice_cross_entropy, targets, levels),
        input_signature=[tf.TensorSpec((None,) * 4, tf.int64), unknown],
    )
    found = supervised(dice_cross_entropy, labels, logits)
    np.testing.assert_allclose(graph(labels, logits), found, rtol=1e-6)
    picked = (labels, labels[:, :, 1::2, 1::2], labels[:, 1::2, 2::4, 2::4])
    parts = [dice_cross_entropy(*pair) for pair in zip(picked, logits, strict=True)]
    np.testing.assert_allclose(found, np.dot((4 / 7, 2 / 7, 1 / 7), parts), rtol=1e-6)
