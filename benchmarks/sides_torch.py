"""PyTorch's side of `train.py` and `segment.py`: eager, in either layout of memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import machine
import numpy as np
import problems
import torch
from networks_torch import CLASSIFIERS, UNet
from sides import Built
from torch import nn
from torch.nn import functional

SMOOTH = 1e-5
LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def classifier(problem: str, precision: str, channels_last: bool) -> Built:
    """Training a classifier; the work is a step."""
    network, side, batch_size, _ = problems.CLASSIFIED[problem]
    drawn, classes = problems.images(side)
    images, targets = _as_torch(drawn, channels_last), torch.from_numpy(classes)
    memory = _memory(images.ndim, channels_last)
    model = CLASSIFIERS[network](side, problems.CLASSES).to(memory_format=memory)
    optimizer = torch.optim.AdamW(
        model.parameters(), problems.RATE, weight_decay=problems.DECAY, fused=True
    )
    rows = torch.randperm(len(images))
    place = 0

    def loss() -> torch.Tensor:
        nonlocal place, rows
        if place + batch_size > len(rows):
            place, rows = 0, torch.randperm(len(images))
        chosen = rows[place : place + batch_size]
        place += batch_size
        given = images[chosen].contiguous(memory_format=memory)
        with _precision(precision):
            logits = model(given)
        return functional.cross_entropy(logits.float(), targets[chosen])

    return _looped(loss, optimizer), _facts(model)


def segmenter(problem: str, precision: str, channels_last: bool) -> Built:
    """Training a U-Net; the work is a step."""
    asked = problems.SEGMENTED[problem]
    drawn, labels = problems.patches(asked)
    inputs, targets = _as_torch(drawn, channels_last), torch.from_numpy(labels.astype(np.int64))
    model = _unet(asked.features, len(asked.patch), channels_last, supervised=True)
    optimizer = torch.optim.SGD(
        model.parameters(), problems.RATE, problems.MOMENTUM, nesterov=True, fused=True
    )
    levels = len(model.heads)
    weights = [2.0**-level / (2 - 2.0 ** (1 - levels)) for level in range(levels)]

    def loss() -> torch.Tensor:
        with _precision(precision):
            found = model(inputs)
        total = torch.zeros(())
        for weight, logits in zip(weights, found, strict=True):
            total = total + weight * _dice_cross_entropy(_shrunk(targets, logits), logits)
        return total

    return _looped(loss, optimizer), _facts(model)


def sliding(problem: str, channels_last: bool) -> Built:
    """Segmenting a whole image by MONAI's windows; the work is the image."""
    machine.keep_tensorflow_out()
    from monai.inferers import sliding_window_inference

    asked = problems.SLID[problem]
    axes = len(asked.size)
    model = _unet(asked.features, axes, channels_last, supervised=False).eval()
    image = _as_torch(problems.whole(asked)[None], channels_last)
    memory = _memory(image.ndim, channels_last)

    def network(windows: torch.Tensor) -> torch.Tensor:
        return torch.softmax(model(windows.contiguous(memory_format=memory))[0], 1)

    def work(times: int) -> None:
        for _ in range(times):
            with torch.inference_mode():
                found = sliding_window_inference(
                    image,
                    asked.patch,
                    asked.windows,
                    network,
                    overlap=problems.OVERLAP,
                    mode="gaussian",
                )
            assert found.shape == (1, problems.MASK_CLASSES, *asked.size)

    return work, _facts(model)


def _unet(features: tuple[int, ...], axes: int, channels_last: bool, *, supervised: bool) -> UNet:
    rows = problems.stages(features, axes)
    model = UNet(problems.MASK_CLASSES, **rows, supervised=supervised)
    return model.to(memory_format=_memory(axes + 2, channels_last))


def _looped(loss: Callable[[], torch.Tensor], optimizer: torch.optim.Optimizer) -> Callable:
    def work(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss().backward()
            optimizer.step()

    return work


def _facts(model: nn.Module) -> dict[str, object]:
    count = sum(weights.numel() for weights in model.parameters())
    return {"onednn": machine.torch_onednn(), "parameters": count}


def _memory(axes: int, channels_last: bool) -> torch.memory_format:
    return LAST[axes] if channels_last else torch.contiguous_format


def _as_torch(array: np.ndarray, channels_last: bool) -> torch.Tensor:
    tensor = torch.from_numpy(np.moveaxis(array, -1, 1).copy())
    return tensor.contiguous(memory_format=_memory(tensor.ndim, channels_last))


def _precision(name: str) -> nullcontext | torch.autocast:
    return nullcontext() if name == "float32" else torch.autocast("cpu", torch.bfloat16)


def _dice_cross_entropy(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As `tfmed.losses.dice_cross_entropy`, the mean over the batch."""
    logits = logits.float()
    probabilities = torch.softmax(logits, 1)[:, 1:]
    truth = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1)[:, 1:].float()
    axes = tuple(range(2, logits.ndim))
    both = (probabilities * truth).sum(axes)
    below = probabilities.sum(axes) + truth.sum(axes) + SMOOTH
    dice = 1 - (2 * both + SMOOTH) / below
    return dice.mean() + functional.cross_entropy(logits, labels)


def _shrunk(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As `tfmed.losses.supervision.shrunk`."""
    for axis in range(1, labels.ndim):
        step = labels.shape[axis] // logits.shape[axis + 1]
        index = torch.arange(step // 2, labels.shape[axis], step)
        labels = labels.index_select(axis, index)
    return labels
