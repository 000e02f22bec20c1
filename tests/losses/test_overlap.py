"""Cross-entropy, Dice and Tversky of masks against hand calculation and MONAI."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmed.losses import dice, dice_cross_entropy, focal_tversky, tversky, voxel_cross_entropy

# Two pixels by two, probabilities of class 1: of the truth's two pixels 0.75 and 0.25 are found,
# and 0.5 of one pixel beside them: tp 1, fp 0.5, fn 1.
LABELS = np.array([[[1, 1], [0, 0]]])
FOUND = np.array([[[0.75, 0.25], [0.5, 1e-12]]])
LOGITS = np.stack([np.log(1 - FOUND), np.log(FOUND)], axis=-1).astype(np.float32)


def random(classes: int = 3, shape: tuple[int, ...] = (2, 8, 9)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, classes, shape)
    return labels, rng.normal(size=(*shape, classes)).astype(np.float32)


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


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("shape", [(2, 8, 9), (2, 4, 5, 6)])
def test_dice_and_tversky_are_those_of_monai(
    shape: tuple[int, ...], background: bool, batch: bool
) -> None:
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.losses")
    labels, logits = random(shape=shape)
    pair = (
        torch.from_numpy(np.moveaxis(logits, -1, 1).copy()),
        torch.from_numpy(labels[:, None]),
    )
    options = {"include_background": background, "softmax": True, "to_onehot_y": True}
    options["batch"] = batch
    ours = {"batch": batch, "background": background}
    kinds = {
        monai.DiceLoss(smooth_nr=1e-5, smooth_dr=1e-5, **options): dice,
        monai.TverskyLoss(alpha=0.3, beta=0.7, smooth_nr=1e-5, smooth_dr=1e-5, **options): tversky,
    }
    for expected, loss in kinds.items():
        found = float(tf.reduce_mean(loss(labels, logits, **ours)))
        assert found == pytest.approx(float(expected(*pair)), abs=1e-6)
