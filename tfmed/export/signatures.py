"""The three signatures of an exported classifier, as graphs from request to answer."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from tfmed.export.classifier import Classifier
from tfmed.export.decode import decode
from tfmed.transforms.prepare import normalise, prepare, resample

IMAGE = "serving_default"
BYTES = "serving_bytes"
CLASSIFY = "classify"
EXAMPLE_KEY = "image/encoded"

Signature = tuple[Callable[[tf.Tensor], dict[str, tf.Tensor]], tf.TensorSpec]


def signatures(classifier: Classifier, network: keras.Model) -> dict[str, Signature]:
    """Name to function and input specification.

    Volumes have `serving_default` only: PNG and JPEG carry planes.

    Args:
        classifier: what is exported.
        network: its `network()`, which the caller tracks.
    """
    free = [None] * (len(classifier.preprocessing.size) + 1)
    shape = [*free, classifier.preprocessing.channels]

    def image_signature(image: tf.Tensor) -> dict[str, tf.Tensor]:
        ready = prepare(image, classifier.preprocessing)
        return {"probabilities": network(ready, training=False)}

    found: dict[str, Signature] = {
        IMAGE: (image_signature, tf.TensorSpec(shape, tf.float32, name="image"))
    }
    if not classifier.planar:
        return found

    def bytes_signature(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities, valid = _isolated(image_bytes, lambda data: data, classifier, network)
        return {"probabilities": probabilities, "valid": valid}

    def classify_signature(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, _ = _isolated(inputs, _encoded_image, classifier, network)
        names = tf.constant(classifier.classes)[tf.newaxis]
        return {"classes": tf.repeat(names, tf.shape(scores)[0], axis=0), "scores": scores}

    found[BYTES] = (bytes_signature, tf.TensorSpec([None], tf.string, name="image_bytes"))
    found[CLASSIFY] = (classify_signature, tf.TensorSpec([None], tf.string, name="inputs"))
    return found


def _encoded_image(example: tf.Tensor) -> tf.Tensor:
    """The file inside a serialized tf.Example."""
    features = {EXAMPLE_KEY: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(example, features)[EXAMPLE_KEY]


def _isolated(
    requests: tf.Tensor,
    unpack: Callable[[tf.Tensor], tf.Tensor],
    classifier: Classifier,
    network: keras.Model,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Answer each request by itself, so that a bad one does not fail its neighbours.

    Every image is decoded and resampled in a map of its own, whose errors drop that element
    only. An empty row stands behind them, so that there is a batch at all; where it is alone,
    it goes through the network and is cut off after it, for convolutions refuse an empty batch.

    Args:
        requests: string `[N]`.
        unpack: one request to the bytes of a file.
        classifier: what is exported.
        network: its network.

    Returns:
        probabilities float32 `[N, K]`, NaN in bad rows, and valid bool `[N]`.
    """
    preprocessing = classifier.preprocessing
    count = tf.size(requests, out_type=tf.int64)

    def read(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = decode(unpack(requests[row]), classifier.pixels, preprocessing.channels)
        return row, resample(image[tf.newaxis], preprocessing)[0]

    good = tf.data.Dataset.range(count).map(
        read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    empty = tf.data.Dataset.from_tensors((count, tf.zeros(preprocessing.input_shape)))
    both = good.ignore_errors().concatenate(empty)
    rows, images = both.batch(count + 1).get_single_element()
    rows = rows[:-1, tf.newaxis]
    some = images[: tf.maximum(tf.shape(rows)[0], 1)]
    answers = network(normalise(some, preprocessing), training=False)[: tf.shape(rows)[0]]
    nothing = tf.fill(tf.stack([count, len(classifier.classes)]), float("nan"))
    probabilities = tf.tensor_scatter_nd_update(nothing, rows, answers)
    right = tf.ones_like(rows[:, 0], tf.bool)
    return probabilities, tf.tensor_scatter_nd_update(tf.fill([count], False), rows, right)
