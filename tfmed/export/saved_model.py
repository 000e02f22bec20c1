"""The SavedModel of a classifier, with its warm-up requests, as TF Serving reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.export.classifier import Classifier
from tfmed.export.signatures import BYTES, CLASSIFY, EXAMPLE_KEY, IMAGE, signatures
from tfmed.log import quiet

WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"
CLASSIFY_METHOD = "tensorflow/serving/classify"


def write(classifier: Classifier, folder: Path) -> None:
    """Write `saved_model.pb`, `variables/` and `assets.extra/` into `folder`.

    Signatures (K classes, C channels):
        serving_default: `image` float32 `[N, H, W, C]` or `[N, D, H, W, C]` of any size, in
            modality units, to `probabilities` float32 `[N, K]`.
        serving_bytes: `image_bytes` string `[N]`, PNG or JPEG, to `probabilities` and `valid`
            bool `[N]`; a bad image gives NaN and False. Not for volumes.
        classify: `inputs`, serialized tf.Example with `image/encoded`, to `classes` string
            `[N, K]` in class order and `scores` `[N, K]`. Not for volumes.

    Args:
        classifier: what is exported.
        folder: an existing folder, usually a draft of `release`.
    """
    network = classifier.network()
    archive = keras.export.ExportArchive()
    archive.track(network)
    with quiet():
        for name, (function, spec) in signatures(classifier, network).items():
            archive.add_endpoint(name, function, input_signature=[spec])
        archive.write_out(str(folder), verbose=False)
    _name_classify_method(folder / "saved_model.pb")
    write_warmup(classifier, folder / WARMUP)


def _name_classify_method(file: Path) -> None:
    """Mark the classify signature as such.

    TensorFlow 2 writes every signature as one for Predict; TF Serving's Classify accepts that
    only without `--enable_signature_method_name_check`.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in saved.meta_graphs:
        if CLASSIFY in graph.signature_def:
            graph.signature_def[CLASSIFY].method_name = CLASSIFY_METHOD
    file.write_bytes(saved.SerializeToString(deterministic=True))


def write_warmup(classifier: Classifier, file: Path) -> None:
    """Write requests that TF Serving answers before it opens, so that no user waits for tracing.

    The images are noise: no patient's scan is in an export.

    Args:
        classifier: what is exported.
        file: a TFRecord of `tensorflow.serving.PredictionLog`.
    """
    from tensorflow_serving.apis import prediction_log_pb2

    logs = [_predict_log(IMAGE, "image", synthetic_image(classifier)[np.newaxis])]
    if classifier.planar:
        data = synthetic_png(classifier)
        for batch in ([data], [data, b""]):
            logs.append(_predict_log(BYTES, "image_bytes", np.array(batch, object)))
        log = prediction_log_pb2.PredictionLog()
        log.classify_log.request.model_spec.signature_name = CLASSIFY
        log.classify_log.request.input.example_list.examples.append(example(data))
        logs.append(log)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def _predict_log(signature: str, name: str, value: np.ndarray) -> Any:
    """A recorded Predict request with one input."""
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log


def example(data: bytes) -> tf.train.Example:
    """A tf.Example as the `classify` signature takes it.

    Args:
        data: a PNG or JPEG file.
    """
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
    return tf.train.Example(features=tf.train.Features(feature={EXAMPLE_KEY: value}))


def synthetic_image(classifier: Classifier) -> np.ndarray:
    """Whole-number noise float32 `[*size, C]` over the window, that the pixel code can hold."""
    shape = classifier.preprocessing.input_shape
    low, high = classifier.preprocessing.window or (0.0, 255.0)
    return np.rint(np.random.default_rng(0).uniform(low, high, shape)).astype(np.float32)


def synthetic_png(classifier: Classifier) -> bytes:
    """Noise as a grey PNG of the pixel code's depth."""
    height, width = classifier.preprocessing.size
    top = 1 << classifier.pixels.bits
    noise = np.random.default_rng(0).integers(0, top, (height, width, 1))
    dtype = np.uint8 if classifier.pixels.bits == 8 else np.uint16
    return bytes(tf.io.encode_png(noise.astype(dtype)).numpy())
