"""Clip and normalise whole cases for segmentation: by fixed numbers, or by each case's own.

One rule for training, prediction and the exported graph: `(clip(x, window) - mean) / std`. For
`"ct"` and `"unit"` mean and std are the data set's; for `"zscore"` they are those of the whole
case at the network's spacing, never of a patch of it.

Source: the normalisation of nnU-Net (Isensee et al., Nature Methods 2021), but after resampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError

KINDS = ("ct", "unit", "zscore")
# The least std, as a share of the mean: below it is only rounding, which must not be blown up.
FLAT = 1e-4
TINY = 1e-12


@dataclass(frozen=True)
class Normalisation:
    """How a case's values become the network's input.

    Attributes:
        kind: `"ct"`: clip to the window, subtract `mean`, divide by `std`, all three of the data
            set's foreground. `"unit"`: the window becomes 0..1. `"zscore"`: by mean and standard
            deviation of each case.
        window: `(low, high)` in modality units to which values are clipped first; None for none.
        mean: of `"ct"`.
        std: of `"ct"`, above 0.
        nonzero: of `"zscore"`: statistics of voxels that are not 0 in all channels; the others
            stay exactly 0. For images whose surroundings were cut away.
    """

    kind: str
    window: tuple[float, float] | None = None
    mean: float = 0.0
    std: float = 1.0
    nonzero: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"normalisation must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ConfigError(f"window must be (low, high) with low < high, not {self.window}")
        if self.kind == "unit" and self.window is None:
            raise ConfigError("normalisation 'unit' needs the window that becomes 0..1")
        if not self.std > 0:
            raise ConfigError(f"std must be above 0, not {self.std}")
        if self.nonzero and self.kind != "zscore":
            raise ConfigError(f"nonzero belongs to 'zscore', not to {self.kind!r}")

    @property
    def fixed(self) -> tuple[float, float] | None:
        """Mean and std where they are the same for every case; None for `"zscore"`."""
        if self.kind == "ct":
            return self.mean, self.std
        if self.kind == "unit" and self.window is not None:
            return self.window[0], self.window[1] - self.window[0]
        return None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that TOML and JSON can hold; no window is an empty list."""
        return {
            "kind": self.kind,
            "window": list(self.window or ()),
            "mean": self.mean,
            "std": self.std,
            "nonzero": self.nonzero,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalisation:
        """Read what `to_dict` wrote."""
        window = values.get("window") or None
        return cls(
            kind=str(values["kind"]),
            window=None if window is None else (float(window[0]), float(window[1])),
            mean=float(values.get("mean", 0.0)),
            std=float(values.get("std", 1.0)),
            nonzero=bool(values.get("nonzero", False)),
        )

    def statistics(self, pixels: np.ndarray) -> tuple[float, float]:
        """Mean and standard deviation by which a whole case is normalised.

        Args:
            pixels: `[H, W, C]` or `[D, H, W, C]`, modality units, at the network's spacing.

        Returns:
            The fixed ones for `"ct"` and `"unit"`; (0, 1) where no voxel is nonzero.
        """
        if self.fixed is not None:
            return self.fixed
        values = pixels.astype(np.float32, copy=False)
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
        mean, std = statistics or self.statistics(pixels)
        values = pixels.astype(np.float32)
        outside = (values == 0).all(axis=-1) if self.nonzero else None
        if self.window is not None:
            np.clip(values, *self.window, out=values)
        values -= np.float32(mean)
        values *= np.float32(1.0 / std)
        if outside is not None:
            values[outside] = 0
        return values


def normalise(
    image: tf.Tensor, normalisation: Normalisation, mean: tf.Tensor, std: tf.Tensor
) -> tf.Tensor:
    """Clip and normalise in the graph, each example by the statistics of its case.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, modality units. NaN stays NaN.
        normalisation: the plan's.
        mean: float32 `[B]`.
        std: float32 `[B]`, above 0.

    Returns:
        float32 of the same shape.
    """
    shape = [-1] + [1] * (image.shape.rank - 1)
    values = _clipped(image, normalisation) - tf.reshape(mean, shape)
    values *= tf.reshape(1.0 / std, shape)
    return tf.where(_inside(image), values, 0.0) if normalisation.nonzero else values


def normalise_whole(image: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """Clip and normalise whole cases in the graph, their statistics computed there.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, modality units, each example a whole
            case.
        normalisation: the plan's.

    Returns:
        float32 of the same shape.
    """
    if normalisation.fixed is not None:
        # Numbers, not tensors of B numbers: one operation less in the exported graph.
        mean, std = normalisation.fixed
        return (_clipped(image, normalisation) - mean) * tf.constant(1.0 / std, tf.float32)
    values, axes = _clipped(image, normalisation), list(range(1, image.shape.rank))
    if normalisation.nonzero:
        counted = tf.cast(_inside(image), tf.float32)
        # As many numbers as voxels that count, and at least one.
        count = tf.maximum(tf.reduce_sum(counted, axes, keepdims=True), 1.0) * image.shape[-1]
        mean = tf.reduce_sum(values * counted, axes, keepdims=True) / count
        variance = tf.reduce_sum(tf.square(values - mean) * counted, axes, keepdims=True) / count
    else:
        mean = tf.reduce_mean(values, axes, keepdims=True)
        variance = tf.reduce_mean(tf.square(values - mean), axes, keepdims=True)
    std = tf.maximum(tf.maximum(tf.sqrt(variance), FLAT * tf.abs(mean)), TINY)
    values = (values - mean) / std
    return tf.where(_inside(image), values, 0.0) if normalisation.nonzero else values


def _clipped(image: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    if normalisation.window is None:
        return image
    return tf.clip_by_value(image, *normalisation.window)


def _inside(image: tf.Tensor) -> tf.Tensor:
    """Voxels that are not 0 in all channels, `[B, ..., 1]`."""
    return tf.reduce_any(tf.not_equal(image, 0.0), axis=-1, keepdims=True)
