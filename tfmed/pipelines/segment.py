"""Train a segmenter: from scans with masks to a validated, exported model that draws contours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from tfmed import config
from tfmed.data.dataset import Dataset
from tfmed.pipelines.settings import TrainingSettings
from tfmed.run import Run

if TYPE_CHECKING:
    import keras

    from tfmed.planning import SegmentationPlan

# Made-up data shows the whole way, and need not be learned to the last digit.
SYNTHETIC_SECONDS = 150.0


class Config(TrainingSettings):
    """Settings of `segment`."""

    data: str = Field(
        "synthetic:organs",
        description=(
            "Where the scans are: a folder of images/ beside labels/ or masks/, an nnU-Net raw "
            "folder, DICOM series with DICOM SEG, a CSV file with the columns image and mask, "
            "synthetic:organs or synthetic:organs3d."
        ),
    )
    classes: tuple[str, ...] = Field(
        (), description="Names of the masks' values, as liver=1; else the source's own."
    )
    model: str = Field(
        "auto", description="unet, residual_unet, attention_unet, ...; auto: the planner's."
    )
    size: tuple[int, int] | tuple[int, int, int] | None = Field(
        None,
        description="Pixels that the network sees at once: H W, or D H W; else the planner's.",
    )
    batch_size: int | None = Field(
        None, ge=1, description="Patches a step; without it the planner's."
    )
    memory_gb: float | None = Field(
        None, gt=0, description="Memory to plan the network for; without it the GPU's."
    )
    mirror: bool = Field(
        True, description="Answer for mirrored images too, and average (test-time augmentation)."
    )
    plan_only: bool = Field(False, description="Show the plan with its reasons, and stop there.")

    @field_validator("classes")
    @classmethod
    def _apart(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """`a=1,b=2` and two flags `a=1` and `b=2` are the same run."""
        return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


DESCRIPTION = """From scans with masks to a trained, validated and exported segmenter.

Examples: `tfmed segment` (made-up organs), `tfmed segment --data hippocampus/ --max-minutes 40`,
`tfmed segment --data liver/ --classes liver=1 --classes tumour=2 --folds 5`.
The same command goes on where it stopped. Research use; not a medical device."""


def run(settings: Config) -> None:
    """Index, audit, split, plan, train, predict, evaluate, export and report; each stage once."""
    from tfmed import models
    from tfmed.pipelines import checks, stages
    from tfmed.pipelines.mask_writer import check_extra
    from tfmed.planning import SegmentationPlan

    checks.trainable(settings, models.SEGMENTERS)
    with stages.begin("segment", settings) as work:
        dataset = stages.split(work, settings, stages.index(work, settings, settings.classes))
        check_extra(dataset)
        plan = stages.plan(work, SegmentationPlan, lambda: _plan(settings, dataset), _network)
        if settings.plan_only:
            stages.show(work, plan)
            return
        base = settings.export / (settings.name or work.folder.name)
        if not stages.is_finished(work, base):
            _learn(work, settings, dataset, plan, base)
        stages.tell(work)


def _learn(
    work: Run, settings: Config, dataset: Dataset, plan: SegmentationPlan, base: Path
) -> None:
    """What follows from the plan: train, predict, score, export, report."""
    from tfmed.pipelines import learning, segmenting

    study = segmenting.train(work, dataset, plan, settings, settings.mirror)
    predictions, scores = segmenting.score(study)
    learning.hand_over(work, base, predictions, scores)


def _plan(settings: Config, dataset: Dataset) -> SegmentationPlan:
    """Plan from the training part, with what the user has set."""
    import tensorflow as tf

    from tfmed import planning

    fixed: dict[str, Any] = {
        "weights": settings.weights,
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "precision": None if settings.precision == "auto" else settings.precision,
    }
    return planning.plan_segmentation(
        dataset.part("train"),
        model=settings.model,
        size=settings.size,
        memory_gb=settings.memory_gb,
        seconds=_seconds(settings),
        limited=settings.max_minutes is not None,
        accelerated=bool(tf.config.list_physical_devices("GPU")),
        **{name: value for name, value in fixed.items() if value is not None},
    )


def _seconds(settings: Config) -> float | None:
    """Training time that a network's plan may ask for; None for the planner's own."""
    if settings.max_minutes is not None:
        return 60 * settings.max_minutes / settings.folds
    return SYNTHETIC_SECONDS if settings.data.startswith("synthetic:") else None


def _network(plan: SegmentationPlan) -> keras.Model:
    """The untrained network of a plan; an error where there is none of its shape."""
    from tfmed.pipelines import segmenting

    return segmenting.network(plan, seed=0)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed segment`."""
    return config.command(Config, run, argv, "segment", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
