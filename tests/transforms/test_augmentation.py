"""Lists of steps: seeded by place, and refused by name where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.tables import lookup
from tfmed.transforms import TRANSFORMS, augment, check_steps, split_steps
from tfmed.transforms.augmentation import SPATIAL

SETTINGS = {
    "projective": {"degrees": 20.0, "scale": 0.1, "shift": 0.1, "shear": 5.0},
    "flip": {"axis": 2},
}


def step(name: str, **settings: float) -> dict:
    return {"name": name, **SETTINGS.get(name, {"amount": 0.4}), **settings}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("shape", [(9, 8, 7, 1), (9, 3, 8, 7, 3)])
def test_every_transform_is_a_function_of_its_seed(name: str, shape: tuple[int, ...]) -> None:
    image = tf.random.stateless_uniform(shape, [0, 1])
    graph = tf.function(lambda image, seed: augment(image, seed, [step(name, probability=0.7)]))
    first = graph(image, tf.constant([1, 2]))
    assert first.shape == image.shape
    assert first.dtype == tf.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, graph(image, tf.constant([1, 2])))
    assert (first != graph(image, tf.constant([1, 3]))).numpy().any()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_documents_itself(name: str) -> None:
    assert "Args:" in lookup(TRANSFORMS, name, "transform").__doc__
    check_steps([step(name)])


def test_equal_steps_draw_apart() -> None:
    image = tf.fill([4, 8, 8, 1], 0.5)
    seed = tf.constant([1, 2])
    once = augment(image, seed, [step("noise")])
    twice = augment(image, seed, [step("noise"), step("noise")])
    assert not np.allclose(twice - image, 2 * (once - image), atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "nois", "amount": 0.1}, "did you mean 'noise'"),
        ({"name": "noise", "amont": 0.1}, "did you mean 'amount'"),
        ({"name": "noise"}, "needs the setting 'amount'"),
        ({"amount": 0.1}, "needs a name"),
    ],
)
def test_wrong_steps_are_named(wrong: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        augment(tf.zeros([1, 4, 4, 1]), tf.constant([0, 0]), [wrong])


def test_steps_that_move_pixels_are_told_apart() -> None:
    steps = [step(name) for name in TRANSFORMS]
    moves, changes = split_steps(steps)
    assert [one["name"] for one in moves] == list(SPATIAL)
    assert len(moves) + len(changes) == len(steps)


def test_a_function_of_ones_own_is_a_step() -> None:
    image = tf.fill([2, 4, 4, 1], 0.5)
    made = augment(image, tf.constant([1, 2]), [lambda image, seed: image + 1.0, step("gamma")])
    assert split_steps([abs, step("projective")]) == ([step("projective")], [abs])
    np.testing.assert_array_equal(made, 1.0)
