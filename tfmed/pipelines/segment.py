"""Train a segmenter: from scans with masks to a validated, exported model that draws contours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from tfmed import config
from tfmed.pipelines.flags import TrainingSettings


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

    @field_validator("classes")
    @classmethod
    def _apart(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """`a=1,b=2` and two flags `a=1` and `b=2` are the same run."""
        return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())

    @property
    def named(self) -> tuple[str, ...]:
        """Names of the masks' values."""
        return self.classes

    @property
    def asked(self) -> dict[str, Any]:
        """As of every training, and whether answers are mirrored."""
        return {**super().asked, "mirror_axes": None if self.mirror else ()}

    @property
    def memory(self) -> float | None:
        """GB to plan for, where the user has said."""
        return self.memory_gb


DESCRIPTION = """From scans with masks to a trained, validated and exported segmenter.

Examples: `tfmed segment` (made-up organs), `tfmed segment --data hippocampus/ --max-minutes 40`,
`tfmed segment --data liver/ --classes liver=1 --classes tumour=2 --folds 5`.
The same command goes on where it stopped. Research use; not a medical device."""


def run(settings: Config) -> None:
    """The whole way; see `train.run`."""
    from tfmed.pipelines import train

    train.run("segment", "segmentation", settings)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed segment`."""
    return config.command(Config, run, argv, "segment", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
