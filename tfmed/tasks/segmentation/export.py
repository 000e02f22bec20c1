"""The signatures of an exported segmenter from request to answer, and its part of the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfmed.export.decode import decode
from tfmed.export.pixels import PixelCode
from tfmed.export.signatures import BYTES, IMAGE, PATCHES, in_place, readable
from tfmed.inference import InferenceSettings
from tfmed.task import Signature
from tfmed.transforms.normalisation import Normalisation, normalise

if TYPE_CHECKING:
    from tfmed.tasks.segmentation.segmenter import Segmenter

Answer = dict[str, tf.Tensor]


def signatures(
    network: keras.Model,
    intensity: Normalisation,
    pixels: PixelCode,
    input_shape: tuple[int, ...],
    divisors: tuple[int, ...],
) -> dict[str, Signature]:
    """Name to function and input specification.

    `serving_default` normalises each image by itself, a volume's patch as if it were the whole.
    Volumes have no `serving_bytes`: PNG and JPEG carry planes.

    Args:
        network: normalised images to probabilities `[N, ..., K]`; the caller tracks it.
        intensity: how values are normalised.
        pixels: what the integers of a PNG or JPEG mean.
        input_shape: `(*patch, C)`.
        divisors: what an image's sides must be multiples of; others are padded at their end,
            after normalising, and cut back.
    """
    planar, channels = len(input_shape) == 3, input_shape[-1]
    shape = [None, None, channels] if planar else input_shape

    def image_signature(image: tf.Tensor) -> Answer:
        ready = normalise(image, intensity)
        if planar:
            return _masked(_any_size(ready, network, divisors))
        return _masked(network(ready, training=False))

    def patch_signature(patches: tf.Tensor) -> Answer:
        return {"probabilities": network(patches, training=False)}

    def bytes_signature(image_bytes: tf.Tensor) -> Answer:
        def read(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = decode(data, pixels, channels)
            return normalise(image[tf.newaxis], intensity)[0], tf.shape(image)[:2]

        empty = tf.zeros((1, 1, channels)), tf.ones(2, tf.int32)
        rows, (images, sizes) = readable(image_bytes, read, empty)
        answers = _one_by_one(images, sizes, tf.shape(rows)[0], network, divisors)
        probabilities, valid = in_place(rows, answers, image_bytes)
        size = tf.scatter_nd(rows[:, tf.newaxis], sizes[:-1], [tf.size(image_bytes, tf.int64), 2])
        return {**_masked(probabilities, valid), "valid": valid, "size": size}

    found: dict[str, Signature] = {
        IMAGE: (image_signature, tf.TensorSpec([None, *shape], tf.float32, name="image")),
        PATCHES: (
            patch_signature,
            tf.TensorSpec([None, *input_shape], tf.float32, name="patches"),
        ),
    }
    if planar:
        found[BYTES] = (bytes_signature, tf.TensorSpec([None], tf.string, name="image_bytes"))
    return found


def _masked(probabilities: tf.Tensor, valid: tf.Tensor | None = None) -> Answer:
    """Probabilities `[N, ..., K]` with the most probable class of each pixel, uint8 `[N, ...]`."""
    mask = tf.cast(tf.argmax(probabilities, axis=-1), tf.uint8)
    if valid is not None:
        mask *= tf.cast(valid, tf.uint8)[:, tf.newaxis, tf.newaxis]
    return {"probabilities": probabilities, "mask": mask}


def _any_size(image: tf.Tensor, network: keras.Model, divisors: tuple[int, ...]) -> tf.Tensor:
    """Probabilities of normalised images `[N, H, W, C]` of any H and W."""
    size = tf.shape(image)[1:3]
    short = tf.math.floormod(-size, tf.constant(divisors))
    padded = tf.pad(image, [[0, 0], [0, short[0]], [0, short[1]], [0, 0]])
    return network(padded, training=False)[:, : size[0], : size[1]]


def _one_by_one(
    images: tf.Tensor,
    sizes: tf.Tensor,
    count: tf.Tensor,
    network: keras.Model,
    divisors: tuple[int, ...],
) -> tf.Tensor:
    """Probabilities of images that were padded to the largest of them.

    Each goes through the network at its own size: normalisation by instance would see a
    neighbour's padding, and an answer must not hang on what else is in the request.

    Args:
        images: float32 `[M + 1, H, W, C]`, normalised, the last of them empty.
        sizes: int32 `[M + 1, 2]`.
        count: M.
        network: to probabilities.
        divisors: of the network's sides.

    Returns:
        float32 `[M, H, W, K]`, 0 outside of an image.
    """
    full = tf.shape(images)[1:3]

    def answer(given: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, size = given
        found = _any_size(image[tf.newaxis, : size[0], : size[1]], network, divisors)[0]
        after = full - size
        return tf.pad(found, [[0, after[0]], [0, after[1]], [0, 0]])

    # The empty image is asked only where it is alone: a loop over nothing has no shape to give.
    some = tf.maximum(count, 1)
    signature = tf.TensorSpec([None, None, network.outputs[0].shape[-1]], tf.float32)
    return tf.map_fn(
        answer,
        (images[:some], sizes[:some]),
        fn_output_signature=signature,
        parallel_iterations=1,
    )[:count]


def words(input_shape: tuple[int, ...]) -> dict[str, Any]:
    """Inputs and outputs of each signature in words, for the card."""
    planar = len(input_shape) == 3
    whole = ", ".join(map(str, input_shape[:-1]))
    sides = "H, W" if planar else whole
    image = f"N, {sides}, {input_shape[-1]}"
    answer = {"probabilities": f"float32 [N, {sides}, K]"}
    mask = {"mask": f"uint8 [N, {sides}], the most probable class"}
    size = "any H and W, " if planar else ""
    found = {
        IMAGE: {
            "inputs": {"image": f"float32 [{image}], {size}at spacing_mm, modality units"},
            "outputs": answer | mask,
        },
        PATCHES: {
            "inputs": {"patches": f"float32 [N, {whole}, {input_shape[-1]}], normalised"},
            "outputs": {"probabilities": f"float32 [N, {whole}, K]"},
        },
    }
    if planar:
        found[BYTES] = {
            "inputs": {"image_bytes": "string [N], PNG or JPEG files, at spacing_mm"},
            "outputs": {
                "probabilities": "float32 [N, H, W, K], H and W of the largest image, 0 outside "
                "of an image, NaN where not valid",
                "mask": "uint8 [N, H, W], 0 where not valid",
                "valid": "bool [N]",
                "size": "int32 [N, 2], height and width of each image, 0 where not valid",
            },
        }
    return found


def described(segmenter: Segmenter) -> dict[str, Any]:
    """The entries of the card that are this task's own."""
    settings, intensity = segmenter.settings, segmenter.intensity
    return {
        "task": "segmentation",
        "classes": segmenter.classes,
        "values": {name: value for value, name in enumerate(segmenter.classes)},
        "input": {
            "size": settings.patch_size,
            "channels": segmenter.channels,
            "spacing_mm": settings.spacing_mm,
            "window": intensity.window,
            "normalisation": intensity.to_dict(),
            "divisors": segmenter.divisors,
            "bytes": segmenter.pixels.to_dict() if segmenter.planar else None,
        },
        "inference": {
            "patch_size": settings.patch_size,
            "spacing_mm": settings.spacing_mm,
            "slice_wise": settings.slice_wise,
            "overlap": settings.overlap,
            "mirror_axes": settings.mirror_axes,
            "keep_largest": segmenter.keep_largest,
        },
        "signatures": words(segmenter.input_shape),
    }


def settings_of(card: Mapping[str, Any]) -> InferenceSettings:
    """How whole cases are asked, as the card of a segmenter says.

    Args:
        card: what `card.json` holds.
    """
    how, spacing_mm = card["inference"], card["inference"]["spacing_mm"]
    return InferenceSettings(
        patch_size=tuple(how["patch_size"]),
        spacing_mm=None if spacing_mm is None else tuple(spacing_mm),
        intensity=Normalisation.from_dict(card["input"]["normalisation"]),
        classes=len(card["classes"]),
        overlap=how["overlap"],
        mirror_axes=tuple(how["mirror_axes"]),
        slice_wise=how["slice_wise"],
    )
