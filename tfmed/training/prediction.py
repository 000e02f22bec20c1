"""A model's answers over a data set, and a float32 rebuild of a trained model."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_compiled: weakref.WeakKeyDictionary[keras.Model, Callable[[tf.Tensor], tf.Tensor]] = (
    weakref.WeakKeyDictionary()
)


def logits(model: keras.Model, images: Iterable[tf.Tensor], n: int) -> np.ndarray:
    """The model's outputs for the first `n` images, in their order.

    The compiled graph is kept with the model, so that repeated calls (a validation an epoch)
    trace once; changed weights count at once. Runs on one device, also for a model that was
    made under a mirrored strategy.

    Args:
        model: images [B, ...] to logits [B, K].
        images: batches of images only, as a `tf.data.Dataset` gives them; best of one static
            shape, the last padded.
        n: images that count; what lies behind them is padding.

    Returns:
        float32 [n, K].

    Raises:
        ValueError: the data set has fewer than `n` images.
    """
    function = _function(model)
    parts: list[np.ndarray] = []
    for batch in images:
        parts.append(function(batch).numpy())
    logits = np.concatenate(parts) if parts else np.zeros((0, *model.output_shape[1:]), np.float32)
    if len(logits) < n:
        raise ValueError(f"the data set has {len(logits)} images; expected at least {n}")
    return logits[:n]


def _function(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    if model not in _compiled:
        # A strong reference in the graph's closure would keep the model for ever.
        reference = weakref.ref(model)

        @tf.function(reduce_retracing=True)
        def function(images: tf.Tensor) -> tf.Tensor:
            alive = reference()
            assert alive is not None
            return tf.cast(alive(images, training=False), tf.float32)

        _compiled[model] = function
    return _compiled[model]


def float32(model: keras.Model) -> keras.Model:
    """The same network and weights with every layer computing in float32, free of any strategy.

    Args:
        model: a model that Keras can rebuild from its configuration.

    Returns:
        A new model.
    """
    rebuilt = model.__class__.from_config(_in_float32(model.get_config()))
    rebuilt.set_weights(model.get_weights())
    return rebuilt


def _in_float32(config: Any) -> Any:
    """A layer's or model's configuration with mixed precision policies made float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {**config["config"], "name": "float32"}}
        return {key: _in_float32(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(value) for value in config)
    return "float32" if config in ("mixed_bfloat16", "mixed_float16") else config
