"""How to train, in plain numbers out of the plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tfmed.errors import ConfigError
from tfmed.expected import one_of

OPTIMIZERS = ("adamw", "adam", "sgd")
TOP_EPOCHS = 8
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class Settings:
    """How to train.

    Args:
        epochs: passes over the training examples, at most.
        batch_size: examples a step, over all devices together.
        learning_rate: the peak, reached after warm-up.
        weight_decay: share of a kernel's weights taken off a step, times the learning rate
            (decoupled, arXiv:1711.05101); biases and normalisation weights are spared.
        optimizer: `"adamw"`, `"adam"` (no decay) or `"sgd"` (momentum 0.9, Nesterov).
        warmup_share: share of all steps over which the learning rate rises to its peak.
        ema_decay: decay a step of the moving average of weights; 0 trains without one.
        precision: of the network's computations; variables are always float32.
        patience: epochs without a better watched value until training stops; 0 never stops.
        max_minutes: training time, resumes, compiling and validation included; None for no limit.
        seed: of the initial weights and of dropout.
        deterministic: ask TensorFlow for operations that give the same bits every time.
        watch: name of the validation value that chooses the best weights.
        larger_is_better: whether a larger watched value is the better one.
        watch_decay: of the watched value's moving average over epochs, which then chooses in
            its place; 0 for none. One epoch's luck on few validation cases decides less.
        top: the watched value that none can better; None where there is none. Training ends
            where validation has stayed there for `TOP_EPOCHS`, as it can tell no more.
        unit: what examples are called in progress lines and in history.csv.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    optimizer: str = "adamw"
    warmup_share: float = 0.05
    ema_decay: float = 0.0
    precision: str = "float32"
    patience: int = 0
    max_minutes: float | None = None
    seed: int = 0
    deterministic: bool = False
    watch: str = "auroc"
    larger_is_better: bool = True
    watch_decay: float = 0.0
    top: float | None = None
    unit: str = "images"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, by `ConfigError`."""
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("precision", self.precision, PRECISIONS)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if self.learning_rate <= 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}; expected more than 0")
        for name in ("ema_decay", "watch_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}; expected 0 or more, less than 1"
                )
        if not 0 <= self.warmup_share < 1:
            raise ConfigError(f"warmup_share is {self.warmup_share}; expected 0 to less than 1")
        if self.max_minutes is not None and self.max_minutes <= 0:
            raise ConfigError(f"max_minutes is {self.max_minutes}; expected more than 0")

    def is_better(self, value: float, best: float) -> bool:
        """Whether `value` beats `best`; any number beats NaN, NaN beats nothing."""
        if math.isnan(value):
            return False
        if math.isnan(best):
            return True
        return value > best if self.larger_is_better else value < best
