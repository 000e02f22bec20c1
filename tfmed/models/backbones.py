"""The networks of `keras.applications`, flat, with any number of channels and our own head."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import keras
from keras import KerasTensor, layers

from tfmed.errors import ConfigError, ReadError
from tfmed.models.blocks import ClassifierOptions, head, require_size
from tfmed.models.blocks import seeds as seed_stream
from tfmed.models.weights import ADAPT, adapts_input, released

COLOUR = 3
# Mean and standard deviation of ImageNet's pixels, red, green, blue, in 0..1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Mean pixel of Caffe's networks, blue, green, red, in 0..255.
CAFFE_MEAN = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Backbone:
    """One network of `keras.applications`.

    Attributes:
        function: its name there.
        convention: the range that its ImageNet weights were trained on: `"caffe"` (0..255 less
            the mean pixel, blue first), `"tf"` (-1..1) or `"torch"` (0..1 less the mean, over
            the standard deviation).
        least: pixels a side that it takes.
        options: what else the function is given.
    """

    function: str
    convention: str
    least: int = 32
    options: tuple[tuple[str, Any], ...] = ()


# Their own preprocessing layers are left out: ours stand before all of them alike.
BARE = (("include_preprocessing", False),)
BACKBONES = {
    "vgg16": Backbone("VGG16", "caffe"),
    "vgg19": Backbone("VGG19", "caffe"),
    "resnet50": Backbone("ResNet50", "caffe"),
    "resnet101": Backbone("ResNet101", "caffe"),
    "inception_v3": Backbone("InceptionV3", "tf", least=75),
    "densenet121": Backbone("DenseNet121", "torch"),
    "densenet169": Backbone("DenseNet169", "torch"),
    "efficientnet_v2_b0": Backbone("EfficientNetV2B0", "torch", options=BARE),
    "efficientnet_v2_b1": Backbone("EfficientNetV2B1", "torch", options=BARE),
    "efficientnet_v2_b2": Backbone("EfficientNetV2B2", "torch", options=BARE),
    "efficientnet_v2_b3": Backbone("EfficientNetV2B3", "torch", options=BARE),
    "mobilenet_v3_small": Backbone("MobileNetV3Small", "tf", options=BARE),
    "mobilenet_v3_large": Backbone("MobileNetV3Large", "tf", options=BARE),
    "convnext_tiny": Backbone("ConvNeXtTiny", "torch", options=BARE),
    "convnext_small": Backbone("ConvNeXtSmall", "torch", options=BARE),
}


def backbone(
    input_shape: tuple[int, ...], classes: int, **options: Unpack[ClassifierOptions]
) -> keras.Model:
    """A network of `keras.applications` with global average pooling, dropout and logits.

    Args:
        input_shape: `(H, W, C)`; any number of channels without ImageNet weights, one or three
            with them.
        classes: number of logits.
        **options: of `models.build`; there is batch norm only.

    Raises:
        ConfigError: a size or number of channels that it does not take, group norm, or weights
            of another network.
        ReadError: the weights cannot be downloaded or read.
    """
    name, seed = options["name"], options["seed"]
    require_size(name, input_shape, BACKBONES[name].least, "resnet_small")
    if options["norm"] != "batch":
        raise ConfigError(f"{name} has batch norm only; --model resnet_small has group norm too")
    image = keras.Input(input_shape, name="image")
    network = headless(image, name, options["weights"], seed)
    pooled = layers.GlobalAveragePooling2D()(network.output)
    logits = head(pooled, classes, options["dropout"], seed_stream(seed))
    return keras.Model(image, logits, name=name)


def headless(image: KerasTensor, name: str, weights: str, seed: int) -> keras.Model:
    """A network of `BACKBONES` from an image to its last features.

    Args:
        image: an input, `[B, H, W, C]`.
        name: a row of `BACKBONES`.
        weights: as in `models.build`; those of a file of ours are not read here.
        seed: of the first weights, through `keras.utils.set_random_seed`.

    Raises:
        ConfigError: a number of channels that the weights do not take.
        ReadError: the weights cannot be downloaded or read.
    """
    row = BACKBONES[name]
    keras.utils.set_random_seed(seed)
    tensor = _adapt(image, row.convention, name) if adapts_input(weights) else image
    inside = weights == "imagenet" or released(weights)
    return _load(row, tensor, weights if inside else None, name)


def _adapt(image: KerasTensor, convention: str, name: str) -> KerasTensor:
    """0..1 to what ImageNet weights expect, by layers that load in safe mode and export."""
    channels = int(image.shape[-1])
    if channels not in (1, COLOUR):
        raise ConfigError(
            f"ImageNet weights of {name} take grey or colour images, got {channels} channels; "
            "use --weights none"
        )
    tensor = image
    if channels == 1:
        tensor = layers.Concatenate(name="grey_to_colour")([image] * COLOUR)
    elif convention == "caffe":
        tensor = keras.ops.flip(tensor, axis=-1)
    if convention == "caffe":
        scale: Any = 255.0
        offset: Any = [-mean for mean in CAFFE_MEAN]
    elif convention == "tf":
        scale, offset = 2.0, -1.0
    else:
        scale = [1 / std for std in IMAGENET_STD]
        pairs = zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)
        offset = [-mean / std for mean, std in pairs]
    return layers.Rescaling(scale, offset, name=ADAPT)(tensor)


def _load(row: Backbone, tensor: KerasTensor, weights: str | None, name: str) -> keras.Model:
    function: Callable[..., keras.Model] = getattr(keras.applications, row.function)
    try:
        with warnings.catch_warnings():
            # MobileNetV3 warns of every size but its five; the weights fit all the same.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")
            return function(
                include_top=False, weights=weights, input_tensor=tensor, **dict(row.options)
            )
    except Exception as error:
        # Keras raises a bare Exception when a download fails, and what h5py raises for a file.
        if weights is None:
            raise
        what = " ".join(str(error).split())[:200]
        raise ReadError(
            weights,
            f"the ImageNet weights of {name} cannot be had ({what}); go on with --weights none, "
            "or bring that file (its name holds notop or no_top) and give --weights FILE",
        ) from error
