"""Training patches of images with their masks, endless and in a graph without Python.

The order, and why:
1. cases by an index shuffle, as `tfmed.feed.pipeline` does it, so that all are seen alike;
2. where each patch begins: some about a voxel of a structure, which random places would miss;
3. patches out of the chunks of the file, in modality units;
4. clip and normalise by the statistics of the whole case; what lies outside of it becomes 0;
5. augmentation, image and mask together; what a rotation or a smaller scale brings in is taken
   from the image about the patch, which is cut with a margin for that.
A batch is a function of (seed, step) alone: a run that resumes sees the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError, DataError
from tfmed.feed.cases import Cases
from tfmed.feed.foreground import starts
from tfmed.feed.pipeline import PREFETCH, index_rows, low_bits
from tfmed.transforms.draws import fold
from tfmed.transforms.masked import augment_masks, check_steps
from tfmed.transforms.normalisation import normalise

# A third of 9 is 3, whatever is lost in rounding.
ROUNDING = 1e-9
# Of a patch's side, on either side, for what deformation brings in.
MARGIN = 1 / 4


class Sampling(Protocol):
    """Contract: what a plan says of patches (a `SegmentationPlan` does)."""

    @property
    def patch_size(self) -> tuple[int, ...]:
        """`(H, W)` or `(D, H, W)`."""

    @property
    def batch_size(self) -> int:
        """Patches a step."""

    @property
    def foreground_share(self) -> float:
        """Of a batch, to be centred on a structure."""

    @property
    def augmentation(self) -> Sequence[Mapping[str, Any]]:
        """Steps of `augment_masks`."""


def training(
    cases: Cases,
    plan: Sampling,
    *,
    seed: int,
    steps: range,
    augment: Callable[..., Any] | None = None,
) -> tf.data.Dataset:
    """Batches of patches of some steps.

    Args:
        cases: the training part's, each with a mask.
        plan: with a patch of two axes, volumes are seen as slices.
        seed: of order, place and augmentation.
        steps: a batch each, counted from 0 over all epochs; a resume begins later.
        augment: (images, label maps) to the same, in place of the plan's steps.

    Returns:
        A `tf.data.Dataset` of (normalised image float32 `[B, *patch, C]`, label map int32
        `[B, *patch]`).

    Raises:
        DataError: there are no cases, or some have no mask.
        ConfigError: the patch does not fit the cases, or an unknown augmentation.
    """
    size = _size(cases, plan)
    planned = () if augment else plan.augmentation
    check_steps(planned)
    centred = _centred(plan.batch_size, plan.foreground_share)
    moves, changes = _split(planned)
    margin = _margin(size, plan, moves)
    wide = tuple(length + 2 * more for length, more in zip(size, margin, strict=True))

    @tf.autograph.experimental.do_not_convert
    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        key = tf.stack([tf.constant(low_bits(seed)), tf.cast(step % 2**31, tf.int32)])
        rows = index_rows(step, len(cases), plan.batch_size, seed)
        centre, there = cases.foreground.draw(rows, fold(key, 0))
        shapes = tf.gather(tf.constant(cases.shapes, tf.int64), rows)
        start = starts(shapes, size, centre, there & centred, fold(key, 1))
        image, mask = cut(cases, rows, start - tf.constant(margin, tf.int64), wide)
        if len(plan.patch_size) < len(size):
            image, mask = image[:, 0], mask[:, 0]
        image, mask = augment_masks(image, mask, fold(key, 2), moves)
        image, mask = _middle(image, plan.patch_size), _middle(mask, plan.patch_size)
        if augment:
            return augment(image, mask)
        return augment_masks(image, mask, fold(key, 3), changes)

    stream = tf.data.Dataset.range(steps.start, steps.stop)
    return stream.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(PREFETCH)


def cut(
    cases: Cases, rows: tf.Tensor, start: tf.Tensor, size: tuple[int, ...]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Patches of some cases, normalised, with their masks; 0 outside of the case.

    Args:
        cases: with masks.
        rows: int64 `[B]`.
        start: int64 `[B, axes]`.
        size: of a patch, by the axes of the cases.

    Returns:
        float32 `[B, *size, C]` and int32 `[B, *size]`.
    """
    if cases.masks is None:
        raise DataError("these cases have no masks")
    statistics = tf.gather(tf.constant(cases.statistics, tf.float32), rows)
    image = cases.images.patch(rows, start, size, fill=math.nan)
    image = normalise(image, cases.normalisation, statistics[:, 0], statistics[:, 1])
    image = tf.where(tf.math.is_nan(image), 0.0, image)
    return image, tf.cast(cases.masks.patch(rows, start, size)[..., 0], tf.int32)


def _size(cases: Cases, plan: Sampling) -> tuple[int, ...]:
    """A patch by the axes of the cases."""
    if not len(cases) or not cases.labelled.all():
        raise DataError(
            f"{len(cases)} cases, {int(cases.labelled.sum())} of them with a mask: at least 1 "
            "case is needed to learn from, and a mask for each"
        )
    axes = cases.shapes.shape[1]
    if plan.batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, not {plan.batch_size}")
    if len(plan.patch_size) not in (axes, axes - 1) or len(plan.patch_size) < 2:
        raise ConfigError(f"cases of {axes} axes have no patches of size {plan.patch_size}")
    return (1,) * (axes - len(plan.patch_size)) + tuple(plan.patch_size)


def _split(steps: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Steps up to the last deformation, and those after it, which need no margin."""
    ends = [number + 1 for number, step in enumerate(steps) if step["name"] == "deform"]
    end = max(ends, default=0)
    return list(steps[:end]), list(steps[end:])


def _margin(size: tuple[int, ...], plan: Sampling, moves: Sequence[Mapping[str, Any]]) -> list[int]:
    """Voxels about a patch along each axis; none along slices that keep to themselves."""
    margin = [round(length * MARGIN) if moves else 0 for length in size]
    apart = any(step.get("in_plane", False) for step in moves)
    if len(size) == 3 and (apart or len(plan.patch_size) == 2):
        margin[0] = 0
    return margin


def _middle(values: tf.Tensor, size: tuple[int, ...]) -> tf.Tensor:
    """The middle of patches `[B, *wide, ...]`, of some size."""
    parts: list[Any] = [slice(None)]
    for length, wanted in zip(values.shape[1:], size, strict=False):
        begin = (length - wanted) // 2
        parts.append(slice(begin, begin + wanted))
    return values[tuple(parts)]


def _centred(batch_size: int, share: float) -> np.ndarray:
    """Which patches of a batch are centred on a structure: the share, rounded up."""
    count = math.ceil(batch_size * share - ROUNDING)
    return np.arange(batch_size) < count
