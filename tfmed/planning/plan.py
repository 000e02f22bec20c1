"""`Plan`: what the plans of all tasks share."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field

BY_USER = "set by the user"
NOT_USED = "not used"
# TensorFlow counts the values of one example in 32 bits.
MOST_VALUES = 2**31

Choices = dict[str, tuple[Any, str]]


class Plan(pydantic.BaseModel):
    """How networks are made and trained: what `plan.toml` holds. Each task has a subclass.

    Attributes:
        task: a row of `tfmed.task.TASKS`.
        model: the network's name, of a table of the task's.
        weights: to begin with: `none`, `imagenet` or a file.
        channels: 1 grey, 3 colour.
        loss: its name, of a table of the task's.
        batch_size: examples a step.
        epochs: at the longest.
        patience: epochs without a better watched value until training stops; 0 never stops.
        watch: the validation value that chooses the weights.
        optimizer, learning_rate, weight_decay, ema_decay, precision: see
            `tfmed.training.Settings`.
        augmentation: steps of `tfmed.transforms.augment`, in order.
        reasons: one line for each setting.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    # TOML has no None.
    words_for_none: ClassVar[dict[str, str]] = {}
    # What examples of a step are called, and the moving average of the watched value.
    unit: ClassVar[str] = "images"
    watch_decay: ClassVar[float] = 0.0
    # Of watched values, those that are better where they are smaller.
    smaller_is_better: ClassVar[tuple[str, ...]] = ("loss",)

    task: str
    model: str
    weights: str = "none"
    channels: int = Field(ge=1)
    loss: str
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int = Field(ge=0)
    watch: str
    optimizer: Literal["adamw", "adam", "sgd"]
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]
    augmentation: tuple[dict[str, Any], ...]
    reasons: dict[str, str] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what no network takes at once, before one is built."""
        if math.prod(self.input_shape) >= MOST_VALUES:
            shape = " x ".join(f"{side:,}" for side in self.input_shape)
            raise ValueError(
                f"the size of what the network sees, with its channels, is {shape}; expected "
                f"fewer than {MOST_VALUES:,} values"
            )
        return self

    @property
    def top(self) -> float | None:
        """The watched value that none can better, where validation may reach it."""
        return None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)` of what the network takes."""
        raise NotImplementedError

    def batch_of(self, examples: int) -> int:
        """The size of a batch where there are so many training examples."""
        return min(self.batch_size, examples)

    def epoch_of(self, examples: int) -> int:
        """Examples that an epoch sees, of so many training examples."""
        return examples

    def with_epochs(self, epochs: int) -> Self:
        """The same plan with a user's number of epochs."""
        reasons = {**self.reasons, "epochs": BY_USER}
        return self.model_copy(update={"epochs": epochs, "reasons": reasons})
