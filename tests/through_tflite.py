"""A Keras model through TFLite, without Flex operations, at a fixed size."""

from __future__ import annotations

import tempfile

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfmed.log import quiet


def from_keras(model: keras.Model, values: np.ndarray) -> np.ndarray:
    """What the converted model of one output gives."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = tf.TensorSpec(values.shape, tf.float32, name="image")
    with tempfile.TemporaryDirectory() as folder, quiet():
        archive.add_endpoint(
            "serving_default", lambda image: {"found": model(image, training=False)}, [spec]
        )
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serving_default"]
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        content = converter.convert()
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    return np.asarray(runner(image=values)["found"])
