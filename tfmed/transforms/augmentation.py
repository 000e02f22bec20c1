"""A plan's list of augmentation steps, applied in order, each seeded by its place in the list."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.expected import nearest
from tfmed.tables import lookup
from tfmed.transforms.draws import fold

# A row is all that a new transform needs: `(image, seed, *, ...) -> image`, batch first.
TRANSFORMS: dict[str, str] = {
    "projective": "tfmed.transforms.projective:projective",
    "flip": "tfmed.transforms.spatial:flip",
    "brightness": "tfmed.transforms.intensity:brightness",
    "contrast": "tfmed.transforms.intensity:contrast",
    "gamma": "tfmed.transforms.intensity:gamma",
    "noise": "tfmed.transforms.degrade:noise",
    "blur": "tfmed.transforms.degrade:blur",
    "erase": "tfmed.transforms.degrade:erase",
}
# These move pixels and work in modality units; the others want the window's 0..1.
SPATIAL = ("projective", "flip")

# A step of one's own is a function of (image, seed) that keeps the shape.
Step = Mapping[str, Any] | Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@tf.autograph.experimental.do_not_convert
def augment(image: tf.Tensor, seed: tf.Tensor, steps: Sequence[Step]) -> tf.Tensor:
    """Apply augmentation steps in order.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`.
        seed: int32 `[2]`; the same seed gives the same batch, bit for bit.
        steps: such as `{"name": "noise", "amount": 0.05, "probability": 0.15}`, or functions
            of (image, seed).

    Returns:
        float32 of the same shape.

    Raises:
        ConfigError: an unknown transform or parameter, or one that is missing.
    """
    check_steps(steps)
    for number, step in enumerate(steps):
        if callable(step):
            image = step(image, fold(seed, number))
            continue
        settings = {name: value for name, value in step.items() if name != "name"}
        transform = lookup(TRANSFORMS, step["name"], "transform")
        image = transform(image, fold(seed, number), **settings)
    return image


def check_steps(steps: Sequence[Step], table: Mapping[str, str] = TRANSFORMS) -> None:
    """Raise a ConfigError that names the first unknown or missing transform or parameter.

    Args:
        steps: as `augment` takes them.
        table: of the transforms that may be named.
    """
    for step in steps:
        if callable(step):
            continue
        if "name" not in step:
            raise ConfigError(f"an augmentation step needs a name: {dict(step)}")
        name = step["name"]
        known = inspect.signature(lookup(table, name, "transform")).parameters
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
        moving = not callable(step) and step["name"] in SPATIAL
        (moves if moving else changes).append(step)
    return moves, changes
