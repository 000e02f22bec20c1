"""`SegmentationPlan`: how one segmenter is made."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

import pydantic
from pydantic import Field

from tfmed.losses import LOSSES
from tfmed.models import SEGMENTERS
from tfmed.planning.plan import Plan
from tfmed.tables import lookup
from tfmed.transforms.masked import check_steps
from tfmed.transforms.normalisation import Normalisation


class SegmentationPlan(Plan):
    """How one segmenter is made.

    Attributes:
        model: a row of `tfmed.models.SEGMENTERS`.
        classes: the background first; a label map's value is the place in here.
        patch_size: voxels that the network sees at once, `(H, W)` or `(D, H, W)`.
        slice_wise: whether volumes are segmented slice by slice, by a network of two axes.
        spacing_mm: of a voxel along each of the images' axes; images are resampled to it. 0 for
            an axis that is not resampled, as the slices' where `slice_wise` holds. None: no
            image is resampled.
        features, strides, kernels: of each stage of the network, from full resolution down; the
            first stage has strides of 1.
        deep_supervision: whether coarser outputs are trained as well.
        normalisation: `ct`: clipped to the window, mean taken off, divided by std; `unit`: the
            window brought to 0..1; `zscore`: each image by its own mean and std.
        window: modality units; None for `zscore`.
        mean, std: of the training part's foreground for `ct`, else 0 and 1.
        nonzero: `zscore` over the voxels alone that are not 0.
        foreground_share: of a batch's patches that are centred on foreground.
        steps_per_epoch: of `batch_size` patches.
        mirror_axes: of the patch, along which prediction averages over mirrored images.
        low_resolution: whether `spacing_mm` was made coarser, so that a patch holds more of an
            image.
    """

    words_for_none: ClassVar[dict[str, str]] = {"window": "none", "spacing_mm": "none"}

    unit: ClassVar[str] = "patches"
    # nnU-Net's, which one lucky epoch moves little.
    watch_decay: ClassVar[float] = 0.9

    task: Literal["segmentation"] = "segmentation"
    classes: tuple[str, ...] = Field(min_length=2)
    patch_size: tuple[int, ...] = Field(min_length=2, max_length=3)
    slice_wise: bool = False
    spacing_mm: tuple[float, ...] | None
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
    steps_per_epoch: int = Field(ge=1)
    watch: Literal["dice", "loss"] = "dice"
    mirror_axes: tuple[int, ...]
    low_resolution: bool = False

    @pydantic.model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Raise what the network and the feed would, before a run is touched."""
        lookup(SEGMENTERS, self.model, "model")
        if self.loss not in LOSSES:
            raise ValueError(f"loss: expected {' or '.join(LOSSES)}")
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

    def batch_of(self, examples: int) -> int:
        """Patches a step, whatever there is to cut them of."""
        del examples
        return self.batch_size

    def epoch_of(self, examples: int) -> int:
        """Patches that an epoch sees."""
        del examples
        return self.steps_per_epoch * self.batch_size
