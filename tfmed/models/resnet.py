"""`resnet_small`: a residual network with a 3x3 stem, for images under 64 pixels a side."""

from __future__ import annotations

from typing import Any, Unpack

import keras
from keras import layers

from tfmed.models.blocks import (
    ClassifierOptions,
    convolution,
    global_average,
    head,
    normalise,
    require_no_imagenet,
    require_size,
    residual,
)
from tfmed.models.blocks import seeds as seed_stream

LEAST = 8
BLOCKS = 2
# Widths of the stages by spatial rank and the longest side, the first row that holds it. The
# early stages are narrow because they cost most: at 28x28, (16, 32, 128) trains about twice as
# many images a second on two cores as (32, 64, 128).
WIDTHS = {
    2: {47: (16, 32, 128), 128: (16, 32, 64, 128), 10**6: (32, 64, 128, 256)},
    3: {47: (16, 32, 64), 10**6: (16, 32, 64, 128)},
}
# Stride of the stem, likewise: later stages then meet sizes that they are made for.
STEM_STRIDE = {2: {63: 1, 128: 2, 10**6: 4}, 3: {15: 1, 63: 2, 10**6: 4}}


def resnet_small(
    input_shape: tuple[int, ...], classes: int, **options: Unpack[ClassifierOptions]
) -> keras.Model:
    """A 3x3 stem, three or four stages of two basic residual blocks, global average, logits.

    After He 2016 (its CIFAR form, widened); the last normalisation of every block begins at
    scale 0. It takes any size: from 64 pixels a side the stem is strided, in three dimensions
    from 16 (see `WIDTHS` and `STEM_STRIDE`).

    Args:
        input_shape: `(H, W, C)` or `(D, H, W, C)`, at least 8 a side.
        classes: number of logits.
        **options: of `models.build`.

    Raises:
        ConfigError: the image is too small, or ImageNet weights are asked for.
    """
    name, norm = options["name"], options["norm"]
    require_no_imagenet(name, options["weights"])
    require_size(name, input_shape, LEAST, "none of the table", volumes=True)
    stream = seed_stream(options["seed"])
    rank, side = len(input_shape) - 1, max(input_shape[:-1])
    widths = _row(WIDTHS[rank], side)
    image = keras.Input(input_shape, name="image")
    tensor = image
    stride = _row(STEM_STRIDE[rank], side)
    for step in (2, 2)[: stride // 2] or (1,):
        tensor = convolution(tensor, widths[0], 3, next(stream), stride=step)
        tensor = layers.Activation("relu")(normalise(tensor, norm))
    for stage, filters in enumerate(widths):
        for block in range(BLOCKS):
            shrink = 2 if stage > 0 and block == 0 else 1
            tensor = residual(tensor, filters, shrink, norm, stream)
    logits = head(global_average(tensor), classes, options["dropout"], stream)
    return keras.Model(image, logits, name=name)


def _row(table: dict[int, Any], side: int) -> Any:
    return next(value for limit, value in table.items() if side <= limit)
