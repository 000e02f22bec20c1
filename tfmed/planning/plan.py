"""`Plan`: how one model is made, and its form as `plan.toml`."""

from __future__ import annotations

import tomllib
from typing import Any

import pydantic
import tomli_w

from tfmed.errors import ConfigError
from tfmed.transforms.prepare import Preprocessing


class Plan(pydantic.BaseModel):
    """How one model is made: what `plan.toml` holds.

    Attributes:
        model: a row of `tfmed.models.MODELS`.
        weights: `none`, `imagenet` or a file.
        size: `(H, W)`, or `(D, H, W)` for volumes, in pixels.
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
    channels: int
    window: tuple[float, float] | None
    mean: float
    std: float
    augmentation: tuple[dict[str, Any], ...]
    mixup: float
    dropout: float
    norm: str
    loss: str
    label_smoothing: float
    class_weights: tuple[float, ...]
    batch_size: int
    epochs: int
    patience: int
    watch: str
    optimizer: str
    learning_rate: float
    weight_decay: float
    ema_decay: float
    precision: str
    reasons: dict[str, str] = pydantic.Field(default_factory=dict)

    @property
    def preprocessing(self) -> Preprocessing:
        """The part of the plan that becomes part of the exported model."""
        return Preprocessing(
            size=self.size,
            channels=self.channels,
            window=self.window,
            mean=self.mean,
            std=self.std,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)`."""
        return (*self.size, self.channels)


def dumps(made: Plan) -> str:
    """A plan as TOML, its reasons in a table of their own at the end.

    `window = "percentiles"` stands for None, which TOML does not have.
    """
    values = made.model_dump()
    reasons = values.pop("reasons")
    steps = values.pop("augmentation")
    values["window"] = values["window"] or "percentiles"
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
        if values.get("window") == "percentiles":
            values["window"] = None
        return Plan(**values)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"plan.toml is not valid TOML: {error}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"plan.toml: {name}: {first['msg']}") from error
