"""Scale a network down until enough of its steps fit a time, as a CPU needs it.

nnU-Net's plans are for a GPU and 250,000 steps. A CPU has minutes: batch, width and patch then
give way, in this order and twice over, until the steps that fit are as many as that time deserves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tfmed.tasks.segmentation.topology import (
    LEAST_BATCH,
    Stages,
    feature_voxels,
    multiplications,
)

# Measured by training plain U-Nets of 8 to 32 first features on two busy cores with AVX-512. The
# sum of three times the forward multiplications and of the feature maps, each at its rate, is
# within a third of what a step took.
MULTIPLICATIONS_PER_CORE = {2: 6.5e10, 3: 5.5e10}
FEATURE_VOXELS_PER_CORE = {2: 1.5e8, 3: 1.25e8}
STEP_SECONDS = 0.02
# The rest goes to validation, backups and compiling.
TRAINING_SHARE = 0.8
# Steps and their cost share a time evenly: both grow by its square root.
STEPS_PER_ROOT_SECOND = 40.0
# By turns: patches a step, first features, voxels of a patch.
BATCHES = {2: 4, 3: 2}
PATCH_VOXELS = {2: (256**2, 128**2), 3: (64**3, 48**3)}
WIDTHS = (16, 8)


@dataclass(frozen=True)
class Budget:
    """What a machine has for one training.

    Attributes:
        seconds: of training, validation included.
        cores: of the CPU.
        limited: whether the clock ends training then.
        slowness: by which this machine's steps take longer than estimated.
    """

    seconds: float
    cores: int
    limited: bool = False
    slowness: float = 1.0

    @property
    def wanted_steps(self) -> int:
        """Steps that a training of this length should have."""
        return math.ceil(STEPS_PER_ROOT_SECOND * math.sqrt(self.seconds))


@dataclass(frozen=True)
class Candidate:
    """A network, its patches and what a training step takes.

    Attributes:
        shape: stages and patch.
        first_features: of the first stage.
        batch_size: patches a step.
        step_seconds: estimated.
    """

    shape: Stages
    first_features: int
    batch_size: int
    step_seconds: float = 0.0

    def steps(self, budget: Budget) -> int:
        """Steps that fit."""
        return max(int(TRAINING_SHARE * budget.seconds / self.step_seconds), 1)


def timed(one: Candidate, channels: int, classes: int, budget: Budget) -> Candidate:
    """The candidate with the estimated seconds of a step."""
    rank, features = len(one.shape.patch_size), one.shape.features(one.first_features)
    work = 3 * multiplications(one.shape, features, channels, classes)
    passes = feature_voxels(one.shape, features, classes)
    patch = work / MULTIPLICATIONS_PER_CORE[rank] + passes / FEATURE_VOXELS_PER_CORE[rank]
    seconds = one.batch_size * patch / budget.cores + STEP_SECONDS
    return replace(one, step_seconds=seconds * budget.slowness)


def scaled(
    begin: Candidate,
    budget: Budget,
    smaller: Callable[[Stages], Stages | None],
    *,
    channels: int,
    classes: int,
    fixed_batch: bool = False,
) -> Candidate:
    """The first network on the way down of which enough steps fit; the smallest if none is.

    Args:
        begin: what memory allows.
        budget: time and cores.
        smaller: the patch made smaller by one step, None at its least or where it is the user's.
        channels: of the images.
        classes: with the background.
        fixed_batch: whether the batch is the user's.
    """
    chosen = begin
    for one in _way_down(begin, smaller, fixed_batch):
        chosen = timed(one, channels, classes, budget)
        if chosen.steps(budget) >= budget.wanted_steps:
            break
    return chosen


def _way_down(
    begin: Candidate, smaller: Callable[[Stages], Stages | None], fixed_batch: bool
) -> Iterator[Candidate]:
    """Ever cheaper networks: a smaller batch, half the width, smaller patches, and again."""
    rank = len(begin.shape.patch_size)
    now = begin
    yield now
    for batch_size, width, voxels in zip(
        (BATCHES[rank], LEAST_BATCH), WIDTHS, PATCH_VOXELS[rank], strict=True
    ):
        while now.batch_size > batch_size and not fixed_batch:
            now = replace(now, batch_size=now.batch_size - 1)
            yield now
        now = replace(now, first_features=width)
        yield now
        while math.prod(now.shape.patch_size) > voxels and (less := smaller(now.shape)):
            now = replace(now, shape=less)
            yield now
