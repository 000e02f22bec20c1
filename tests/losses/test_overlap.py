"""Cross-entropy, Dice and Tversky of masks against hand calculation and MONAI."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from recorded import Case, answers, cases_of, labels_and_logits

from tfmed.losses import dice, dice_cross_entropy, focal_tversky, tversky, voxel_cross_entropy

# Two pixels by two, probabilities of class 1: of the truth's two pixels 0.75 and 0.25 are found,
# and 0.5 of one pixel beside them: tp 1, fp 0.5, fn 1.
LABELS = np.array([[[1, 1], [0, 0]]])
FOUND = np.array([[[0.75, 0.25], [0.5, 1e-12]]])
LOGITS = np.stack([np.log(1 - FOUND), np.log(FOUND)], axis=-1).astype(np.float32)


def random() -> tuple[np.ndarray, np.ndarray]:
    return labels_and_logits(7, (2, 8, 9), 3)


def test_dice_is_that_worked_by_hand() -> None:
    assert float(dice(LABELS, LOGITS)[0]) == pytest.approx(1 - 2 / (1.5 + 2), abs=1e-5)
    # Background: tp 1.5, sums 2.5 and 2.
    with_background = dice(LABELS, LOGITS, background=True)[0]
    assert float(with_background) == pytest.approx(1 - (2 / 3.5 + 3 / 4.5) / 2, abs=1e-5)


def test_tversky_is_that_worked_by_hand() -> None:
    index = 1 / (1 + 0.3 * 0.5 + 0.7 * 1)
    assert float(tversky(LABELS, LOGITS)[0]) == pytest.approx(1 - index, abs=1e-5)
    assert float(focal_tversky(LABELS, LOGITS)[0]) == pytest.approx((1 - index) ** 0.75, abs=1e-5)


def test_tversky_of_equal_halves_is_dice() -> None:
    labels, logits = random()
    np.testing.assert_allclose(
        tversky(labels, logits, 0.5, 0.5, smooth=0.5), dice(labels, logits, smooth=1), rtol=1e-6
    )


def test_cross_entropy_is_that_of_keras() -> None:
    labels, logits = random()
    terms = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(
        voxel_cross_entropy(labels, logits), np.mean(terms, (1, 2)), rtol=1e-6
    )


def test_dice_cross_entropy_is_their_sum() -> None:
    labels, logits = random()
    np.testing.assert_allclose(
        dice_cross_entropy(labels, logits),
        dice(labels, logits) + voxel_cross_entropy(labels, logits),
    )


def test_dice_of_the_batch_is_that_of_its_images_side_by_side() -> None:
    labels, logits = random()
    side_by_side = dice(np.concatenate(labels)[None], np.concatenate(logits)[None])
    for loss in (dice, tversky):
        assert loss(labels, logits, batch=True).shape == (2,)
    np.testing.assert_allclose(
        dice(labels, logits, batch=True), np.repeat(side_by_side, 2), rtol=1e-6
    )


@pytest.mark.parametrize("bias", [-8.0, -2.0, 2.0])
def test_an_absent_class_hardly_draws_the_network(bias: float) -> None:
    labels = np.zeros((1, 32, 32), np.int32)
    logits = tf.constant(np.full((1, 32, 32, 2), [0, bias], np.float32))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = dice(labels, logits)
    slopes = tape.gradient(values, logits).numpy()
    assert np.abs(slopes[..., 1]).sum() <= 0.25
    # And it draws down, if at all.
    assert (slopes[..., 1] >= 0).all()


def test_an_absent_class_that_is_not_called_has_no_loss() -> None:
    logits = np.full((1, 8, 8, 2), [60, -60], np.float32)
    assert float(dice(np.zeros((1, 8, 8), np.int32), logits)[0]) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("case", cases_of("overlap losses of MONAI"))
def test_dice_and_tversky_are_those_of_monai(case: Case) -> None:
    labels, logits = labels_and_logits(case["seed"], case["shape"], case["classes"])
    expected = answers("overlap losses of MONAI", case, labels, logits)
    options = {"batch": case["batch"], "background": case["background"]}
    for name, loss in (("dice", dice), ("tversky", tversky)):
        found = float(tf.reduce_mean(loss(labels, logits, **options)))
        assert found == pytest.approx(expected[name], abs=1e-6), name
