"""`SegmentationPlan`: how one segmenter is made."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field

from tfmed.models import SEGMENTERS
from tfmed.planning.plan import BY_USER
from tfmed.tables import lookup
from tfmed.transforms.augmentation import check_steps
from tfmed.transforms.normalisation import Normalisation


class SegmentationPlan(pydantic.BaseModel):
    """How one segmenter is made: what `plan.toml` holds where its `task` is `segmentation`.

    Attributes:
        model: a row of `tfmed.models.SEGMENTERS`.
        weights: `none`, or a file.
        classes: the background first; a label map's value is the place in here.
        patch_size: voxels that the network sees at once, `(H, W)` or `(D, H, W)`.
        slice_wise: whether volumes are segmented slice by slice, by a network of two axes.
        spacing_mm: of a voxel along each of the images' axes; images are resampled to it. 0 for
            an axis that is not resampled, as the slices' where `slice_wise` holds. None: no
            image is resampled.
        channels: 1 grey, 3 colour.
        features, strides, kernels: of each stage of the network, from full resolution down; the
            first stage has strides of 1.
        deep_supervision: whether coarser outputs are trained as well.
        normalisation: `ct`: clipped to the window, mean taken off, divided by std; `unit`: the
            window brought to 0..1; `zscore`: each image by its own mean and std.
        window: modality units; None for `zscore`.
        mean, std: of the training part's foreground for `ct`, else 0 and 1.
        nonzero: `zscore` over the voxels alone that are not 0.
        foreground_share: of a batch's patches that are centred on foreground.
        batch_size: patches a step.
        epochs, steps_per_epoch: the training at its longest.
        augmentation: steps of `tfmed.transforms.augment`, in order.
        mirror_axes: of the patch, along which prediction averages over mirrored images.
        low_resolution: whether `spacing_mm` was made coarser, so that a patch holds more of an
            image.
        reasons: one line for each setting.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    # TOML has no None.
    words_for_none: ClassVar[dict[str, str]] = {"window": "none", "spacing_mm": "none"}

    task: Literal["segmentation"] = "segmentation"
    model: str
    weights: str = "none"
    classes: tuple[str, ...] = Field(min_length=2)
    patch_size: tuple[int, ...] = Field(min_length=2, max_length=3)
    slice_wise: bool = False
    spacing_mm: tuple[float, ...] | None
    channels: int = Field(ge=1)
    features: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    kernels: tuple[tuple[int, ...], ...]
    deep_supervision: bool
    normalisation: Literal["ct", "unit", "zscore"]
    window: tuple[float, float] | None
    mean: float
    std: float = Field(gt=0)
    nonzero: bool
    loss: str = "dice_cross_entropy"
    foreground_share: float = Field(default=1 / 3, ge=0, le=1)
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    steps_per_epoch: int = Field(ge=1)
    patience: int = Field(ge=0)
    watch: Literal["dice", "loss"] = "dice"
    optimizer: Literal["adamw", "adam", "sgd"]
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    ema_decay: float = Field(ge=0, lt=1)
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]
    augmentation: tuple[dict[str, Any], ...]
    mirror_axes: tuple[int, ...]
    low_resolution: bool = False
    reasons: dict[str, str] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Raise what the network and the feed would, before a run is touched."""
        lookup(SEGMENTERS, self.model, "model")
        check_steps(self.augmentation)
        rank = len(self.patch_size)
        stages = len(self.features)
        if not stages == len(self.strides) == len(self.kernels) > 1:
            raise ValueError(
                f"features, strides and kernels have {stages}, {len(self.strides)} and "
                f"{len(self.kernels)} stages; expected as many of each, and two at least"
            )
        for name, rows in (("strides", self.strides), ("kernels", self.kernels)):
            if any(len(row) != rank or min(row) < 1 for row in rows):
                raise ValueError(f"each stage of {name} needs {rank} numbers, at least 1")
        if any(step != 1 for step in self.strides[0]):
            raise ValueError(f"the first stage's strides are {self.strides[0]}; expected ones")
        for axis, (side, factor) in enumerate(zip(self.patch_size, self.divisors, strict=True)):
            if side < 1 or side % factor:
                raise ValueError(
                    f"patch_size is {side} along axis {axis}; expected a multiple of {factor}, "
                    "which the strides divide it by"
                )
        self._check_axes(rank)
        return self

    def _check_axes(self, rank: int) -> None:
        """Axes of the image, the patch and the mirrors go together, and so do kind and window."""
        if self.slice_wise and rank != 2:
            raise ValueError(f"slice_wise needs a patch_size of 2 numbers, got {rank}")
        axes = rank + self.slice_wise
        if self.spacing_mm is not None and len(self.spacing_mm) != axes:
            raise ValueError(f"spacing_mm has {len(self.spacing_mm)} numbers, expected {axes}")
        if any(step < 0 for step in self.spacing_mm or ()):
            raise ValueError("spacing_mm must not be negative; 0 leaves an axis as it is")
        if any(not 0 <= axis < rank for axis in self.mirror_axes):
            raise ValueError(f"mirror_axes is {self.mirror_axes}; expected axes 0 to {rank - 1}")
        if (self.window is None) is not (self.normalisation == "zscore"):
            raise ValueError("window: ct and unit need one, and zscore has none")
        _ = self.intensity

    @property
    def divisors(self) -> tuple[int, ...]:
        """What an image's side along each axis of the patch must be a multiple of."""
        return tuple(math.prod(column) for column in zip(*self.strides, strict=True))

    @property
    def intensity(self) -> Normalisation:
        """How values become the network's input; a part of the exported model."""
        return Normalisation(self.normalisation, self.window, self.mean, self.std, self.nonzero)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)` of a patch."""
        return (*self.patch_size, self.channels)

    def with_epochs(self, epochs: int) -> SegmentationPlan:
        """The same plan with a user's number of epochs."""
        reasons = {**self.reasons, "epochs": BY_USER}
        return self.model_copy(update={"epochs": epochs, "reasons": reasons})
