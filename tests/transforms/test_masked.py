"""A plan's list of steps moves images and masks alike, the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.masked import CHANGES, MASK_TRANSFORMS, augment_masks, check_steps, mirror

SEED = tf.constant([1, 2])
NEEDED: dict[str, dict[str, Any]] = {
    "deform": {"degrees": 20.0},
    "mirror": {"axes": [0, 1]},
    "noise": {"amount": 0.1},
    "brightness": {"amount": 0.25},
    "contrast": {"amount": 0.25},
}
ALL = [{"name": name, **NEEDED.get(name, {})} for name in MASK_TRANSFORMS]


def pair(shape: tuple[int, ...] = (10, 12), count: int = 6) -> tuple[tf.Tensor, tf.Tensor]:
    draw = np.random.default_rng(0)
    image = tf.constant(draw.normal(size=(count, *shape, 1)), tf.float32)
    return image, tf.constant(draw.integers(0, 3, (count, *shape)), tf.int32)


def never(step: dict[str, Any]) -> dict[str, Any]:
    none = {"probabilities": (0, 0, 0)} if step["name"] == "deform" else {"probability": 0.0}
    return {**step, **none}


@pytest.mark.parametrize("shape", [(10, 12), (6, 8, 10)])
def test_all_steps_keep_shape_type_and_bits(shape: tuple[int, ...]) -> None:
    given = pair(shape)
    augmented = tf.function(lambda *items: augment_masks(*items, ALL), autograph=False)
    assert augmented.get_concrete_function(*given, SEED).structured_outputs[0].shape[0] == 6
    first, again = augmented(*given, SEED), augmented(*given, SEED)
    for item, found, other in zip(given, first, again, strict=True):
        assert (item.shape, item.dtype) == (found.shape, found.dtype)
        np.testing.assert_array_equal(found, other)
    assert (augmented(*given, tf.constant([1, 3]))[0].numpy() != first[0].numpy()).any()


def test_no_probability_is_no_change() -> None:
    given = pair()
    found = augment_masks(*given, SEED, [never(step) for step in ALL])
    for item, same in zip(given, found, strict=True):
        np.testing.assert_array_equal(item, same)


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_intensity_leave_the_mask(name: str) -> None:
    image, mask = pair()
    step = {"name": name, **NEEDED.get(name, {}), "probability": 1.0}
    found, labels = augment_masks(image, mask, SEED, [step])
    np.testing.assert_array_equal(labels, mask)
    assert (found.numpy() != image.numpy()).any((1, 2, 3)).sum() >= 5  # of 6


def test_mirrors_turn_image_and_mask_exactly() -> None:
    mask = pair((4, 5, 6), 40)[1]
    image = tf.cast(mask, tf.float32)[..., tf.newaxis]
    found, labels = mirror(image, mask, SEED, axes=[0, 2])
    np.testing.assert_array_equal(found[..., 0], labels)
    counts = dict.fromkeys([(1, 1), (-1, 1), (1, -1), (-1, -1)], 0)
    for before, after in zip(mask.numpy(), labels.numpy(), strict=True):
        for first, last in counts:
            counts[first, last] += np.array_equal(after, before[::first, :, ::last])
    assert sum(counts.values()) == 40
    assert min(counts.values()) >= 3


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"name": "deforms"}, "deform"),
        ({"name": "deform"}, "needs the setting 'degrees'"),
        ({"name": "deform", "degrees": 3.0, "bends": 0.1}, "no setting 'bends'"),
        ({"name": "erase", "amount": 0.1}, "erase"),
        ({"degrees": 3.0}, "needs a name"),
    ],
)
def test_what_is_unknown_is_named(step: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_steps([step])


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="axes 0 to 1, not 2"):
        mirror(*pair(), SEED, axes=[2])
