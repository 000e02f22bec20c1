"""DeepLabV3+ on a network of `keras.applications`, for images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Unpack

import keras
import tensorflow as tf
from keras import KerasTensor, layers

from tfmed.errors import ConfigError
from tfmed.models.backbones import headless
from tfmed.models.blocks import convolution, normalise
from tfmed.models.blocks import seeds as seed_stream
from tfmed.models.unet_blocks import LOGITS, NetworkStages, SegmenterOptions, voxel_logits

BACKBONE = "resnet50"
# A quarter of the image's size.
FINE = "conv2_block3_out"
# The last stage would shrink the image to a 32nd; here it looks further instead.
LAST_STAGE, SHRINKING = "conv5_", ("conv5_block1_0_conv", "conv5_block1_1_conv")
RATES = (6, 12, 18)
WIDTH, FINE_WIDTH = 256, 48


@keras.saving.register_keras_serializable(package="tfmed")
class ResizeLike(keras.layers.Layer):
    """Features `[B, h, w, C]` at the height and width of others, by bilinear interpolation."""

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Resize the first of two tensors to the size of the second."""
        features, like = inputs
        size = like.shape[1:3] if None not in like.shape[1:3] else tf.shape(like)[1:3]
        return tf.cast(tf.image.resize(features, size), features.dtype)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple:
        """Size of the second, channels of the first."""
        features, like = input_shape
        return (*like[:3], features[3])


def deeplab_v3_plus(
    channels: int, classes: int, stages: NetworkStages, **options: Unpack[SegmenterOptions]
) -> keras.Model:
    """DeepLabV3+ (L.-C. Chen et al., 2018, arXiv:1802.02611) on a ResNet50, at stride 16.

    Takes images of any size. The network's widths, strides and kernels are those of its papers:
    of `stages` only the rank is looked at. It has one output, with `deep_supervision` as without.

    Weights may also be `"imagenet"`, or a file that Keras releases, for one or three channels; the
    network then takes 0..1, not the normalised image. The seed also reseeds Python, NumPy and
    TensorFlow. Args: see `models.build_segmenter`.

    Raises:
        ConfigError: the plan is of volumes.
    """
    name, seed = options["name"], options["seed"]
    if stages.rank != 2:
        raise ConfigError(f"{name} takes images of two dimensions; volumes go through --model unet")
    stream = seed_stream(seed)
    image = keras.Input((None, None, channels), name="image")
    plain = headless(image, BACKBONE, options["weights"], seed)
    network = keras.models.clone_model(plain, input_tensors=[image], clone_function=_dilated)
    network.set_weights(plain.get_weights())
    features = _pyramid(network.output, stream)
    fine = network.get_layer(FINE).output
    fine = _unit(fine, FINE_WIDTH, 1, stream)
    tensor = layers.Concatenate()([ResizeLike()([features, fine]), fine])
    for _ in range(2):
        tensor = _unit(tensor, WIDTH, 3, stream)
    coarse = voxel_logits(tensor, classes, stream, name=f"coarse_{LOGITS}")
    logits = ResizeLike(dtype="float32", name=LOGITS)([coarse, image])
    return keras.Model(image, logits, name=name)


def _dilated(layer: Any) -> Any:
    """A copy of a layer; in the last stage rates take the place of strides."""
    config = layer.get_config()
    if layer.name in SHRINKING:
        config["strides"] = (1, 1)
    elif layer.name.startswith(LAST_STAGE) and max(config.get("kernel_size", (1,))) > 1:
        config["dilation_rate"] = (2, 2)
    return type(layer).from_config(config)


def _pyramid(tensor: KerasTensor, seed: Iterator[int]) -> KerasTensor:
    """Features of several reaches beside each other (atrous spatial pyramid pooling)."""
    parts = [_unit(tensor, WIDTH, 1, seed)]
    parts += [_unit(tensor, WIDTH, 3, seed, rate) for rate in RATES]
    whole = layers.GlobalAveragePooling2D(keepdims=True)(tensor)
    parts.append(ResizeLike()([_unit(whole, WIDTH, 1, seed), tensor]))
    return _unit(layers.Concatenate()(parts), WIDTH, 1, seed)


def _unit(
    tensor: KerasTensor, filters: int, kernel: int, seed: Iterator[int], rate: int = 1
) -> KerasTensor:
    """A convolution, batch normalisation (as in the backbone) and a rectifier."""
    tensor = convolution(tensor, filters, kernel, next(seed), rate=rate)
    return layers.Activation("relu")(normalise(tensor, "batch"))
