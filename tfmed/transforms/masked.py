"""A plan's augmentation for segmentation: image and mask together, in normalised units.

Beside what `tfmed.transforms.augmentation` has for images in 0..1, these steps know no range, for
normalised values have none.

Source: the augmentation of nnU-Net (Isensee et al., Nature Methods 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.tables import lookup
from tfmed.transforms import augmentation
from tfmed.transforms.draws import chance, fold, per_image

# `(image, mask, seed, *, ...) -> (image, mask)`, batch first.
MOVES: dict[str, str] = {
    "deform": "tfmed.transforms.deform:deform",
    "mirror": "tfmed.transforms.masked:mirror",
}
# `(image, seed, *, ...) -> image`; the mask stays.
CHANGES: dict[str, str] = {
    "noise": "tfmed.transforms.degrade:noise",
    "blur": "tfmed.transforms.separable:blur",
    "brightness": "tfmed.transforms.unbounded:brightness",
    "contrast": "tfmed.transforms.intensity:contrast",
    "low_resolution": "tfmed.transforms.separable:low_resolution",
    "gamma": "tfmed.transforms.unbounded:gamma",
}
MASK_TRANSFORMS = {**MOVES, **CHANGES}


@tf.autograph.experimental.do_not_convert
def augment_masks(
    image: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor, steps: Sequence[Mapping[str, Any]]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Apply augmentation steps in order, image and mask alike.

    Args:
        image: float32 `[B, *patch, C]`, normalised; patch static.
        mask: int32 `[B, *patch]`.
        seed: int32 `[2]`; the same seed gives the same batch, bit for bit.
        steps: such as `{"name": "deform", "degrees": 30.0}`, of `MASK_TRANSFORMS`.

    Returns:
        Both, of the same shapes.

    Raises:
        ConfigError: an unknown transform or setting, or one that is missing.
    """
    check_steps(steps)
    given = image.shape, mask.shape
    for number, step in enumerate(steps):
        name, own = step["name"], fold(seed, number)
        settings = {key: value for key, value in step.items() if key != "name"}
        transform = lookup(MASK_TRANSFORMS, name, "transform")
        if name in MOVES:
            image, mask = transform(image, mask, own, **settings)
        else:
            image = transform(image, own, **settings)
    return tf.ensure_shape(image, given[0]), tf.ensure_shape(mask, given[1])


def check_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    """Raise a ConfigError that names the first unknown or missing transform or setting."""
    augmentation.check_steps(steps, MASK_TRANSFORMS)


def mirror(
    image: tf.Tensor,
    mask: tf.Tensor,
    seed: tf.Tensor,
    *,
    axes: Sequence[int],
    probability: float = 0.5,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Reverse each image, and its mask alike, along each of some axes by its own draw.

    Args:
        image: float32 `[B, *patch, C]`.
        mask: int32 `[B, *patch]`.
        seed: int32 `[2]`.
        axes: of the patch, from 0.
        probability: of each image and axis.
    """
    for axis in axes:
        if not 0 <= axis < mask.shape.rank - 1:
            raise ConfigError(f"mirror: a patch has axes 0 to {mask.shape.rank - 2}, not {axis}")
        turned = chance(fold(seed, axis), tf.shape(image)[0], probability)
        image = tf.where(per_image(turned, image), tf.reverse(image, [axis + 1]), image)
        mask = tf.where(per_image(turned, mask), tf.reverse(mask, [axis + 1]), mask)
    return image, mask
