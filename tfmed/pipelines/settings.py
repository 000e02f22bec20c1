"""The settings that pipelines share; each field's text is its line in `--help`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tfmed.config import Config


class DataSettings(Config):
    """Which scans, and what is asked of them."""

    data: str = Field(
        "synthetic:nodules",
        description=(
            "Where the scans are: a folder with one sub-folder a class, a tree of DICOM, a CSV "
            "file, a MedMNIST .npz, medmnist:NAME[:SIZE], or synthetic:nodules."
        ),
    )
    table: Path | None = Field(None, description="A CSV with the labels of a folder's files.")
    path_column: str | None = Field(
        None, description="Its column with file names, or with DICOM UIDs or patient IDs."
    )
    label_column: tuple[str, ...] = Field(
        (), description="Its column with the label; several make a multi-label task."
    )
    patient_column: str | None = Field(
        None, description="Its column with the patient; without it the DICOM header tells."
    )
    split_column: str | None = Field(None, description="Its column with train, val or test.")
    positive: str = Field("", description="One class, or A,B, against the rest.")
    unit: Literal["auto", "image", "series", "study"] = Field(
        "auto", description="What one example is in DICOM: a file, a series or a study."
    )
    max_rejects: float = Field(
        0.05, ge=0, le=1, description="The share of bad files up to which the work goes on."
    )
    allow_leakage: bool = Field(
        False, description="Go on although a patient stands in two official parts."
    )
    seed: int = Field(0, ge=0, description="Splits, weights and augmentation follow from it.")

    @property
    def positives(self) -> tuple[str, ...]:
        """The classes of `positive`, apart."""
        return tuple(name.strip() for name in self.positive.split(",") if name.strip())


class TrainingSettings(DataSettings):
    """How a network is trained, kept and handed over."""

    run: Path | None = Field(
        None, description="The run's folder; by default runs/PIPELINE-SOURCE-HASH."
    )
    model: str = Field("auto", description="A network by name; auto lets the planner choose.")
    weights: str = Field(
        "none", description="Weights to begin with: none, imagenet, or a file of the network."
    )
    size: tuple[int, int] | tuple[int, int, int] | None = Field(
        None, description="Height and width, or depth, height and width, that the network sees."
    )
    epochs: int | None = Field(None, ge=1, description="Rounds over the training part.")
    max_minutes: float | None = Field(
        None, gt=0, description="Training time of the whole command, folds and resumes included."
    )
    batch_size: int | None = Field(None, ge=1, description="Images a step.")
    folds: int = Field(1, ge=1, description="K for cross-validation by patient; 1 for one split.")
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto", description="Arithmetic of training; scores and exports are float32 always."
    )
    strategy: Literal["auto", "one", "mirrored", "multiworker"] = Field(
        "auto", description="One device, or all of this machine's."
    )
    deterministic: bool = Field(
        False, description="The same bits from the same seed, at some cost in speed."
    )
    export: Path = Field(Path("savedmodels"), description="The folder that models are exported to.")
    name: str | None = Field(None, description="The exported model's name; by default the run's.")
