"""From a read image to the network's input: one function for training, prediction and export.

The order is fixed: resample in modality units, then clip, then normalise. Clipping first gives
other pixels (up to 0.5 of the range at an edge), and resampling first keeps the window free:
the cache holds what `resample` returns, so a new window needs no new cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.normalisation import Normalisation, normalise, numbers, plain
from tfmed.transforms.spatial import pick_frames, resize

PERCENTILES = "percentiles"
# ITU-R BT.601 luma, the weights by which colour becomes grey in PNG, JPEG and Pillow.
LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Preprocessing:
    """How pixels become the network's input.

    Attributes:
        size: `(H, W)` of the network's input, or `(D, H, W)` for volumes. Images are stretched
            to it: the aspect ratio is not kept and nothing is padded or cut away.
        channels: 1 or 3.
        window: `(low, high)` in modality units, which become 0 and 1; None takes each image's
            own 0.5th and 99.5th percentile.
        mean: subtracted after scaling to 0..1; one number, or one a channel.
        std: divides after that; one number, or one a channel.
        sampled: of volumes only: the first axis is time, and `D` of its frames are picked, evenly
            spaced, as `tfmed.io.frames.even_frames` names them; frames are not blended.
    """

    size: tuple[int, ...]
    channels: int
    window: tuple[float, float] | None = None
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    sampled: bool = False

    def __post_init__(self) -> None:
        if len(self.size) not in (2, 3) or min(self.size) < 1:
            raise ConfigError(f"size must be (H, W) or (D, H, W), not {self.size}")
        if self.sampled and len(self.size) != 3:
            raise ConfigError(
                f"frames are sampled of clips, whose size is (T, H, W), not {self.size}"
            )
        if self.channels not in (1, 3):
            raise ConfigError(f"channels must be 1 or 3, not {self.channels}")
        for name, value in (("mean", self.mean), ("std", self.std)):
            if isinstance(value, tuple) and len(value) != self.channels:
                raise ConfigError(f"{name} needs {self.channels} numbers, not {len(value)}")
        _ = self.normalisation  # checks the rest

    @property
    def normalisation(self) -> Normalisation:
        """What follows resampling."""
        kind = "percentiles" if self.window is None else "unit"
        return Normalisation(kind, self.window, self.mean, self.std)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)`: one image, as the network takes it."""
        return (*self.size, self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that TOML and JSON can hold; no window is `"percentiles"`."""
        return {
            "size": list(self.size),
            "channels": self.channels,
            "window": PERCENTILES if self.window is None else list(self.window),
            "mean": plain(self.mean),
            "std": plain(self.std),
            "sampled": self.sampled,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_dict` wrote; a `window` that is missing or null means percentiles."""
        window = values.get("window", PERCENTILES)
        if isinstance(window, str) and window != PERCENTILES:
            raise ConfigError(f"window must be [low, high] or {PERCENTILES!r}, not {window!r}")
        return cls(
            size=tuple(int(item) for item in values["size"]),
            channels=int(values["channels"]),
            window=None if window in (None, PERCENTILES) else (float(window[0]), float(window[1])),
            mean=numbers(values.get("mean", 0.0)),
            std=numbers(values.get("std", 1.0)),
            sampled=bool(values.get("sampled", False)),
        )


def prepare(image: tf.Tensor, preprocessing: Preprocessing) -> tf.Tensor:
    """Turn images in modality units into the network's input: `resample`, then `normalise`.

    Args:
        image: `[B, H, W, C]` or `[B, D, H, W, C]`, any H, W and D, any numeric dtype, C 1 or 3.
        preprocessing: the plan's.

    Returns:
        float32 `[B, *size, channels]`.
    """
    return normalise(resample(image, preprocessing), preprocessing.normalisation)


def resample(image: tf.Tensor, preprocessing: Preprocessing) -> tf.Tensor:
    """Bring images to the plan's size and channels, still in modality units.

    The same function fills the cache, reads files directly and stands in the exported graph.
    With a static shape that is right already, it adds no operation.

    Args:
        image: `[B, H, W, C]` or `[B, D, H, W, C]`, any numeric dtype, C 1 or 3.
        preprocessing: the plan's.

    Returns:
        float32 `[B, *size, channels]`.
    """
    image = tf.convert_to_tensor(image)
    rank = len(preprocessing.size) + 2
    if image.shape.rank != rank:
        raise ConfigError(
            f"size {preprocessing.size} takes images of rank {rank} with the batch, not of "
            f"shape {image.shape}"
        )
    if preprocessing.sampled:
        image = pick_frames(image, preprocessing.size[0])
    if image.dtype != tf.float32:
        image = tf.cast(image, tf.float32)
    return resize(match_channels(image, preprocessing.channels), preprocessing.size)


def match_channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """Repeat grey into three channels, or turn colour into grey by its luminance.

    Args:
        image: float32 `[..., C]` with a static C of 1 or 3.
        channels: 1 or 3.

    Returns:
        float32 `[..., channels]`. Luminance is that of ITU-R BT.601.
    """
    given = image.shape[-1]
    if given == channels:
        return image
    if given == 1:
        return tf.repeat(image, channels, axis=-1)
    if given == 3:
        red, green, blue = tf.unstack(image, axis=-1)
        return (red * LUMINANCE[0] + green * LUMINANCE[1] + blue * LUMINANCE[2])[..., tf.newaxis]
    raise ConfigError(f"images have {given} channels; 1 (grey) or 3 (colour) were expected")
