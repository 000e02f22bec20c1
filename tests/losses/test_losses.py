"""What every loss of masks keeps to."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import DataError
from tfmed.losses import LOSSES, cl_dice
from tfmed.tables import lookup

ALL = {name: lookup(LOSSES, name, "loss") for name in LOSSES} | {"cl_dice": cl_dice}
SHAPES = [(2, 6, 7), (2, 5, 6, 7)]


def example(shape: tuple[int, ...], classes: int = 3, seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, shape).astype(np.int32)
    return labels, rng.normal(size=(*shape, classes)).astype(np.float32)


def gradient(loss, targets, logits, **options) -> tuple[np.ndarray, np.ndarray]:
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = loss(tf.constant(targets), logits, **options)
    return values.numpy(), tape.gradient(values, logits).numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ALL)
def test_each_example_has_its_own_loss(name: str, shape: tuple[int, ...]) -> None:
    labels, logits = example(shape)
    whole = ALL[name](labels, logits)
    assert whole.dtype == tf.float32
    alone = [ALL[name](labels[i : i + 1], logits[i : i + 1])[0] for i in range(2)]
    np.testing.assert_allclose(whole, alone, rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_labels_and_one_hot_targets_are_the_same(name: str) -> None:
    labels, logits = example((2, 6, 7))
    one_hot = np.eye(3, dtype=np.float32)[labels]
    for targets in (one_hot, labels.astype(np.uint8), labels.astype(np.float32)):
        np.testing.assert_array_equal(ALL[name](targets, logits), ALL[name](labels, logits))


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("size", [1.0, 60.0])
@pytest.mark.parametrize("name", ALL)
def test_gradients_are_finite_for_absent_classes_and_sure_networks(
    name: str, size: float, label: int
) -> None:
    logits = example((2, 6, 7))[1] * size
    values, slopes = gradient(ALL[name], np.full((2, 6, 7), label, np.int32), logits)
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("name", ALL)
def test_a_right_and_sure_network_has_next_to_no_loss(name: str) -> None:
    labels = np.zeros((1, 12, 12), np.int32)
    labels[0, 2:5, 1:11] = 1
    labels[0, 7:10, 1:11] = 2
    logits = 40 * np.eye(3, dtype=np.float32)[labels]
    assert float(ALL[name](labels, logits)[0]) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", [name for name in ALL if "cl_dice" not in name])
def test_ignored_voxels_count_for_nothing(name: str) -> None:
    labels, logits = example((1, 6, 8))
    part = ALL[name](labels[:, :, :5], logits[:, :, :5])
    for mark in (-1, 255):
        marked = labels.copy()
        marked[:, :, 5:] = mark
        values, slopes = gradient(ALL[name], marked, logits, ignored_label=mark)
        np.testing.assert_allclose(values, part, rtol=1e-5)
        assert not slopes[:, :, 5:].any()
    unknown = np.eye(3, dtype=np.float32)[labels]
    unknown[:, :, 5:, 1] = np.nan
    values, slopes = gradient(ALL[name], unknown, logits)
    np.testing.assert_allclose(values, part, rtol=1e-5)
    assert np.isfinite(slopes).all()
    assert not slopes[:, :, 5:].any()


@pytest.mark.parametrize("name", ALL)
def test_an_example_of_ignored_voxels_alone_has_no_gradient(name: str) -> None:
    values, slopes = gradient(ALL[name], np.full((2, 6, 7), -1), example((2, 6, 7))[1])
    np.testing.assert_allclose(values, 0, atol=1e-5)
    assert not slopes.any()


@pytest.mark.parametrize("label", [3, 255, -2])
@pytest.mark.parametrize("name", ALL)
def test_a_label_of_no_class_makes_the_loss_of_its_example_nan(name: str, label: int) -> None:
    labels, logits = example((2, 6, 7))
    labels[1, 3, 3] = label
    assert np.isnan(ALL[name](labels, logits).numpy()).tolist() == [False, True]


@pytest.mark.parametrize("name", ALL)
def test_half_precision_logits_are_computed_in_float32(name: str) -> None:
    labels, logits = example((2, 40, 40))
    for dtype in (tf.bfloat16, tf.float16):
        half = tf.cast(logits, dtype)
        found = ALL[name](labels, half)
        assert found.dtype == tf.float32
        np.testing.assert_array_equal(found, ALL[name](labels, tf.cast(half, tf.float32)))


@pytest.mark.parametrize("shape", SHAPES)
# The parts of dice_cl_dice are compiled as they are.
@pytest.mark.parametrize("name", [name for name in ALL if name != "dice_cl_dice"])
def test_xla_compiles_loss_and_gradient(name: str, shape: tuple[int, ...]) -> None:
    labels, logits = example(shape)
    targets = tf.constant(labels)

    @tf.function(jit_compile=True)
    def compiled(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = ALL[name](targets, logits)
        return values, tape.gradient(values, logits)

    values, slopes = compiled(tf.constant(logits))
    expected = gradient(ALL[name], targets, logits)
    np.testing.assert_allclose(values, expected[0], rtol=1e-4)
    if name == "cl_dice":
        # Of equal neighbours each compiler takes another for the largest.
        assert np.isfinite(slopes).all()
    else:
        np.testing.assert_allclose(slopes, expected[1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_batches_of_a_size_that_is_not_known_are_taken(name: str) -> None:
    labels, logits = example((2, 6, 7))
    signature = [tf.TensorSpec([None, 6, 7], tf.int32)]
    signature.append(tf.TensorSpec([None, None, None, 3], tf.float32))
    traced = tf.function(ALL[name], input_signature=signature)
    np.testing.assert_allclose(traced(labels, logits), ALL[name](labels, logits), rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_classes_that_do_not_exclude_each_other_all_count(name: str) -> None:
    rng = np.random.default_rng(1)
    targets = (rng.random((2, 6, 7, 2)) < 0.4).astype(np.float32)
    logits = rng.normal(size=targets.shape).astype(np.float32)
    found = ALL[name](targets, logits, multi_label=True)
    alone = [
        ALL[name](targets[..., k : k + 1], logits[..., k : k + 1], multi_label=True)
        for k in range(2)
    ]
    np.testing.assert_allclose(found, np.mean(alone, axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("targets", "logits"),
    [((2, 6, 7, 1), (2, 6, 7, 3)), ((2, 6), (2, 6, 7, 3)), ((2, 6, 7), (2, 6, 7, 1))],
)
def test_targets_that_do_not_fit_the_logits_are_refused(targets: tuple, logits: tuple) -> None:
    with pytest.raises(DataError, match="expected"):
        ALL["dice"](np.zeros(targets, np.int32), np.zeros(logits, np.float32))
