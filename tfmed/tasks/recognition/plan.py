"""`RecognitionPlan`: how one network is made that answers for a whole example."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field

from tfmed.expected import one_of
from tfmed.models import MODELS
from tfmed.planning.plan import Plan
from tfmed.tables import lookup
from tfmed.tasks.recognition.answers import ANSWERS
from tfmed.transforms import check_steps
from tfmed.transforms.prepare import PERCENTILES, Preprocessing


class RecognitionPlan(Plan):
    """How one network is made that answers for a whole example.

    Attributes:
        model: a row of `tfmed.models.MODELS`.
        size: `(H, W)`, or `(D, H, W)` for volumes, in pixels; `(T, H, W)` for clips.
        sampled: whether the first of three axes is time, of which frames are picked.
        window: modality units that become 0 and 1; None: each image's own 0.5 and 99.5
            percentile, computed in the graph.
        mean, std: of the windowed training pixels, taken off and divided by.
        mixup: Beta parameter of MixUp, 0 for none (Zhang et al. 2018).
        label_smoothing: share of a class's target that is spread evenly.
        class_weights: weight of each class in the loss, mean 1; empty for none.
        target_mean, target_std: of the training part's numbers, which the network learns as
            standard scores; 0 and 1 where classes are asked for.
    """

    words_for_none: ClassVar[dict[str, str]] = {"window": PERCENTILES}
    smaller_is_better: ClassVar[tuple[str, ...]] = ("loss", "mae", "rmse")

    size: tuple[int, ...]
    sampled: bool = False
    window: tuple[float, float] | None
    mean: float
    std: float = Field(gt=0)
    mixup: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1)
    norm: Literal["batch", "group"]
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: tuple[float, ...] = ()
    target_mean: float = 0.0
    target_std: float = Field(default=1.0, gt=0)

    @pydantic.model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Raise what `build`, `Preprocessing` and `augment` would, before a run is touched."""
        lookup(MODELS, self.model, "model")
        answer: Any = lookup(ANSWERS, self.task, "task")
        one_of("loss", self.loss, answer.LOSSES)
        one_of("watch", self.watch, answer.WATCHED)
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
    def top(self) -> float | None:
        """Of the scores that rank, 1."""
        return 1.0 if self.watch in ("auroc", "average_precision") else None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)`."""
        return (*self.size, self.channels)
