"""Networks: functions that return a plain, flat, functional `keras.Model`.

Contract: `[B, H, W, C]` (or `[B, D, H, W, C]`) float32 in, logits `[B, classes]` float32 out,
from a layer named `logits`. Models are flat (no model inside a model), so that every feature
map can be reached, as Grad-CAM needs. A new network is a new function and a row in `MODELS`.
Networks that segment are in `tfmed.models.segmenters`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import keras

from tfmed.errors import ConfigError
from tfmed.models.backbones import BACKBONES
from tfmed.models.segmenters import SEGMENTERS, build_segmenter, without_supervision
from tfmed.models.weights import adapts_input, load_file, released
from tfmed.tables import lookup

MODELS = {
    "convnet": "tfmed.models.convnet:convnet",
    "resnet_small": "tfmed.models.resnet:resnet_small",
    **dict.fromkeys(BACKBONES, "tfmed.models.backbones:backbone"),
}
NORMS = ("batch", "group")

__all__ = [
    "MODELS",
    "SEGMENTERS",
    "adapts_input",
    "build",
    "build_segmenter",
    "without_supervision",
]


class HasClasses(Protocol):
    """Contract: `classes` names what is told apart, as `tfmed.tasks.Classification` has it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names, in the order of the logits."""


def build(
    name: str,
    input_shape: tuple[int, ...],
    classes: int = 0,
    *,
    task: HasClasses | None = None,
    weights: str = "none",
    norm: str = "batch",
    dropout: float = 0.0,
    seed: int = 0,
) -> keras.Model:
    """Build a network of the table.

    The network takes the prepared image: standardised, except where `adapts_input(weights)`
    is true; then it takes 0..1 and its own first layers bring that to the weights' convention
    (and repeat one grey channel to three).

    Args:
        name: a row of `MODELS`.
        input_shape: `(H, W, C)`, or `(D, H, W, C)` for a volume; all known.
        classes: number of logits.
        task: in place of `classes`: one logit a class of it.
        weights: `"none"` (drawn from `seed`), `"imagenet"`, or a file: a `.keras`,
            `.weights.h5` or `.h5` of the same network, or one of those that Keras releases,
            `..._notop.h5`.
        norm: `"batch"` (synchronised over replicas) or `"group"`, in the networks of our own
            that normalise (`resnet_small`); `keras.applications` has plain batch norm only.
        dropout: share of features dropped before the logits, 0 up to 1.
        seed: of the first weights and of dropout. For `keras.applications` it is set by
            `keras.utils.set_random_seed`, which also reseeds Python, NumPy and TensorFlow.

    Returns:
        The model; built, not compiled.

    Raises:
        ConfigError: an unknown name or option, a size under the network's least, weights that
            are not there, not whole or of another network.
    """
    function = cast(Callable[..., keras.Model], lookup(MODELS, name, "model"))
    shape = tuple(int(size) for size in input_shape)
    classes = len(task.classes) if task else classes
    _check(name, shape, classes, norm, dropout)
    model = function(
        shape, classes, name=name, weights=weights, norm=norm, dropout=dropout, seed=seed
    )
    if weights not in ("none", "imagenet") and not released(weights):
        load_file(model, weights)
    return model


def _check(name: str, shape: tuple[int, ...], classes: int, norm: str, dropout: float) -> None:
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise ConfigError(
            f"input_shape of {name} is {shape}; expected (height, width, channels) or "
            "(depth, height, width, channels), all at least 1"
        )
    if classes < 1:
        raise ConfigError(f"{name} needs at least one class, got {classes}")
    if norm not in NORMS:
        raise ConfigError(f"norm is {norm!r}; expected one of {', '.join(NORMS)}")
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout is {dropout}; expected 0 up to, but not including, 1")
