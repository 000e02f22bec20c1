"""Losses on logits: one value an example, in float32 whatever comes in.

All take `targets` and `logits` and give float32 `[B]`; the caller weighs and averages.

**Of whole examples** (`whole_examples`): `cross_entropy` and `focal` take `[B, K]` twice.

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

from tfmed.losses.lines import cl_dice, dice_cl_dice
from tfmed.losses.overlap import (
    dice,
    dice_cross_entropy,
    focal_tversky,
    tversky,
    voxel_cross_entropy,
)
from tfmed.losses.supervision import supervised
from tfmed.losses.whole_examples import cross_entropy, focal

__all__ = [
    "LOSSES",
    "cl_dice",
    "cross_entropy",
    "dice",
    "dice_cl_dice",
    "dice_cross_entropy",
    "focal",
    "focal_tversky",
    "supervised",
    "tversky",
    "voxel_cross_entropy",
]

# What a training on masks may be told to minimise, and what that costs beside the network.
LOSSES: dict[str, str] = {
    # One kernel over the logits, the cheapest; small structures have hardly a say in it.
    "voxel_cross_entropy": "tfmed.losses.overlap:voxel_cross_entropy",
    # The softmax and three sums of a class; learns nothing from images without the structure.
    "dice": "tfmed.losses.overlap:dice",
    # The two above together; what nnU-Net trains with, and the plan's choice.
    "dice_cross_entropy": "tfmed.losses.overlap:dice_cross_entropy",
    # As Dice; misses cost more than false alarms, for small lesions.
    "tversky": "tfmed.losses.overlap:tversky",
    # As Dice; classes that are still wrong count more.
    "focal_tversky": "tfmed.losses.overlap:focal_tversky",
    # Dice and 32 poolings of images, 48 of volumes, at full size and for each class, half of which
    # stay in memory for the gradient; for vessels and fibres, which it keeps connected.
    "dice_cl_dice": "tfmed.losses.lines:dice_cl_dice",
}
