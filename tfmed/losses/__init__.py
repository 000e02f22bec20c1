"""Losses on logits: one value an example, in float32 whatever comes in.

All take `targets` and `logits` and give float32 `[B]`; the caller weighs and averages.

**Of whole examples** (`classes`): `cross_entropy` and `focal` take `[B, K]` twice.

**Of masks**: `targets` are whole numbers `[B, H, W]` or `[B, D, H, W]`, or one-hot (or soft) values
with a last axis `[..., K]`, and `logits` `[..., K]`. Voxels of the ignored label, or NaN in one-hot
targets, count for nothing. A label that is neither ignored nor one of the K classes makes the loss
NaN, so that training stops there instead of learning background.

**A class that an image does not hold.** Its overlap is 0 / 0, and the smoothing term decides: the
loss of that class stays near 1 while the network calls any of it, with gradients of its logits
that sum to at most 1/4. So absent classes neither draw the network to background nor blow up; but
they also teach little, and a false structure in an empty image goes nearly free. Cross-entropy
unlearns it (`dice_cross_entropy`), and so does `batch=True`, which takes the overlap of all images
of the batch together.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfmed.losses.classes import cross_entropy, focal
from tfmed.losses.lines import cl_dice, dice_cl_dice
from tfmed.losses.outline import boundary, signed_distances
from tfmed.losses.overlap import (
    dice,
    dice_cross_entropy,
    focal_tversky,
    tversky,
    voxel_cross_entropy,
)
from tfmed.losses.supervision import supervised

__all__ = [
    "LOSSES",
    "boundary",
    "cl_dice",
    "cross_entropy",
    "dice",
    "dice_cl_dice",
    "dice_cross_entropy",
    "focal",
    "focal_tversky",
    "signed_distances",
    "supervised",
    "tversky",
    "voxel_cross_entropy",
]

# What a training on masks may be told to minimise alone. `boundary` takes distance maps.
LOSSES: dict[str, Callable[..., tf.Tensor]] = {
    function.__name__: function
    for function in (
        voxel_cross_entropy, dice, dice_cross_entropy, tversky, focal_tversky, dice_cl_dice,
    )
}  # fmt: skip
