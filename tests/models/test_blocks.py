"""The pieces of our own networks."""

import itertools

import keras
import numpy as np
import pytest

from tfmed.models.blocks import max_pool, normalise, seeds


@pytest.mark.parametrize("shape", [(4, 6, 8), (5, 7, 9), (4, 7, 6), (7, 4, 5)])
def test_pooling_a_volume_in_two_steps_is_max_pooling_in_three_dimensions(shape):
    image = keras.Input((*shape, 3))
    volume = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype(np.float32)
    found = keras.Model(image, max_pool(image))(volume)
    np.testing.assert_array_equal(found, keras.layers.MaxPooling3D(2)(volume))


def test_seeds_repeat_for_a_seed_and_are_all_unlike():
    first = list(itertools.islice(seeds(3), 100))
    assert first == list(itertools.islice(seeds(3), 100))
    assert len({*first, *itertools.islice(seeds(4), 100)}) == 200


def test_group_norm_takes_fewer_channels_than_a_group():
    image = keras.Input((4, 4, 3))
    assert normalise(image, "group").shape == (None, 4, 4, 3)
