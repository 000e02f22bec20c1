"""The textbook network."""

import numpy as np

from tfmed import models


def test_28_by_28_comes_to_16_by_5_by_5_and_the_textbooks_parameters():
    model = models.build("convnet", (28, 28, 1), 10)
    flat = next(layer for layer in model.layers if layer.name.startswith("flatten"))
    assert flat.output.shape == (None, 16 * 5 * 5)
    # LeNet-5 with 10 classes, by hand: 156 + 2,416 + 48,120 + 10,164 + 850.
    assert model.count_params() == 61_706


def test_a_volume_has_kernels_of_three_dimensions():
    model = models.build("convnet", (28, 28, 28, 1), 11)
    kernels = [tuple(weight.shape) for weight in model.weights if len(weight.shape) == 5]
    assert kernels == [(5, 5, 5, 1, 6), (5, 5, 5, 6, 16)]
    assert model(np.zeros((2, 28, 28, 28, 1), np.float32)).shape == (2, 11)


def test_odd_and_unequal_sides_are_taken():
    assert models.build("convnet", (13, 31, 3), 2).output_shape == (None, 2)
    assert models.build("convnet", (12, 13, 15, 1), 2).output_shape == (None, 2)
