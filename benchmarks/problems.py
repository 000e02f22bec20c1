"""What `train.py` and `segment.py` let their sides work on, drawn alike for all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PRECISIONS = ("float32", "mixed_bfloat16")
RATE, DECAY, MOMENTUM = 1e-3, 1e-2, 0.9
CLASSES, MASK_CLASSES = 2, 3
OVERLAP = 0.5
PIXELS = 4096 * 28 * 28  # of all images together


class Classified(NamedTuple):
    """Images to classify: the network, their side in pixels, images a step, steps a call."""

    network: str
    side: int
    batch_size: int
    steps: int


class Segmented(NamedTuple):
    """Patches to segment: their size, patches a step, features of the U-Net's stages."""

    patch: tuple[int, ...]
    batch_size: int
    features: tuple[int, ...]


class Slid(NamedTuple):
    """A whole image to segment by windows: its size, the window, the features, windows a call."""

    size: tuple[int, ...]
    patch: tuple[int, ...]
    features: tuple[int, ...]
    windows: int


CLASSIFIED = {
    "convnet 28x28": Classified("convnet", 28, 128, 16),
    "resnet_small 28x28": Classified("resnet_small", 28, 64, 16),
    "resnet_small 128x128": Classified("resnet_small", 128, 32, 4),
}
SEGMENTED = {
    "volume": Segmented((40, 56, 40), 2, (16, 32, 64, 128)),
    "wide volume": Segmented((40, 56, 40), 2, (32, 64, 128, 256)),
    "image": Segmented((256, 256), 4, (16, 32, 64, 128, 256)),
}
SLID = {
    "volume": Slid((100, 112, 100), (40, 56, 40), (32, 64, 128), 1),
    "image": Slid((512, 512), (256, 256), (16, 32, 64, 128, 256), 4),
}


def images(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of noise, float32 `[N, side, side, 1]`, and their classes, int64 `[N]`."""
    random = np.random.default_rng(0)
    count = PIXELS // side**2
    drawn = random.normal(size=(count, side, side, 1)).astype(np.float32)
    return drawn, random.integers(0, CLASSES, count)


def patches(problem: Segmented) -> tuple[np.ndarray, np.ndarray]:
    """A batch of noise, float32 with a channel, and labels that follow from it, int32."""
    random = np.random.default_rng(0)
    drawn = random.normal(size=(problem.batch_size, *problem.patch, 1)).astype(np.float32)
    return drawn, np.digitize(drawn[..., 0], (0.5, 1.5)).astype(np.int32)


def whole(problem: Slid) -> np.ndarray:
    """An image of noise, float32 with a channel."""
    return np.random.default_rng(0).normal(size=(*problem.size, 1)).astype(np.float32)


def stages(features: tuple[int, ...], axes: int) -> dict[str, tuple]:
    """Rows of features, strides and kernels; every stage but the first halves every axis."""
    strides = ((1,) * axes, *((2,) * axes,) * (len(features) - 1))
    return {"features": features, "strides": strides, "kernels": ((3,) * axes,) * len(features)}
