"""The signatures of an export that answers for whole examples, from request to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfmed.export.decode import decode
from tfmed.export.pixels import PixelCode
from tfmed.export.signatures import BYTES, CLASSIFY, EXAMPLE_KEY, IMAGE, in_place, readable
from tfmed.task import Signature
from tfmed.tasks.recognition.answers import Answer
from tfmed.tasks.recognition.inputs import input_of
from tfmed.transforms.normalisation import normalise
from tfmed.transforms.prepare import Preprocessing, prepare, resample


def signatures(
    network: keras.Model,
    preprocessing: Preprocessing,
    pixels: PixelCode,
    answer: Answer,
) -> dict[str, Signature]:
    """Name to function and input specification.

    Volumes have `serving_default` only: PNG and JPEG carry planes. `classify` is of classes.

    Args:
        network: normalised image to answers `[N, width]`; the caller tracks it.
        preprocessing: from modality units to its input.
        pixels: what the integers of a PNG or JPEG mean.
        answer: what is asked.
    """
    shape = [*[None] * (len(preprocessing.size) + 1), preprocessing.channels]

    def image_signature(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer.named(network(prepare(image, preprocessing), training=False))

    found: dict[str, Signature] = {
        IMAGE: (image_signature, tf.TensorSpec(shape, tf.float32, name="image"))
    }
    if len(preprocessing.size) != 2:
        return found

    def answers(
        requests: tf.Tensor, unpack: Callable[[tf.Tensor], tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def read(request: tf.Tensor) -> tuple[tf.Tensor]:
            image = decode(unpack(request), pixels, preprocessing.channels)
            return (resample(image[tf.newaxis], preprocessing)[0],)

        rows, (images,) = readable(requests, read, (tf.zeros(preprocessing.input_shape),))
        count = tf.shape(rows)[0]
        # The empty row at the end is asked only where it is alone.
        some = tf.ensure_shape(images[: tf.maximum(count, 1)], [None, *preprocessing.input_shape])
        found = network(normalise(some, preprocessing.normalisation), training=False)
        return in_place(rows, found[:count], requests)

    def bytes_signature(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        found, valid = answers(image_bytes, lambda data: data)
        return {**answer.named(found), "valid": valid}

    def classify_signature(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, _ = answers(inputs, _encoded_image)
        names = tf.constant(answer.classes)[tf.newaxis]
        return {"classes": tf.repeat(names, tf.shape(scores)[0], axis=0), "scores": scores}

    found[BYTES] = (bytes_signature, tf.TensorSpec([None], tf.string, name="image_bytes"))
    if answer.classes:
        found[CLASSIFY] = (classify_signature, tf.TensorSpec([None], tf.string, name="inputs"))
    return found


def _encoded_image(example: tf.Tensor) -> tf.Tensor:
    """The file inside a serialized tf.Example."""
    features = {EXAMPLE_KEY: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(example, features)[EXAMPLE_KEY]


def words(preprocessing: Preprocessing, answer: Answer) -> dict[str, Any]:
    """Inputs and outputs of each signature in words, for the card."""
    given = input_of(len(preprocessing.size), preprocessing.sampled)
    found: dict[str, Any] = {
        IMAGE: {
            "inputs": {"image": f"float32 [{given.axes}], any size, modality units"},
            "outputs": answer.words(),
        }
    }
    if given.in_files:
        outputs = {name: f"{said}, NaN where not valid" for name, said in answer.words().items()}
        found[BYTES] = {
            "inputs": {"image_bytes": "string [N], PNG or JPEG files"},
            "outputs": {**outputs, "valid": "bool [N]"},
        }
    if given.in_files and answer.classes:
        found[CLASSIFY] = {
            "inputs": {"inputs": "string [N], serialized tf.Example with image/encoded"},
            "outputs": {"classes": "string [N, K]", "scores": "float32 [N, K]"},
        }
    return found
