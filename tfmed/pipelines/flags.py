"""The settings that pipelines share; each field's text is its line in `--help`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tfmed.config import Config


class DataSettings(Config):
    """Which scans, and what is asked of them."""

    data: str = Field(
        "synthetic:nodules",
        description=(
            "Where the scans are: a folder with one sub-folder a class, a tree of DICOM, a CSV "
            "file, a MedMNIST .npz, medmnist:NAME[:SIZE], tfds:NAME, or synthetic:nodules."
        ),
    )
    table: Path | None = Field(None, description="A CSV with the labels of a folder's files.")
    path_column: str | None = Field(
        None,
        description="Its column with paths or file names, DICOM UIDs or PatientIDs; else found.",
    )
    label_column: tuple[str, ...] = Field(
        (),
        description="Its column with the label; several, or cells like A|B: multi-label.",
    )
    patient_column: str | None = Field(
        None, description="Its column with the patient; without it the DICOM header tells."
    )
    split_column: str | None = Field(None, description="Its column with train, val or test.")
    positive: str = Field("", description="The class to find, or A,B, against all others.")
    unit: Literal["auto", "image", "series", "study"] = Field(
        "auto", description="What one example is in DICOM: a file, a series or a study."
    )
    on_geometry: Literal["reject", "warn"] = Field(
        "reject",
        description="Leave out DICOM series that are no even volume, or warn and keep them.",
    )
    max_rejects: float = Field(
        0.05,
        ge=0,
        le=1,
        description="The share of bad files, 0 to 1, up to which the work goes on.",
    )
    allow_leakage: bool = Field(
        False, description="Go on although a patient stands in two official parts."
    )
    seed: int = Field(0, ge=0, description="Splits, weights and augmentation follow from it.")

    @property
    def named(self) -> tuple[str, ...]:
        """Names for the values of the truth, where the user has given some."""
        return ()

    @property
    def positives(self) -> tuple[str, ...]:
        """The classes of `positive`, apart."""
        return tuple(name.strip() for name in self.positive.split(",") if name.strip())


class TrainingSettings(DataSettings):
    """How a network is trained, kept and handed over."""

    run: Path | None = Field(
        None, description="The run's folder; by default runs/PIPELINE-SOURCE-HASH."
    )
    model: str = Field(
        "auto",
        description="convnet, resnet_small, densenet121, ...; auto: the planner's.",
    )
    weights: str = Field(
        "none", description="Weights to begin with: none, imagenet, or a file of the network."
    )
    size: tuple[int, int] | tuple[int, int, int] | None = Field(
        None,
        description="Pixels that the network sees: H W, or D H W; without it the planner's.",
    )
    loss: str = Field(
        "auto", description="What training makes small: a loss of the task; auto: the planner's."
    )
    epochs: int | None = Field(
        None, ge=1, description="Rounds over the training part; without it the planner's."
    )
    max_minutes: float | None = Field(
        None, gt=0, description="Limit of training time, all folds and resumes together."
    )
    batch_size: int | None = Field(
        None, ge=1, description="Images a step; without it the planner's."
    )
    folds: int = Field(1, ge=1, description="K for cross-validation by patient; 1 for one split.")
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto", description="Arithmetic of training; scores and exports are float32 always."
    )
    strategy: Literal["auto", "one", "mirrored", "multiworker"] = Field(
        "auto",
        description="One device, or mirrored: all GPUs of this machine. multiworker comes later.",
    )
    deterministic: bool = Field(
        False, description="The same bits from the same seed, at some cost in speed."
    )
    export: Path = Field(Path("savedmodels"), description="The folder that models are exported to.")
    name: str | None = Field(None, description="The exported model's name; by default the run's.")
    plan_only: bool = Field(False, description="Show the plan with its reasons, and stop there.")

    @property
    def asked(self) -> dict[str, Any]:
        """Settings of the plan that the user has set."""
        given = {name: getattr(self, name) for name in ("size", "epochs", "batch_size")}
        words = {"model": "auto", "weights": "none", "loss": "auto", "precision": "auto"}
        for name, unset in words.items():
            given[name] = None if getattr(self, name) == unset else getattr(self, name)
        return given

    @property
    def memory(self) -> float | None:
        """GB to plan for, where the user has said."""
        return None
