"""A plan's list of augmentation steps, applied in order, each seeded by its place in the list."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.expected import nearest
from tfmed.tables import lookup
from tfmed.transforms.draws import fold

# These move pixels: `(image, mask, seed, *, ...) -> (image, mask)`, batch first; the mask may be
# None. They may come before the window.
MOVES: dict[str, str] = {
    "projective": "tfmed.transforms.projective:projective",
    "deform": "tfmed.transforms.deform:deform",
    "mirror": "tfmed.transforms.mirror:mirror",
    "flip": "tfmed.transforms.mirror:flip",
}
# These change values: `(image, seed, *, ...) -> image`; the mask stays. Amounts are in the units
# of a normalised image.
CHANGES: dict[str, str] = {
    "brightness": "tfmed.transforms.contrast:brightness",
    "contrast": "tfmed.transforms.contrast:contrast",
    "gamma": "tfmed.transforms.contrast:gamma",
    "noise": "tfmed.transforms.degrade:noise",
    "blur": "tfmed.transforms.separable:blur",
    "low_resolution": "tfmed.transforms.separable:low_resolution",
    "erase": "tfmed.transforms.degrade:erase",
}
# A row is all that a new transform needs.
TRANSFORMS = {**MOVES, **CHANGES}

# A step of one's own takes what `augment` is given: (image, seed) -> image, or with a mask
# (image, mask, seed) -> (image, mask); shapes are kept.
Step = Mapping[str, Any] | Callable[..., Any]


@overload
def augment(image: tf.Tensor, seed: tf.Tensor, steps: Sequence[Step]) -> tf.Tensor: ...


@overload
def augment(
    image: tf.Tensor, seed: tf.Tensor, steps: Sequence[Step], mask: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]: ...


@tf.autograph.experimental.do_not_convert
def augment(
    image: tf.Tensor, seed: tf.Tensor, steps: Sequence[Step], mask: tf.Tensor | None = None
) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
    """Apply augmentation steps in order, to image and mask alike.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`.
        seed: int32 `[2]`; the same seed gives the same batch, bit for bit.
        steps: such as `{"name": "noise", "amount": 0.05, "probability": 0.15}`, of `TRANSFORMS`,
            or functions of (image, seed); with a mask of (image, mask, seed).
        mask: int32 `[B, H, W]` or `[B, D, H, W]`, or None.

    Returns:
        The image, of the same shape; with a mask both.

    Raises:
        ConfigError: an unknown transform or parameter, or one that is missing.
    """
    check_steps(steps)
    shapes = image.shape, None if mask is None else mask.shape
    for number, step in enumerate(steps):
        own = fold(seed, number)
        if callable(step):
            if mask is None:
                image = step(image, own)
            else:
                image, mask = step(image, mask, own)
            continue
        settings = {name: value for name, value in step.items() if name != "name"}
        transform = lookup(TRANSFORMS, step["name"], "transform")
        if step["name"] in MOVES:
            image, mask = transform(image, mask, own, **settings)
        else:
            image = transform(image, own, **settings)
    image = tf.ensure_shape(image, shapes[0])
    return image if mask is None else (image, tf.ensure_shape(mask, shapes[1]))


def check_steps(steps: Sequence[Step]) -> None:
    """Raise a ConfigError that names the first unknown or missing transform or parameter.

    Args:
        steps: as `augment` takes them.
    """
    for step in steps:
        if callable(step):
            continue
        if "name" not in step:
            raise ConfigError(f"an augmentation step needs a name: {dict(step)}")
        name = step["name"]
        known = inspect.signature(lookup(TRANSFORMS, name, "transform")).parameters
        settings = {
            key: one.default is inspect.Parameter.empty
            for key, one in known.items()
            if one.kind is inspect.Parameter.KEYWORD_ONLY
        }
        for key in step:
            if key != "name" and key not in settings:
                raise ConfigError(
                    f"augmentation {name!r} has no setting {key!r}{nearest(key, settings)} "
                    f"(known: {', '.join(settings)})"
                )
        for key, needed in settings.items():
            if needed and key not in step:
                raise ConfigError(f"augmentation {name!r} needs the setting {key!r}")


def split_steps(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The steps that move pixels, and the others, each in their order."""
    check_steps(steps)
    moves: list[Step] = []
    changes: list[Step] = []
    for step in steps:
        moving = not callable(step) and step["name"] in MOVES
        (moves if moving else changes).append(step)
    return moves, changes
