"""What `segment.py` compares with: the same U-Net, loss and training step in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SLOPE = 0.01
SMOOTH = 1e-5


class Unit(nn.Sequential):
    """Convolution, instance normalisation, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, ...], stride: object) -> None:
        flat = len(kernel) == 2
        convolution = nn.Conv2d if flat else nn.Conv3d
        norm = nn.InstanceNorm2d if flat else nn.InstanceNorm3d
        padding = tuple(side // 2 for side in kernel)
        super().__init__(
            convolution(inputs, outputs, kernel, stride=stride, padding=padding, bias=False),
            norm(outputs, affine=True),
            nn.LeakyReLU(SLOPE, inplace=True),
        )


class UNet(nn.Module):
    """The layers of `tfmed.models.unet`, one for one."""

    def __init__(
        self,
        channels: int,
        classes: int,
        features: Sequence[int],
        strides: Sequence[tuple[int, ...]],
        kernels: Sequence[tuple[int, ...]],
    ) -> None:
        super().__init__()
        flat = len(strides[0]) == 2
        convolution = nn.Conv2d if flat else nn.Conv3d
        transposed = nn.ConvTranspose2d if flat else nn.ConvTranspose3d
        self.down, self.enlarge, self.up, self.heads = (nn.ModuleList() for _ in range(4))
        before = channels
        for width, stride, kernel in zip(features, strides, kernels, strict=True):
            self.down.append(
                nn.Sequential(Unit(before, width, kernel, stride), Unit(width, width, kernel, 1))
            )
            before = width
        for stage in reversed(range(len(features) - 1)):
            width, kernel, stride = features[stage], kernels[stage], strides[stage + 1]
            self.enlarge.append(transposed(before, width, stride, stride=stride, bias=False))
            self.up.append(
                nn.Sequential(Unit(2 * width, width, kernel, 1), Unit(width, width, kernel, 1))
            )
            # Nothing learns from the lowest.
            lowest = stage == len(features) - 2
            self.heads.append(nn.Identity() if lowest else convolution(width, classes, 1))
            before = width

    def forward(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Logits of every stage but the two lowest, finest first."""
        skips = []
        for block in self.down:
            tensor = block(tensor)
            skips.append(tensor)
        found: list[torch.Tensor] = []
        rows = zip(self.enlarge, self.up, self.heads, reversed(skips[:-1]), strict=True)
        for enlarge, block, head, skip in rows:
            tensor = block(torch.cat([enlarge(tensor), skip], 1))
            found.insert(0, head(tensor))
        return found[:-1]


def dice_cross_entropy(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As `tfmed.losses.dice_cross_entropy`, the mean over the batch."""
    logits = logits.float()
    probabilities = torch.softmax(logits, 1)[:, 1:]
    classes = logits.shape[1]
    truth = functional.one_hot(labels, classes).movedim(-1, 1)[:, 1:].float()
    axes = tuple(range(2, logits.ndim))
    both = (probabilities * truth).sum(axes)
    below = probabilities.sum(axes) + truth.sum(axes) + SMOOTH
    dice = 1 - (2 * both + SMOOTH) / below
    return dice.mean() + functional.cross_entropy(logits, labels)


def with_torch(
    image: np.ndarray,
    labels: np.ndarray,
    classes: int,
    stages: dict[str, Sequence],
    *,
    channels_last: bool,
    half: bool,
    threads: int,
) -> Callable[[int], None]:
    """PyTorch's eager loop; gives a function that trains so many steps."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    memory = formats[image.ndim] if channels_last else torch.contiguous_format
    model = UNet(image.shape[-1], classes, **stages).to(memory_format=memory)
    inputs = torch.from_numpy(np.moveaxis(image, -1, 1).copy()).to(memory_format=memory)
    targets = torch.from_numpy(labels.astype(np.int64))
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9, nesterov=True)
    levels = len(model.heads) - 1
    weights = [2.0**-level / (2 - 2.0 ** (1 - levels)) for level in range(levels)]

    def train(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16) if half else nullcontext():
                found = model(inputs)
            loss = torch.zeros(())
            for weight, logits in zip(weights, found, strict=True):
                loss = loss + weight * dice_cross_entropy(shrunk(targets, logits), logits)
            loss.backward()
            optimizer.step()

    return train


def shrunk(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As `tfmed.losses.supervision.shrunk`."""
    for axis in range(1, labels.ndim):
        step = labels.shape[axis] // logits.shape[axis + 1]
        index = torch.arange(step // 2, labels.shape[axis], step)
        labels = labels.index_select(axis, index)
    return labels
