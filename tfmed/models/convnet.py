"""`convnet`: the textbook convolutional network for 28x28 images (LeNet-5, LeCun 1998)."""

from __future__ import annotations

from typing import Unpack

import keras
from keras import layers

from tfmed.models.blocks import (
    ClassifierOptions,
    convolution,
    head,
    max_pool,
    require_no_imagenet,
    require_size,
)
from tfmed.models.blocks import seeds as seed_stream

LEAST = 12
FILTERS = (6, 16)
DENSE = (120, 84)


def convnet(
    input_shape: tuple[int, ...], classes: int, **options: Unpack[ClassifierOptions]
) -> keras.Model:
    """Two 5x5 convolutions (6 and 16 filters), each rectified and max-pooled; dense 120 and 84.

    The first convolution pads to keep the size and the second does not, so that 28x28 comes
    to the well-known 16 x 5 x 5 = 400 features. A volume has 5x5x5 kernels. Larger inputs
    grow the first dense layer and nothing else.

    Args:
        input_shape: `(H, W, C)` or `(D, H, W, C)`, at least 12 a side.
        classes: number of logits.
        **options: of `models.build`; `norm` is without effect, as there is no normalisation.

    Raises:
        ConfigError: the image is too small, or ImageNet weights are asked for.
    """
    require_no_imagenet(options["name"], options["weights"])
    require_size(options["name"], input_shape, LEAST, "resnet_small", volumes=True)
    stream = seed_stream(options["seed"])
    image = keras.Input(input_shape, name="image")
    tensor = image
    for filters, padding in zip(FILTERS, ("same", "valid"), strict=True):
        tensor = convolution(tensor, filters, 5, next(stream), padding=padding, bias=True)
        tensor = max_pool(layers.Activation("relu")(tensor))
    tensor = layers.Flatten()(tensor)
    for units in DENSE:
        initial = keras.initializers.HeNormal(seed=next(stream))
        tensor = layers.Dense(units, activation="relu", kernel_initializer=initial)(tensor)
    logits = head(tensor, classes, options["dropout"], stream)
    return keras.Model(image, logits, name=options["name"])
