"""`Plan`: how one classifier is made."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field

from tfmed.models import MODELS
from tfmed.tables import lookup
from tfmed.transforms import check_steps
from tfmed.transforms.prepare import PERCENTILES, Preprocessing

BY_USER = "set by the user"


class Plan(pydantic.BaseModel):
    """How one model is made: what `plan.toml` holds.

    Attributes:
        model: a row of `tfmed.models.MODELS`.
        weights: `none`, `imagenet` or a file.
        size: `(H, W)`, or `(D, H, W)` for volumes, in pixels; `(T, H, W)` for clips.
        sampled: whether the first of three axes is time, of which frames are picked.
        channels: 1 grey, 3 colour.
        window: modality units that become 0 and 1; None: each image's own 0.5 and 99.5
            percentile, computed in the graph.
        mean, std: of the windowed training pixels, taken off and divided by.
        augmentation: steps of `tfmed.transforms.augment`, in order.
        mixup: Beta parameter of MixUp, 0 for none (Zhang et al. 2018).
        class_weights: weight of each class in the loss, mean 1; empty for none.
        reasons: one line for each setting.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    # TOML has no None.
    words_for_none: ClassVar[dict[str, str]] = {"window": PERCENTILES}

    model: str
    weights: str = "none"
    size: tuple[int, ...]
    sampled: bool = False
    channels: int
    window: tuple[float, float] | None
    mean: float
    std: float = Field(gt=0)
    augmentation: tuple[dict[str, Any], ...]
    mixup: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1)
    norm: Literal["batch", "group"]
    loss: Literal["cross_entropy", "focal"]
    label_smoothing: float = Field(ge=0, lt=1)
    class_weights: tuple[float, ...]
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int = Field(ge=0)
    watch: Literal["auroc", "average_precision", "accuracy_at_half", "loss"]
    optimizer: Literal["adamw", "adam", "sgd"]
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]
    reasons: dict[str, str] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Raise what `build`, `Preprocessing` and `augment` would, before a run is touched."""
        lookup(MODELS, self.model, "model")
        _ = self.preprocessing
        check_steps(self.augmentation)
        return self

    @property
    def preprocessing(self) -> Preprocessing:
        """The part of the plan that becomes part of the exported model."""
        return Preprocessing(
            size=self.size,
            channels=self.channels,
            window=self.window,
            mean=self.mean,
            std=self.std,
            sampled=self.sampled,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)`."""
        return (*self.size, self.channels)

    def with_epochs(self, epochs: int) -> Plan:
        """The same plan with a user's number of epochs."""
        reasons = {**self.reasons, "epochs": BY_USER}
        return self.model_copy(update={"epochs": epochs, "reasons": reasons})
