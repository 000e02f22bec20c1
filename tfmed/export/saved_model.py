"""The SavedModel of a trained network, with its warm-up requests, as TF Serving reads it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.export.signatures import BYTES, CLASSIFY, EXAMPLE_KEY, IMAGE, PATCHES
from tfmed.log import quiet
from tfmed.task import Predictor

WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"
CLASSIFY_METHOD = "tensorflow/serving/classify"


def write(predictor: Predictor, folder: Path) -> None:
    """Write `saved_model.pb`, `variables/` and `assets.extra/` into `folder`.

    What the signatures take and give, the task's `export` says.

    Args:
        predictor: what is exported.
        folder: an existing folder, usually a draft of `release`.
    """
    network = predictor.network()
    archive = keras.export.ExportArchive()
    archive.track(network)
    signatures = predictor.signatures(network)
    with quiet():
        for name, (function, spec) in signatures.items():
            archive.add_endpoint(name, function, input_signature=[spec])
        archive.write_out(str(folder), verbose=False)
    if CLASSIFY in signatures:
        _name_classify_method(folder / "saved_model.pb")
    write_warmup(predictor, signatures, folder / WARMUP)


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


def write_warmup(predictor: Predictor, names: Collection[str], file: Path) -> None:
    """Write requests that TF Serving answers before it opens, so that no user waits for tracing.

    The images are noise: no patient's scan is in an export.

    Args:
        predictor: what is exported.
        names: its signatures.
        file: a TFRecord of `tensorflow.serving.PredictionLog`.
    """
    from tensorflow_serving.apis import prediction_log_pb2

    image = tf.constant(synthetic_image(predictor)[np.newaxis])
    logs = [_predict_log(IMAGE, "image", image)]
    if PATCHES in names:
        logs.append(_predict_log(PATCHES, "patches", predictor.normalise(image)))
    if BYTES in names:
        data = synthetic_png(predictor)
        for batch in ([data], [data, b""]):
            logs.append(_predict_log(BYTES, "image_bytes", np.array(batch, object)))
    if CLASSIFY in names:
        log = prediction_log_pb2.PredictionLog()
        log.classify_log.request.model_spec.signature_name = CLASSIFY
        log.classify_log.request.input.example_list.examples.append(example(data))
        logs.append(log)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def _predict_log(signature: str, name: str, value: Any) -> Any:
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


def synthetic_image(predictor: Predictor) -> np.ndarray:
    """Whole-number noise float32 `[*size, C]` over the window, that the pixel code can hold."""
    noise = np.random.default_rng(0).uniform(*predictor.noise_window, predictor.input_shape)
    return np.rint(noise).astype(np.float32)


def synthetic_png(predictor: Predictor) -> bytes:
    """Noise as a grey PNG of the pixel code's depth."""
    height, width, _ = predictor.input_shape
    top = 1 << predictor.pixels.bits
    noise = np.random.default_rng(0).integers(0, top, (height, width, 1))
    dtype = np.uint8 if predictor.pixels.bits == 8 else np.uint16
    return bytes(tf.io.encode_png(noise.astype(dtype)).numpy())
