"""What segmentation asks of a model: its settings, step and networks, by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from tasks.segmentation.fingerprints import cpu, plan, seen

from tfmed import losses
from tfmed.errors import ConfigError
from tfmed.task import MODEL, Step
from tfmed.tasks import Segmentation
from tfmed.training import Settings

CLASSES = ("background", "liver", "spleen")
TASK = Segmentation(CLASSES)
LABELS = np.zeros((4, 4), np.uint8)
LABELS[:2, :2], LABELS[3:, 3:] = 1, 2


def constant(*outputs: np.ndarray) -> keras.Model:
    """A network that answers `outputs` whatever it is given, and learns an offset."""
    given = keras.Input((None, None, 1))
    zero = keras.layers.Conv2D(1, 1, kernel_initializer="zeros", use_bias=False)(given)
    zero = keras.layers.GlobalAveragePooling2D(keepdims=True)(zero)
    tables = [keras.layers.Lambda(lambda of, one=one: of + one)(zero) for one in outputs]
    return keras.Model(given, tables if len(tables) > 1 else tables[0])


def step_of(loss: str, network: keras.Model) -> Step:
    made = plan(seen((64, 64)), cpu(5), classes=CLASSES).model_copy(update={"loss": loss})
    return TASK.step(made)({MODEL: network}, Settings(batch_size=1), 1)


def logits(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_task_needs_a_background_and_a_structure() -> None:
    with pytest.raises(ConfigError, match="at least one structure"):
        Segmentation(("liver",))
    with pytest.raises(ConfigError, match="all unlike"):
        Segmentation(("none", "liver", "liver"))
    with pytest.raises(ConfigError, match="tolerance_mm is -1"):
        Segmentation(CLASSES, tolerance_mm=-1)


def test_plain_data_makes_the_same_task_again() -> None:
    task = Segmentation(CLASSES, tolerance_mm=3.5)
    assert Segmentation.of_dict("segmentation", task.to_dict()) == task


def test_members_of_version_0_1_0_are_read() -> None:
    about = {"classes": list(CLASSES), "loss_name": "dice_cross_entropy", "tolerance_mm": 2.0}
    assert Segmentation.of_dict("segmentation", about) == Segmentation(CLASSES, 2.0)


@pytest.mark.parametrize("name", ["dice", "dice_cross_entropy"])
def test_one_output_has_the_loss_of_the_plan(name: str) -> None:
    outputs, targets = logits((1, 4, 4, 3), 1), tf.constant(LABELS[None])
    expected = getattr(losses, name)(targets, outputs)
    step = step_of(name, constant(outputs))
    np.testing.assert_allclose(step(tf.zeros((1, 4, 4, 1)), targets), expected[0], rtol=1e-6)


def test_depths_weigh_two_thirds_and_one_third() -> None:
    labels = np.kron(LABELS, np.ones((2, 2), np.uint8))[None]
    fine, coarse = logits((1, 8, 8, 3), 1), logits((1, 4, 4, 3), 2)
    # 2 / 3 and 1 / 3: a half and a quarter, made to sum to 1. A cell of the coarse map covers
    # 2 x 2 equal labels here, so that its own target is LABELS whatever is picked of them.
    expected = 2 / 3 * losses.dice_cross_entropy(tf.constant(labels), fine)
    expected += 1 / 3 * losses.dice_cross_entropy(tf.constant(LABELS[None]), coarse)
    step = step_of("dice_cross_entropy", constant(fine, coarse))
    found = step(tf.zeros((1, 8, 8, 1)), tf.constant(labels))
    np.testing.assert_allclose(found, expected[0], rtol=1e-6)


def test_a_supervised_network_keeps_its_finest_output() -> None:
    made = plan(seen((64, 64)), cpu(5), classes=CLASSES)
    networks = TASK.networks(made, seed=1)
    outputs = networks[MODEL].outputs
    assert made.deep_supervision
    assert len(outputs) > 1
    kept = TASK.kept(networks)[MODEL]
    assert len(kept.outputs) == 1
    image = logits((1, 64, 64, 1), 3)
    np.testing.assert_array_equal(kept(image), networks[MODEL](image)[0])
