"""Lists of steps: of images and masks alike, seeded by place, refused by name where wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.tables import lookup
from tfmed.transforms import TRANSFORMS, augment, check_steps, split_steps
from tfmed.transforms.augmentation import CHANGES, MOVES

SEED = tf.constant([1, 2])
NEEDED: dict[str, dict[str, Any]] = {
    "projective": {"degrees": 20.0, "scale": 0.1, "shift": 0.1, "shear": 5.0},
    "deform": {"degrees": 20.0},
    "mirror": {"axes": [0, 1]},
    "flip": {"axis": 2},
    "low_resolution": {},
}
# The settings that plans of version 0.1.0 hold, of images and of patches.
PLANNED = [
    {"name": "brightness", "probability": 0.3, "amount": 0.2},
    {"name": "gamma", "probability": 0.3, "amount": 0.3},
    {"name": "gamma", "power": [0.7, 1.5], "inverted": True, "probability": 0.1},
    {"name": "blur", "sigma": [0.5, 1.0], "probability": 0.2, "in_plane": True},
    {"name": "blur", "amount": 1.0, "probability": 0.2},
    {"name": "mirror", "axes": [0, 1], "probability": 0.5},
    {
        "name": "deform", "degrees": 30.0, "scale": [0.7, 1.4], "bend": 0.25,
        "probabilities": [0.2, 0.2, 0.1], "in_plane": False, "spacing_mm": [2.0, 1.0],
    },
]  # fmt: skip


def step(name: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, **NEEDED.get(name, {"amount": 0.4}), **settings}


def chosen(name: str, probability: float) -> dict[str, Any]:
    if name == "deform":
        return step(name, probabilities=[probability] * 3)
    return step(name, probability=probability)


def pair(shape: tuple[int, ...] = (10, 12), count: int = 6) -> tuple[tf.Tensor, tf.Tensor]:
    draw = np.random.default_rng(0)
    image = tf.constant(draw.normal(size=(count, *shape, 1)), tf.float32)
    return image, tf.constant(draw.integers(0, 3, (count, *shape)), tf.int32)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("shape", [(9, 8, 7, 1), (9, 3, 8, 7, 3)])
def test_every_transform_is_a_function_of_its_seed(name: str, shape: tuple[int, ...]) -> None:
    image = tf.random.stateless_uniform(shape, [0, 1])
    steps = [chosen(name, 0.7)]
    graph = tf.function(lambda image, seed: augment(image, seed, steps), autograph=False)
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
    assert [one["name"] for one in moves] == list(MOVES)
    assert len(moves) + len(changes) == len(steps)


def test_a_function_of_ones_own_is_a_step() -> None:
    image = tf.fill([2, 4, 4, 1], 0.5)
    made = augment(image, tf.constant([1, 2]), [lambda image, seed: image + 1.0, step("gamma")])
    assert split_steps([abs, step("projective")]) == ([step("projective")], [abs])
    np.testing.assert_array_equal(made, 1.0)


def test_a_function_of_ones_own_moves_the_mask_too() -> None:
    image, mask = pair()
    found, labels = augment(image, SEED, [lambda image, mask, seed: (-image, mask + 1)], mask)
    np.testing.assert_array_equal(found, -image)
    np.testing.assert_array_equal(labels, mask + 1)


@pytest.mark.parametrize("shape", [(10, 12), (6, 8, 10)])
def test_all_steps_keep_shape_type_and_bits(shape: tuple[int, ...]) -> None:
    given = pair(shape)
    steps = [*map(step, TRANSFORMS)]
    augmented = tf.function(
        lambda image, mask, seed: augment(image, seed, steps, mask), autograph=False
    )
    assert augmented.get_concrete_function(*given, SEED).structured_outputs[0].shape[0] == 6
    first, again = augmented(*given, SEED), augmented(*given, SEED)
    for item, found, other in zip(given, first, again, strict=True):
        assert (item.shape, item.dtype) == (found.shape, found.dtype)
        np.testing.assert_array_equal(found, other)
    assert (augmented(*given, tf.constant([1, 3]))[0].numpy() != first[0].numpy()).any()


def test_no_probability_is_no_change() -> None:
    given = pair()
    found = augment(given[0], SEED, [chosen(name, 0.0) for name in TRANSFORMS], given[1])
    for item, same in zip(given, found, strict=True):
        np.testing.assert_array_equal(item, same)


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_intensity_leave_the_mask(name: str) -> None:
    image, mask = pair()
    found, labels = augment(image, SEED, [chosen(name, 1.0)], mask)
    np.testing.assert_array_equal(labels, mask)
    assert (found.numpy() != image.numpy()).any((1, 2, 3)).sum() >= 5  # of 6


@pytest.mark.parametrize("planned", PLANNED, ids=str)
def test_steps_of_plans_of_before_are_known(planned: dict[str, Any]) -> None:
    check_steps([planned])
    image, mask = pair((12, 16))
    found, _ = augment(tf.abs(image), SEED, [planned], mask)
    assert np.isfinite(found).all()
