"""The one rule by which values become a network's input, in NumPy and in the graph.

`(clip(x, window) - shift) / width`, in training, prediction and the exported graph alike. For
`"ct"` and `"unit"` shift and width are the same for all; for `"zscore"` and `"percentiles"` they
are those of the whole case at the network's size or spacing, never of a part of it.

Source of `"ct"` and `"zscore"`: the normalisation of nnU-Net (Isensee et al., Nature Methods
2021), but after resampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.draws import per_image
from tfmed.transforms.scaling import (
    LOWER,
    UPPER,
    clip_and_scale,
    percentile_window,
    standardise,
)

KINDS = ("ct", "unit", "zscore", "percentiles")
# Of which `mean` and `std` are those of the scaled values, in 0..1.
SCALED = ("unit", "percentiles")
# The least std, as a share of the mean: below it is only rounding, which must not be blown up.
FLAT = 1e-4
TINY = 1e-12


@dataclass(frozen=True)
class Normalisation:
    """How values become the network's input.

    Attributes:
        kind: `"ct"`: clip to the window, subtract `mean`, divide by `std`, all three of the data
            set's foreground. `"unit"`: the window becomes 0..1. `"percentiles"`: each case's own
            0.5th and 99.5th do. `"zscore"`: by mean and standard deviation of each case.
        window: `(low, high)` in modality units to which values are clipped first; None for none.
        mean: of `"ct"`; of `"unit"` and `"percentiles"` it is subtracted from what is in 0..1,
            one number or one a channel.
        std: above 0, divides after that.
        nonzero: of `"zscore"`: statistics of voxels that are not 0 in all channels; the others
            stay exactly 0. For images whose surroundings were cut away.
    """

    kind: str
    window: tuple[float, float] | None = None
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    nonzero: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"normalisation must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ConfigError(f"window must be (low, high) with low < high, not {self.window}")
        if self.kind == "unit" and self.window is None:
            raise ConfigError("normalisation 'unit' needs the window that becomes 0..1")
        if self.kind == "percentiles" and self.window is not None:
            raise ConfigError("normalisation 'percentiles' has no window")
        if not np.min(self.std) > 0:
            raise ConfigError(f"std must be above 0, not {self.std}")
        if self.kind not in SCALED and np.ndim(self.mean) + np.ndim(self.std):
            raise ConfigError(f"normalisation {self.kind!r} has one mean and std for all channels")
        if self.nonzero and self.kind != "zscore":
            raise ConfigError(f"nonzero belongs to 'zscore', not to {self.kind!r}")

    @property
    def fixed(self) -> tuple[float, float] | None:
        """Shift and width where they are the same for every case; None where they are its own."""
        if self.kind == "ct":
            return cast(float, self.mean), cast(float, self.std)
        if self.kind == "unit" and self.window is not None:
            return self.window[0], self.window[1] - self.window[0]
        return None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that TOML and JSON can hold; no window is an empty list."""
        return {
            "kind": self.kind,
            "window": list(self.window or ()),
            "mean": plain(self.mean),
            "std": plain(self.std),
            "nonzero": self.nonzero,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalisation:
        """Read what `to_dict` wrote."""
        window = values.get("window") or None
        return cls(
            kind=str(values["kind"]),
            window=None if window is None else (float(window[0]), float(window[1])),
            mean=numbers(values.get("mean", 0.0)),
            std=numbers(values.get("std", 1.0)),
            nonzero=bool(values.get("nonzero", False)),
        )

    def statistics(self, pixels: np.ndarray) -> tuple[float, float]:
        """Shift and width by which a whole case is normalised: its mean and standard deviation.

        Args:
            pixels: `[H, W, C]` or `[D, H, W, C]`, modality units, at the network's spacing.

        Returns:
            The fixed ones for `"ct"` and `"unit"`; (0, 1) where no voxel is nonzero; the lower
            percentile and its distance from the upper one for `"percentiles"`.
        """
        if self.fixed is not None:
            return self.fixed
        values = pixels.astype(np.float32, copy=False)
        if self.kind == "percentiles":
            low, high = np.percentile(values, [LOWER, UPPER])
            return float(low), float(high - low)
        if self.nonzero:
            values = values[(values != 0).any(axis=-1)]
        if not values.size:
            return 0.0, 1.0
        if self.window is not None:
            values = np.clip(values, *self.window)
        mean = float(values.mean(dtype=np.float64))
        std = float(np.sqrt(np.square(values - np.float32(mean)).mean(dtype=np.float64)))
        return mean, max(std, FLAT * abs(mean), TINY)

    def apply(
        self, pixels: np.ndarray, statistics: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Normalise a case in NumPy, to the same numbers as `normalise` in the graph.

        Args:
            pixels: `[H, W, C]` or `[D, H, W, C]`, modality units.
            statistics: of the whole case, where `pixels` are a part of it.

        Returns:
            float32 of the same shape, a new array.
        """
        shift, width = statistics or self.statistics(pixels)
        values = pixels.astype(np.float32)
        outside = (values == 0).all(axis=-1) if self.nonzero else None
        if self.window is not None:
            np.clip(values, *self.window, out=values)
        values -= np.float32(shift)
        values *= np.float32(1.0 / width if width else 0.0)
        if self.kind == "percentiles":
            np.clip(values, 0, 1, out=values)
        if self.kind in SCALED and (self.mean, self.std) != (0, 1):
            values -= np.asarray(self.mean, np.float32)
            values *= np.asarray(1.0 / np.asarray(self.std), np.float32)
        if outside is not None:
            values[outside] = 0
        return values


def normalise(
    image: tf.Tensor,
    normalisation: Normalisation,
    statistics: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Clip and normalise in the graph.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, modality units. NaN stays NaN.
        normalisation: the plan's.
        statistics: of the cases of which the images are parts, two of float32 `[B]`, as
            `Normalisation.statistics` gives them. None: each image is a whole case, and they are
            computed in the graph.

    Returns:
        float32 of the same shape.
    """
    if normalisation.kind in SCALED:
        if statistics is None or normalisation.fixed is not None:
            values = scale(image, normalisation)
        else:
            low, width = (per_image(one, image) for one in statistics)
            values = tf.clip_by_value(tf.math.divide_no_nan(image - low, width), 0.0, 1.0)
        return standardise(values, normalisation.mean, normalisation.std)
    values = _clipped(image, normalisation)
    if normalisation.fixed is not None:
        mean, std = normalisation.fixed
        return (values - mean) * tf.constant(1.0 / std, tf.float32)
    if statistics is None:
        mean, std = _moments(image, values, normalisation.nonzero)
        values = (values - mean) / std
    else:
        mean, std = (per_image(one, image) for one in statistics)
        values = (values - mean) * (1.0 / std)
    return tf.where(_inside(image), values, 0.0) if normalisation.nonzero else values


def scale(image: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """The first half of `normalise` where a window or percentiles become 0..1.

    Args:
        image: as `normalise` takes it.
        normalisation: of a kind of `SCALED`.
    """
    if normalisation.window is None:
        return percentile_window(image)
    return clip_and_scale(image, *normalisation.window)


def _moments(image: tf.Tensor, values: tf.Tensor, nonzero: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and std of each example's clipped values, over its nonzero voxels where told."""
    axes = list(range(1, image.shape.rank))
    if nonzero:
        counted = tf.cast(_inside(image), tf.float32)
        # As many numbers as voxels that count, and at least one.
        count = tf.maximum(tf.reduce_sum(counted, axes, keepdims=True), 1.0) * image.shape[-1]
        mean = tf.reduce_sum(values * counted, axes, keepdims=True) / count
        variance = tf.reduce_sum(tf.square(values - mean) * counted, axes, keepdims=True) / count
    else:
        mean = tf.reduce_mean(values, axes, keepdims=True)
        variance = tf.reduce_mean(tf.square(values - mean), axes, keepdims=True)
    return mean, tf.maximum(tf.maximum(tf.sqrt(variance), FLAT * tf.abs(mean)), TINY)


def _clipped(image: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    if normalisation.window is None:
        return image
    return tf.clip_by_value(image, *normalisation.window)


def _inside(image: tf.Tensor) -> tf.Tensor:
    """Voxels that are not 0 in all channels, `[B, ..., 1]`."""
    return tf.reduce_any(tf.not_equal(image, 0.0), axis=-1, keepdims=True)


def numbers(value: Any) -> float | tuple[float, ...]:
    """A number, or one a channel, as TOML and JSON hold them."""
    if isinstance(value, (list, tuple)):
        return tuple(float(item) for item in value)
    return float(value)


def plain(value: float | tuple[float, ...]) -> float | list[float]:
    """What `numbers` reads."""
    return list(value) if isinstance(value, tuple) else value
