"""From a case in modality units to its label map, in the case's own geometry.

The order is that of training: resample, clip and normalise by the statistics of the whole case,
then the network on windows. Back: probabilities are interpolated to the case's voxels, and the
most probable class is taken there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfmed.data.resampling import ORDERS, axis_orders, resample_case
from tfmed.errors import ConfigError, DataError
from tfmed.inference.ensemble import Ensemble, Network
from tfmed.inference.restore import restore
from tfmed.inference.slide import Sliding, Told, rows
from tfmed.transforms.normalisation import Normalisation

MOST_CLASSES = 256  # of a label map in uint8
SLAB = 2**22  # voxels that are normalised at a time


@dataclass(frozen=True)
class InferenceSettings:
    """What `segment` needs to know besides the networks.

    Attributes:
        patch_size: of the networks' input, two or three lengths.
        spacing_mm: of the networks' input along each axis; 0 for an axis whose spacing is left as
            it is (slice-wise that of the slices always is), None where all are.
        intensity: how values are normalised.
        classes: how many the networks tell apart, the background included.
        overlap: the share of a window, along each axis, that the next one covers at least.
        mirror_axes: axes of the patch, from 0, that are mirrored and averaged.
        batch_size: windows a call of a network; None takes as many small ones as are fast.
        slice_wise: 2D networks answer the slices of a volume, whose distance is never changed.
    """

    patch_size: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None
    intensity: Normalisation
    classes: int
    overlap: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    batch_size: int | None = None
    slice_wise: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.classes <= MOST_CLASSES:
            raise ConfigError(f"classes must be 2 to {MOST_CLASSES}, not {self.classes}")
        _ = self.sliding  # checks the rest

    @cached_property
    def sliding(self) -> Sliding:
        """How the networks slide."""
        return Sliding(
            self.patch_size, self.overlap, self.mirror_axes, self.batch_size, self.slice_wise
        )


def segment(
    pixels: np.ndarray,
    spacing_mm: Sequence[float] | None,
    networks: Ensemble | Sequence[Network],
    settings: InferenceSettings,
    told: Told | None = None,
) -> np.ndarray:
    """The label map of one case.

    Memory holds the case in float32 at both spacings, and probabilities of a patch's length of
    rows. Where several cases follow, give an `Ensemble`, so that its graphs are traced once.

    Args:
        pixels: `[H, W, C]` or `[D, H, W, C]`, modality units.
        spacing_mm: of the case, an axis each, or None where it is not known.
        networks: callables, normalised patches to probabilities, which are averaged.
        settings: as the plan says.
        told: called with the number of windows done and the number of all.

    Returns:
        uint8 `[H, W]` or `[D, H, W]`: the index of the most probable class.

    Raises:
        ConfigError: a network gives another number of classes.
        DataError: the case does not have the axes of the patch, or holds NaN or infinite values.
        GeometryError: the case's spacing is not known, and the networks' is.
    """
    target = settings.spacing_mm
    if target is not None and settings.slice_wise:
        target = target[-2:]
    image = _normalised(pixels, spacing_mm, target, settings.intensity)
    shape = pixels.shape[:-1]
    orders = axis_orders(
        _whole(target, spacing_mm), spacing_mm, len(shape), ORDERS["probabilities"]
    )
    found = rows(image, Ensemble.of(networks), settings.sliding, told)
    labels = np.empty(shape, np.uint8)
    for number, row in enumerate(restore(found, len(image), shape, orders)):
        if row.shape[-1] != settings.classes:
            raise ConfigError(
                f"{settings.classes} classes are set; a network gives {row.shape[-1]}"
            )
        if not np.isfinite(row).all():  # argmax would call it background
            raise DataError("the networks' answer is not finite; are the case's values?")
        labels[number] = row.argmax(axis=-1)
    return labels


def _whole(
    target: tuple[float, ...] | None, spacing_mm: Sequence[float] | None
) -> Sequence[float] | None:
    """The networks' spacing along each axis of the case, what is kept included."""
    if target is None or spacing_mm is None:
        return spacing_mm
    kept = len(spacing_mm) - len(target)
    pairs = zip((*spacing_mm[:kept], *target), spacing_mm, strict=True)
    return tuple(wanted or own for wanted, own in pairs)


def _normalised(
    pixels: np.ndarray,
    spacing_mm: Sequence[float] | None,
    target: tuple[float, ...] | None,
    intensity: Normalisation,
) -> np.ndarray:
    """The case at the networks' spacing, normalised slab by slab, in place where it is ours."""
    image = resample_case(pixels, spacing_mm, target, keep_zeros=intensity.nonzero)
    statistics = intensity.statistics(image)
    result = np.empty_like(image) if np.may_share_memory(image, pixels) else image
    step = max(1, SLAB * len(image) // image.size)
    for first in range(0, len(image), step):
        some = slice(first, first + step)
        result[some] = intensity.apply(image[some], statistics)
    return result
