"""`Plan`: how one model is made, and its form as `plan.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Literal, Self

import pydantic
import tomli_w
from pydantic import Field

from tfmed.errors import ConfigError
from tfmed.expected import checked
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


def made(values: Mapping[str, Any], where: str = "") -> Plan:
    """A plan of values by name.

    Args:
        values: as a user or the rules give them.
        where: where they stand, for messages; they are named as flags without it.

    Raises:
        ConfigError: an unknown setting, a wrong value or one that is missing.
    """
    try:
        return Plan(**checked(Plan.model_fields, values, where))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(f"the setting {name} is missing{where}") from error
        raise ConfigError(first["msg"].removeprefix("Value error, ") + where) from error


def dumps(plan: Plan) -> str:
    """A plan as TOML, its reasons in a table of their own at the end.

    `window = "percentiles"` stands for None, which TOML does not have.
    """
    values = plan.model_dump()
    reasons = values.pop("reasons")
    steps = values.pop("augmentation")
    values["window"] = values["window"] or PERCENTILES
    head = "# Edit a value and run the same command again: what follows from it is made anew.\n"
    body = {**values, "augmentation": list(steps), "reasons": reasons}
    return head + tomli_w.dumps(body, multiline_strings=False)


def loads(text: str) -> Plan:
    """Read a plan that may have been edited by hand.

    Raises:
        ConfigError: not TOML, an unknown setting or a wrong value.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"plan.toml is not valid TOML: {error}") from error
    if values.get("window") == PERCENTILES:
        values["window"] = None
    return made(values, " in plan.toml")
