"""Grad-CAM: where in an image a network found the evidence for a class."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError

# A map of 2 x 2 cells says nothing to a reader; an earlier, finer one is used where there is.
LEAST_CELLS = 4
NOT_FEATURES = (
    keras.layers.InputLayer,
    keras.layers.Dropout,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.AveragePooling2D,
    keras.layers.AveragePooling3D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
)


def gradcam(
    model: keras.Model,
    images: np.ndarray,
    class_index: Sequence[int] | np.ndarray,
    *,
    layer: str = "",
    multi_label: bool = False,
    batch_size: int = 16,
) -> np.ndarray:
    """Heat maps of the evidence for one class an image.

    A feature map's weight is the mean over space of the gradient of the class's logit; the
    heat is the positive part of the weighted sum of maps. A softmax does not see a number
    that is added to all logits, so the gradient is that of the logit less the mean logit;
    in multi-label, where a sigmoid does see it, of the logit alone.

    The maps are coarse (the layer's own size, drawn larger) and show where, not why. In a
    network that flattens its maps (`convnet`) the mean over space blurs them further.

    Args:
        model: flat functional model, images to logits `[B, K]` (no softmax at its end).
        images: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, normalised as in training.
        class_index: `[B]` integers, the class to explain for each image.
        layer: name of the layer to look at; by default the last feature map (convolution,
            normalisation, activation, sum) that is at least 4 cells wide each way, or
            failing that 2.
        multi_label: the head is sigmoids rather than a softmax.
        batch_size: images a step.

    Returns:
        float32 `[B, H, W]` or `[B, D, H, W]` in 0..1, the largest value of each image 1; all
        zeros where nothing speaks for the class or the map is constant. Never NaN.

    Raises:
        ConfigError: no such layer, or the network keeps no spatial map.

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017. Adebayo et al., Sanity Checks for Saliency
        Maps, NeurIPS 2018: a map must change when the weights do.
    """
    features = feature_layer(model, layer)
    both = keras.Model(model.inputs, [features.output, model.outputs[0]])
    classes = np.asarray(class_index, np.int32)
    steps = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
    maps = [_maps(both, images[step], classes[step], multi_label) for step in steps]
    space = images.shape[1:-1]
    if not maps:
        return np.zeros((0, *space), np.float32)
    return scaled(resized(np.concatenate(maps), space))


def feature_layer(model: keras.Model, name: str = "") -> keras.layers.Layer:
    """The layer whose output Grad-CAM weighs: `name`, or the last fine enough feature map."""
    rank = len(model.inputs[0].shape)
    if name:
        if name not in {layer.name for layer in model.layers}:
            raise ConfigError(f"the network has no layer {name!r}")
        chosen = model.get_layer(name)
        if len(chosen.output.shape) != rank:
            raise ConfigError(f"layer {name!r} gives {chosen.output.shape}: not a spatial map")
        return chosen
    candidates = [
        layer
        for layer in model.layers
        if not isinstance(layer, NOT_FEATURES)
        and isinstance(layer.output, keras.KerasTensor)
        and len(layer.output.shape) == rank
    ]
    # Before the first weights come preprocessing layers, whose maps are the image itself.
    first = next((i for i, layer in enumerate(candidates) if layer.weights), len(candidates))
    for cells in (LEAST_CELLS, 2):
        for layer in reversed(candidates[first:]):
            if all(size is None or size >= cells for size in layer.output.shape[1:-1]):
                return layer
    raise ConfigError("Grad-CAM needs a feature map with height and width; the network has none")


def _maps(
    both: keras.Model, images: np.ndarray, classes: np.ndarray, multi_label: bool
) -> np.ndarray:
    """The positive part of the weighted sum of feature maps, `[B, h, w]` or `[B, d, h, w]`."""
    batch = tf.convert_to_tensor(images, tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch)
        features, logits = both(batch, training=False)
        logits = tf.cast(logits, tf.float32)
        if not multi_label:
            logits -= tf.reduce_mean(logits, axis=1, keepdims=True)
        score = tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))
    return weighed(features, tape.gradient(score, features))


def weighed(features: tf.Tensor, gradient: tf.Tensor | None, pooled: bool = True) -> np.ndarray:
    """The positive part of the sum of feature maps, each weighed by its gradient.

    Args:
        features: `[B, h, w, F]` or `[B, d, h, w, F]`.
        gradient: of a score by `features`; None where it does not depend on them.
        pooled: a map has one weight, its gradient's mean over space; or each place its own.

    Returns:
        float32 `[B, h, w]` or `[B, d, h, w]`.

    Raises:
        ConfigError: the score does not depend on the features.
    """
    if gradient is None:
        raise ConfigError("the logits do not depend on the layer that Grad-CAM looks at")
    features, gradient = tf.cast(features, tf.float32), tf.cast(gradient, tf.float32)
    space = list(range(1, len(features.shape) - 1))
    weights = tf.reduce_mean(gradient, axis=space, keepdims=True) if pooled else gradient
    return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy()


def resized(maps: np.ndarray, space: tuple[int, ...]) -> np.ndarray:
    """Bilinear, half-pixel centres: `[B, h, w]` to `[B, H, W]`, or the same with depth."""
    height, width = space[-2:]
    planes = tf.reshape(maps, [-1, *maps.shape[-2:], 1])
    planes = tf.image.resize(planes, (height, width))
    if maps.ndim == 3:
        return planes[..., 0].numpy()
    # Depth is resized as the height of a picture whose columns are the pixels of a slice.
    columns = tf.reshape(planes, [maps.shape[0], maps.shape[1], height * width, 1])
    columns = tf.image.resize(columns, (space[0], height * width))
    return tf.reshape(columns, [-1, *space]).numpy()


def scaled(maps: np.ndarray) -> np.ndarray:
    """Each map with 1 at its largest value; zeros where it is constant."""
    maps = np.nan_to_num(maps, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    axes = tuple(range(1, maps.ndim))
    high, low = maps.max(axis=axes, keepdims=True), maps.min(axis=axes, keepdims=True)
    speaks = high - low > 1e-6 * np.maximum(high, np.float32(1e-30))
    return np.where(speaks, maps / np.where(speaks, high, 1.0), 0.0).astype(np.float32)
