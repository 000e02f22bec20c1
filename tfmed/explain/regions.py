"""Seg-Grad-CAM: where in an image a network found the evidence for a structure that it marked.

Pooled, as in Grad-CAM, a feature map has one weight: the mean of its gradient over space. Not
pooled, each place of it has its own, which tells where the evidence for this very region lies: in a
U-Net, whose skips pass the bottleneck by, pooled maps of inner layers often light up elsewhere.

Sources: K. Vinogradova, A. Dibrov, G. Myers, Seg-Grad-CAM, AAAI 2020, arXiv:2002.11434. Not pooled:
R. Draelos, L. Carin, HiResCAM, 2020, arXiv:2011.08891; of masks, S. Hasany, C. Petitjean, F.
Meriaudeau, Seg-XRes-CAM, CVPR workshops 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfmed.data.resampling import resample_case
from tfmed.errors import ConfigError, DataError
from tfmed.explain.gradcam import LEAST_CELLS, feature_layer, resized, scaled, weighed
from tfmed.inference import InferenceSettings

CELL = 4


def region_heat(
    model: keras.Model,
    images: np.ndarray,
    class_index: Sequence[int] | np.ndarray,
    *,
    region: np.ndarray | None = None,
    layer: str = "",
    pooled: bool = True,
) -> np.ndarray:
    """Heat maps of the evidence for one class an image, in a region of it.

    As Grad-CAM, but the score is the sum of the class's logits over the region, each less the mean
    logit there, as a softmax does not see what is added to all. The evidence may lie outside of
    the region: the map shows the surroundings that a network goes by. It is as coarse as the
    layer.

    Args:
        model: flat functional model, images to logits `[B, ..., K]`; of several outputs the first.
        images: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, normalised as in training, of a size
            that the network takes.
        class_index: `[B]` integers, the class to explain for each image.
        region: bool `[B, H, W]` or `[B, D, H, W]`; by default where the network itself gives the
            class its largest logit.
        layer: name of the layer to look at; by default that of `bottleneck`, or of `context`
            where gradients are not pooled.
        pooled: whether a feature map has one weight; see the module.

    Returns:
        float32 `[B, H, W]` or `[B, D, H, W]` in 0..1, the largest value of each image 1; all
        zeros where the region is empty or nothing speaks for the class. Never NaN.

    Raises:
        ConfigError: no such layer, or the logits do not depend on it.
        DataError: the region has another shape, or a class is not one of the network's.
    """
    if region is not None and region.shape != images.shape[:-1]:
        raise DataError(f"the region has shape {region.shape}, its images {images.shape[:-1]}")
    classes = int(model.outputs[0].shape[-1])
    if any(not 0 <= index < classes for index in class_index):
        raise DataError(f"classes are {list(class_index)}; the network has 0 to {classes - 1}")
    default = bottleneck if pooled else context
    features = feature_layer(model, layer) if layer else default(model, images.shape[1:])
    both = keras.Model(model.inputs, [features.output, model.outputs[0]])
    maps = [
        # One by one: a volume's gradients fill the memory.
        _map(both, images[n : n + 1], index, None if region is None else region[n : n + 1], pooled)
        for n, index in enumerate(class_index)
    ]
    return scaled(np.concatenate(maps)) if maps else np.zeros(images.shape[:-1], np.float32)


def case_heat(
    model: keras.Model,
    pixels: np.ndarray,
    labels: np.ndarray,
    class_index: int,
    settings: InferenceSettings,
    spacing_mm: Sequence[float] | None = None,
    *,
    layer: str = "",
) -> np.ndarray:
    """The heat map of one structure of a whole case, in the case's own geometry.

    The network is asked for one patch, in the middle of the structure (slice-wise of the slice
    that shows most of it); the rest of the case has no heat.

    Args:
        model: as in `region_heat`.
        pixels: `[H, W, C]` or `[D, H, W, C]`, modality units.
        labels: `[H, W]` or `[D, H, W]`, the label map that is to be explained.
        class_index: of the structure.
        settings: of inference.
        spacing_mm: of the case, an axis each, or None where it is not known.
        layer: as in `region_heat`; gradients are not pooled.

    Returns:
        float32 `[H, W]` or `[D, H, W]` in 0..1; zeros where the label map has no such structure.

    Raises:
        ConfigError, DataError: as `region_heat`.
        GeometryError: the case's spacing is not known, and the network's is.
    """
    shape, target = labels.shape, settings.spacing_mm
    if target is not None and settings.slice_wise:
        target = target[-2:]
    image = resample_case(pixels, spacing_mm, target, keep_zeros=settings.intensity.nonzero)
    image = settings.intensity.apply(image, settings.intensity.statistics(image))
    chosen = (labels == class_index).astype(np.uint8)
    inside = resample_case(chosen, None, None, kind="mask", size=image.shape[:-1]) > 0
    if not inside.any():
        return np.zeros(shape, np.float32)
    size = settings.patch_size
    cut = around(inside, (1,) * (inside.ndim - len(size)) + tuple(size))
    patch, marked = _filled(image[cut], size), _filled(inside[cut][..., None], size)[..., 0]
    found = region_heat(model, patch, [class_index], region=marked, layer=layer, pooled=False)
    heat = np.zeros(inside.shape, np.float32)
    heat[cut] = _cut_back(found[0], heat[cut].shape)
    back = resample_case(heat[..., None], None, None, kind="probabilities", size=shape)
    return np.clip(back[..., 0], 0, 1)


def bottleneck(model: keras.Model, shape: Sequence[int]) -> keras.layers.Layer:
    """The last layer of a network's coarsest maps that still tell places apart.

    Those are at least 4 cells wide each way, or as wide as the image.

    Args:
        model: flat functional model.
        shape: of an image, `(H, W, C)` or `(D, H, W, C)`.

    Raises:
        ConfigError: no layer keeps a spatial map.
    """
    layers, sizes = _spatial(model, shape)
    least = [min(LEAST_CELLS, side) for side in shape[:-1]]
    fine = [all(a >= b for a, b in zip(size, least, strict=True)) for size in sizes]
    coarsest = min((size for size, keep in zip(sizes, fine, strict=True) if keep), key=np.prod)
    # The decoder has maps of this size too, behind the skips: the first run is the encoder's.
    place = sizes.index(coarsest)
    while place + 1 < len(sizes) and sizes[place + 1] == coarsest:
        place += 1
    return layers[place]


def context(model: keras.Model, shape: Sequence[int]) -> keras.layers.Layer:
    """The last layer, the decoder's, whose cells are 4 voxels long or more along some axis.

    Finer maps nearly are the mask that they are to explain. Where a network has no maps as
    coarse, it is the layer of `bottleneck`, whose arguments these are.
    """
    layers, sizes = _spatial(model, shape)
    coarse = [
        layer
        for layer, size in zip(layers, sizes, strict=True)
        if any(side >= CELL * cells for side, cells in zip(shape[:-1], size, strict=True))
        and all(
            cells >= min(LEAST_CELLS, side) for side, cells in zip(shape[:-1], size, strict=True)
        )
    ]
    return coarse[-1] if coarse else bottleneck(model, shape)


def _spatial(
    model: keras.Model, shape: Sequence[int]
) -> tuple[list[keras.layers.Layer], list[tuple[int, ...]]]:
    """The layers that keep a spatial map, but for the logits, and how many cells it has."""
    rank = len(model.inputs[0].shape)
    ends = {id(output) for output in model.outputs}
    layers = [
        layer
        for layer in model.layers
        if isinstance(layer.output, keras.KerasTensor)
        and len(layer.output.shape) == rank
        and id(layer.output) not in ends
    ]
    if not layers:
        raise ConfigError("Grad-CAM needs a feature map with height and width; there is none")
    given = keras.Model(model.inputs, [layer.output for layer in layers])
    return layers, [tuple(one[1:-1]) for one in given.compute_output_shape((1, *shape))]


def around(inside: np.ndarray, lengths: Sequence[int]) -> tuple[slice, ...]:
    """A box of these lengths, where the image is as long, in the middle of what is marked.

    Along an axis of length 1 it is the place that shows most of it.

    Args:
        inside: bool, not empty.
        lengths: of the box, an axis each.
    """
    box = []
    for axis, (length, whole) in enumerate(zip(lengths, inside.shape, strict=True)):
        areas = inside.sum(axis=tuple(of for of in range(inside.ndim) if of != axis))
        there = np.flatnonzero(areas)
        middle = int(areas.argmax()) if length == 1 else (there[0] + there[-1] + 1) // 2
        start = int(np.clip(middle - length // 2, 0, max(whole - length, 0)))
        box.append(slice(start, min(start + length, whole)))
    return tuple(box)


def _filled(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """A piece of a case as a patch `[1, *size, C]`: axes that the patch lacks dropped, 0 added."""
    values = values.reshape(values.shape[-1 - len(size) :])
    missing = np.subtract(size, values.shape[:-1])
    return np.pad(values, [*((0, int(more)) for more in missing), (0, 0)])[None]


def _cut_back(patch: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The part of a patch that lies in the case, in the shape that it has there."""
    return patch[tuple(slice(length) for length in shape[-patch.ndim :])].reshape(shape)


def _map(
    both: keras.Model,
    image: np.ndarray,
    class_index: int,
    region: np.ndarray | None,
    pooled: bool,
) -> np.ndarray:
    """The positive part of the weighted sum of feature maps, `[1, ...]` as large as the image."""
    batch = tf.convert_to_tensor(image, tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch)
        features, logits = both(batch, training=False)
        logits = tf.cast(logits, tf.float32)
        of_class = logits[..., class_index] - tf.reduce_mean(logits, axis=-1)
        if region is None:
            inside = tf.argmax(logits, axis=-1) == class_index
        else:
            inside = tf.convert_to_tensor(region)
        score = tf.reduce_sum(tf.where(inside, of_class, 0.0))
    if not bool(tf.reduce_any(inside)):
        return np.zeros(image.shape[:-1], np.float32)
    gradient = tape.gradient(score, features)
    return resized(weighed(features, gradient, pooled), image.shape[1:-1])
