"""The networks of `problems.py` in PyTorch, layer for layer those of `tfmed.models`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

SLOPE = 0.01


def convnet(side: int, classes: int) -> nn.Module:
    """`tfmed.models.convnet`."""
    rest = (side // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * rest**2, 120), nn.ReLU(inplace=True)),
        *(nn.Linear(120, 84), nn.ReLU(inplace=True), nn.Linear(84, classes)),
    )


class Residual(nn.Module):
    """`tfmed.models.blocks.residual`: two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _normalised(inputs, outputs, 3, stride)
        self.second = _normalised(outputs, outputs, 3, 1)
        nn.init.zeros_(self.second[1].weight)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else _normalised(inputs, outputs, stride, stride)

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        """Features to features."""
        found = self.second(nn.functional.relu(self.first(tensor), inplace=True))
        return nn.functional.relu(self.shortcut(tensor) + found, inplace=True)


def resnet_small(side: int, classes: int) -> nn.Module:
    """`tfmed.models.resnet.resnet_small` for images of up to 128 pixels a side."""
    widths = (16, 32, 128) if side < 48 else (16, 32, 64, 128)
    layers: list[nn.Module] = [_normalised(1, widths[0], 3, 1 if side < 64 else 2)]
    layers.append(nn.ReLU(inplace=True))
    before = widths[0]
    for stage, width in enumerate(widths):
        layers += [Residual(before, width, 2 if stage else 1), Residual(width, width, 1)]
        before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes)]
    return nn.Sequential(*layers)


CLASSIFIERS = {"convnet": convnet, "resnet_small": resnet_small}


def _normalised(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    padding = kernel // 2 if kernel % 2 else 0
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(outputs),
    )


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
    """`tfmed.models.unet`; supervised, it gives logits of every stage but the two lowest."""

    def __init__(
        self,
        classes: int,
        features: Sequence[int],
        strides: Sequence[tuple[int, ...]],
        kernels: Sequence[tuple[int, ...]],
        *,
        supervised: bool,
    ) -> None:
        super().__init__()
        flat = len(strides[0]) == 2
        convolution = nn.Conv2d if flat else nn.Conv3d
        transposed = nn.ConvTranspose2d if flat else nn.ConvTranspose3d
        self.down, self.enlarge, self.up, self.heads = (nn.ModuleList() for _ in range(4))
        before = 1
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
            before = width
        levels = max(1, len(features) - 2) if supervised else 1
        self.heads.extend(convolution(width, classes, 1) for width in features[:levels])

    def forward(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Logits, finest first."""
        skips = []
        for block in self.down:
            tensor = block(tensor)
            skips.append(tensor)
        found: list[torch.Tensor] = []
        rows = zip(self.enlarge, self.up, reversed(skips[:-1]), strict=True)
        for enlarge, block, skip in rows:
            tensor = block(torch.cat([enlarge(tensor), skip], 1))
            found.insert(0, tensor)
        return [head(level) for head, level in zip(self.heads, found, strict=False)]
