"""`convnet`: the textbook convolutional network for 28x28 images (LeNet-5, LeCun 1998)."""

from __future__ import annotations

import keras
from keras import layers

from tfmed.models.blocks import convolution, head, max_pool, require_no_imagenet, require_size
from tfmed.models.blocks import seeds as seed_stream

LEAST = 12
FILTERS = (6, 16)
DENSE = (120, 84)


def convnet(
    input_shape: tuple[int, ...],
    classes: int,
    *,
    name: str = "convnet",
    weights: str = "none",
    norm: str = "batch",
    dropout: float = 0.0,
    seed: int = 0,
) -> keras.Model:
    """Two 5x5 convolutions (6 and 16 filters), each rectified and max-pooled; dense 120 and 84.

    The first convolution pads to keep the size and the second does not, so that 28x28 comes
    to the well-known 16 x 5 x 5 = 400 features. A volume has 5x5x5 kernels. Larger inputs
    grow the first dense layer and nothing else.

    Args:
        input_shape: `(H, W, C)` or `(D, H, W, C)`, at least 12 a side.
        classes: number of logits.
        name: of the model.
        weights: `"none"` or a file (read by `models.build`).
        norm: without effect: the textbook's network has no normalisation.
        dropout: share dropped before the logits.
        seed: of the first weights.

    Raises:
        ConfigError: the image is too small, or ImageNet weights are asked for.
    """
    require_no_imagenet(name, weights)
    require_size(name, input_shape, LEAST, "resnet_small", volumes=True)
    stream = seed_stream(seed)
    image = keras.Input(input_shape, name="image")
    tensor = image
    for filters, padding in zip(FILTERS, ("same", "valid"), strict=True):
        tensor = convolution(tensor, filters, 5, next(stream), padding=padding, bias=True)
        tensor = max_pool(layers.Activation("relu")(tensor))
    tensor = layers.Flatten()(tensor)
    for units in DENSE:
        initial = keras.initializers.HeNormal(seed=next(stream))
        tensor = layers.Dense(units, activation="relu", kernel_initializer=initial)(tensor)
    return keras.Model(image, head(tensor, classes, dropout, stream), name=name)
