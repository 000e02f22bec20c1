"""DeepLabV3+ on its backbone."""

import keras
import numpy as np
import pytest

from tfmed import models
from tfmed.errors import ConfigError

STAGES = {"features": (8, 8), "strides": ((1, 1), (2, 2)), "kernels": ((3, 3), (3, 3))}


def test_the_backbone_looks_further_in_place_of_a_fifth_halving_and_any_size_is_taken():
    model = models.build_segmenter("deeplab_v3_plus", 1, 3, **STAGES)
    last = keras.Model(model.inputs[0], model.get_layer("conv5_block3_out").output)
    assert last.compute_output_shape((1, 64, 96, 1)) == (1, 4, 6, 2048)
    plain = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 96, 1))
    assert last.count_params() == plain.count_params()
    assert model(np.zeros((1, 37, 50, 1), np.float32), training=False).shape == (1, 37, 50, 3)


def test_volumes_are_refused():
    rows = {"strides": ((1, 1, 1), (2, 2, 2)), "kernels": ((3, 3, 3), (3, 3, 3))}
    with pytest.raises(ConfigError, match="two dimensions"):
        models.build_segmenter("deeplab_v3_plus", 1, 3, **{**STAGES, **rows})
