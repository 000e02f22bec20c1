"""Patch, network, batch and resolution that fit a machine, each with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tfmed.errors import ConfigError
from tfmed.planning import BY_USER, Choices
from tfmed.tasks.segmentation import topology
from tfmed.tasks.segmentation.budget import Budget, Candidate, scaled, timed
from tfmed.tasks.segmentation.spacing import LEAST_COVER, Shape, Spacing, low_resolution

# With fewer stages there is one output all the same.
LEAST_SUPERVISED = 4
SHORT = "the time is short (see features)"


@dataclass(frozen=True)
class Fitted:
    """What a network is fitted to.

    Attributes:
        memory_gb: for training.
        time: that a CPU has; None with a GPU.
    """

    memory_gb: float
    time: Budget | None


@dataclass(frozen=True)
class CaseGrid:
    """The training images on the network's axes.

    Attributes:
        spacing_mm: None where it is not known.
        shape: of the median image, in voxels.
        dataset_voxels: of all training images.
        channels: of an image.
        classes: with the background.
    """

    spacing_mm: Spacing | None
    shape: Shape
    dataset_voxels: float
    channels: int
    classes: int

    @property
    def steps(self) -> Spacing:
        """The spacing by which axes are compared."""
        return self.spacing_mm or (1.0,) * len(self.shape)


@dataclass(frozen=True)
class Wanted:
    """What the user has set.

    Attributes:
        patch_size: or None.
        batch_size: or None.
        low_resolution: whether a coarser image may be taken.
    """

    patch_size: Shape | None
    batch_size: int | None
    low_resolution: bool


@dataclass(frozen=True)
class Fit:
    """What fits.

    Attributes:
        grid: at the spacing that the network has.
        machine: to which it was fitted.
        asked: what the user has set.
        chosen: the network.
        begun: what memory alone allows.
        is_low: whether the spacing is coarser than the target.
        cover: share of the median image in a patch, at the target spacing.
    """

    grid: CaseGrid
    machine: Fitted
    asked: Wanted
    chosen: Candidate
    begun: Candidate
    is_low: bool = False
    cover: float = 1.0

    @property
    def spacing_mm(self) -> Spacing | None:
        """Of the network's axes."""
        return self.grid.spacing_mm

    def choices(self) -> Choices:
        """The plan's settings, each with its reason."""
        shape = self.chosen.shape
        features = shape.features(self.chosen.first_features)
        return {
            "patch_size": (shape.patch_size, self._why_patch()),
            "features": (features, self._why_features()),
            "strides": (
                shape.strides,
                f"halved while 8 voxels are left, coarse axes later: {len(features)} stages",
            ),
            "kernels": (
                shape.kernels,
                "an axis is convolved once its voxels are under twice the finest's",
            ),
            "deep_supervision": self._deep_supervision(len(features)),
            "batch_size": (self.chosen.batch_size, self._why_batch()),
            "low_resolution": (self.is_low, self.why_low),
        }

    @property
    def why_low(self) -> str:
        """Why the resolution is full or low."""
        share = f"a patch at full resolution holds {self.cover:.0%} of the median image"
        if self.is_low:
            return f"{share}: coarser until it holds {LEAST_COVER:.0%}"
        if len(self.grid.shape) == 2:
            return "only volumes are made coarser"
        if self.cover >= LEAST_COVER:
            return f"{share}, {LEAST_COVER:.0%} or more"
        return f"{share}; full resolution all the same"

    def _deep_supervision(self, stages: int) -> tuple[bool, str]:
        """The lowest two stages have no output of their own."""
        if stages < LEAST_SUPERVISED:
            return False, f"{stages} stages are too few for coarse outputs"
        return True, "coarse outputs learn first and lead the fine ones"

    def _why_features(self) -> str:
        """The figures of the budget, where there is one: other settings point here."""
        width, most = self.chosen.first_features, self.begun.first_features
        rule = "twice as many a stage"
        time = self.machine.time
        if time is None:
            return f"nnU-Net's: {width} at first, {rule}"
        was, now = self.begun, self.chosen
        begun = f"{was.steps(time):,} steps of {was.step_seconds:.2g} s"
        fits = f"on {time.cores} cores {time.seconds / 60:.3g} minutes are {begun} as memory allows"
        if now != was:
            fits += f", about {now.steps(time):,} of {now.step_seconds:.2g} s as planned"
        fewer = f"{width} of nnU-Net's {most}" if width < most else f"nnU-Net's {width}"
        return f"{fewer} at first, {rule}: {fits}; {time.wanted_steps:,} are wanted"

    def _why_patch(self) -> str:
        median, patch = _sides(self.grid.shape), self.chosen.shape.patch_size
        if self.asked.patch_size is not None:
            padded = f", of {_sides(self.asked.patch_size)} made what the strides divide"
            return BY_USER + ("" if patch == self.asked.patch_size else padded)
        if patch != self.begun.shape.patch_size:
            most = _sides(self.begun.shape.patch_size)
            return f"of a median {median}; memory would allow {most}, but {SHORT}"
        return f"of a median {median}: what {self.machine.memory_gb:.3g} GB hold, strides divide"

    def _why_batch(self) -> str:
        if self.asked.batch_size is not None:
            return BY_USER
        allowed = f"what {self.machine.memory_gb:.3g} GB and 5 % of the training voxels allow"
        if self.chosen.batch_size == self.begun.batch_size:
            return f"{allowed}, at least {topology.LEAST_BATCH}"
        return f"{allowed} would be {self.begun.batch_size}, but {SHORT}"


def fit(grid: CaseGrid, machine: Fitted, asked: Wanted) -> Fit:
    """Fit patch, network and batch to the machine, at low resolution where that is asked for.

    Raises:
        ConfigError: images or a patch too small to halve, or too little memory.
    """
    full = _fitted(grid, machine, asked)
    cover = min(math.prod(full.chosen.shape.patch_size) / math.prod(grid.shape), 1.0)
    full = replace(full, cover=cover)
    if not asked.low_resolution or grid.spacing_mm is None:
        return full

    def at(spacing: Spacing, shape: Shape) -> CaseGrid:
        share = math.prod(shape) / math.prod(grid.shape)
        voxels = grid.dataset_voxels * share
        return replace(grid, spacing_mm=spacing, shape=shape, dataset_voxels=voxels)

    def patch(spacing: Spacing, shape: Shape) -> Shape:
        return _fitted(at(spacing, shape), machine, asked).chosen.shape.patch_size

    coarse = low_resolution(grid.spacing_mm, grid.shape, patch)
    if coarse is None:
        return full
    spacing, shape = coarse
    return replace(_fitted(at(spacing, shape), machine, asked), is_low=True, cover=cover)


def _fitted(grid: CaseGrid, machine: Fitted, asked: Wanted) -> Fit:
    """The fit at one resolution."""
    if asked.patch_size is not None:
        shape = topology.stages(grid.steps, asked.patch_size)
    else:
        shape = topology.fitted(
            grid.steps, grid.shape, classes=grid.classes, memory_gb=machine.memory_gb
        )
    if len(shape.strides) < 2:
        raise ConfigError(
            f"patches of {_sides(shape.patch_size)} voxels are too small for a U-Net, which "
            f"halves them: two sides of {2 * topology.LEAST_SIDE} or more are needed"
        )
    batch = asked.batch_size or topology.batch(
        shape,
        classes=grid.classes,
        memory_gb=machine.memory_gb,
        dataset_voxels=grid.dataset_voxels,
    )
    begun = Candidate(shape, topology.FIRST_FEATURES, batch)
    if machine.time is None:
        return Fit(grid, machine, asked, begun, begun)
    begun = timed(begun, grid.channels, grid.classes, machine.time)

    def smaller(now: topology.Stages) -> topology.Stages | None:
        if asked.patch_size is not None:
            return None
        return topology.shrunk(now, grid.steps, grid.shape)

    chosen = scaled(
        begun,
        machine.time,
        smaller,
        channels=grid.channels,
        classes=grid.classes,
        fixed_batch=asked.batch_size is not None,
    )
    return Fit(grid, machine, asked, chosen, begun)


def _sides(shape: Shape) -> str:
    return " x ".join(map(str, shape))
