"""Weights and targets of deep supervision."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.losses import dice_cross_entropy, supervised, supervision_weights
from tfmed.losses.supervision import shrunk


@pytest.mark.parametrize(
    ("levels", "weights"),
    [(1, (1.0,)), (2, (1.0, 0.0)), (4, (4 / 7, 2 / 7, 1 / 7, 0.0))],
)
def test_weights_halve_and_the_lowest_is_left_out(levels: int, weights: tuple[float, ...]) -> None:
    assert supervision_weights(levels) == pytest.approx(weights)


def test_targets_shrink_to_the_voxel_behind_the_middle_of_each_block() -> None:
    labels = np.arange(2 * 4 * 4 * 8).reshape(2, 4, 4, 8)
    found = shrunk(tf.constant(labels), tf.zeros([2, 4, 2, 2, 3]))
    np.testing.assert_array_equal(found, labels[:, :, 1::2, 2::4])
    one_hot = shrunk(tf.one_hot(labels % 3, 3), tf.zeros([2, 4, 2, 2, 3]))
    np.testing.assert_array_equal(np.argmax(one_hot, -1), labels[:, :, 1::2, 2::4] % 3)


def test_a_supervised_loss_is_the_weighted_sum_over_the_levels() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (2, 8, 8))
    logits = [random.normal(size=(2, side, side, 3)).astype(np.float32) for side in (8, 4, 2)]
    found = supervised(dice_cross_entropy, labels, logits)
    parts = (
        dice_cross_entropy(labels, logits[0]),
        dice_cross_entropy(labels[:, 1::2, 1::2], logits[1]),
    )
    np.testing.assert_allclose(found, (2 * parts[0] + parts[1]) / 3, rtol=1e-6)
    np.testing.assert_allclose(supervised(dice_cross_entropy, labels, logits[0]), parts[0])


def test_a_level_of_weight_zero_costs_nothing_even_where_it_is_not_finite() -> None:
    labels = np.zeros((1, 4, 4), int)
    logits = [tf.zeros([1, 4, 4, 2]), tf.fill([1, 2, 2, 2], float("nan"))]
    assert np.isfinite(supervised(dice_cross_entropy, labels, logits)).all()
