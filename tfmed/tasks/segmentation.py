"""`Segmentation`: which of the classes each voxel shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import losses
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.metrics import mask_scores
from tfmed.statistics import RESAMPLES
from tfmed.tables import lookup
from tfmed.tasks import scoring_masks


@dataclass(frozen=True)
class Segmentation:
    """Which of the classes each voxel shows; each voxel shows one.

    Attributes:
        classes: class names, the background first; a label map's value is the place in it.
        loss_name: a row of `tfmed.losses.LOSSES`.
        tolerance_mm: how far a surface may lie from the true one for `nsd`; voxels where the
            spacing is not known.

    Raises:
        ConfigError: a setting is wrong.
    """

    classes: tuple[str, ...]
    loss_name: str = "dice_cross_entropy"
    tolerance_mm: float = mask_scores.TOLERANCE_MM

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ConfigError(
                f"classes are {self.classes}; expected the background and at least one structure, "
                "all unlike"
            )
        lookup(losses.LOSSES, self.loss_name, "loss")
        if not self.tolerance_mm >= 0:
            raise ConfigError(f"tolerance_mm is {self.tolerance_mm}; expected 0 or more")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Segmentation:
        """The task of which `dataclasses.asdict` made JSON."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**plain)

    @property
    def structures(self) -> tuple[str, ...]:
        """The classes that are scored: all but the background."""
        return self.classes[1:]

    def loss(self, targets: tf.Tensor, logits: tf.Tensor | Sequence[tf.Tensor]) -> tf.Tensor:
        """The loss of each example.

        Args:
            targets: whole numbers `[B, H, W]` or `[B, D, H, W]`.
            logits: `[B, ..., K]`; under deep supervision a list, full resolution first, each as
                long along each axis as the first, or a whole number of times shorter.

        Returns:
            float32 `[B]`; of several depths the sum weighed as in `losses.supervised`.
        """
        return losses.supervised(lookup(losses.LOSSES, self.loss_name, "loss"), targets, logits)

    def case_scores(
        self,
        truth: np.ndarray | None,
        predicted: np.ndarray,
        spacing_mm: Sequence[float] | None = None,
    ) -> dict[str, float]:
        """The scores of one case: columns of `predictions.csv`.

        A structure in one mask alone was missed or invented and has the worst scores: 0, and for
        `hd95` the image's diagonal. Of one in neither they are NaN, as there is nothing to score.

        Args:
            truth: label map `[H, W]` or `[D, H, W]`; None where it is not known.
            predicted: label map of the same shape.
            spacing_mm: of a voxel along each axis; None where it is not known.

        Returns:
            `dice_CLASS` and `iou_CLASS` of all classes; of structures also `nsd_CLASS`,
            `hd95_mm_CLASS`, `volume_mm3_CLASS` and `true_volume_mm3_CLASS`. Of images the last
            are `area_mm2`; without spacing they and `hd95` are in `px`, `px2` or `px3`. Without
            truth, only the volumes of the prediction.

        Raises:
            DataError: shapes differ.
        """
        return scoring_masks.case_scores(
            truth, predicted, self.classes, spacing_mm, self.tolerance_mm
        )

    def predictions(self, dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """The table of `predictions.csv`, a row an example.

        Args:
            dataset: the examples, in the order of `rows`.
            rows: of each example `prediction`, where in the run its mask lies, and the columns
                of `case_scores`.

        Returns:
            `id`, `patient`, `split`, `prediction` and the columns of `case_scores`.

        Raises:
            DataError: there is not one row an example.
        """
        if len(rows) != len(dataset.table):
            raise DataError(f"{len(rows)} rows of scores for {len(dataset.table)} examples")
        table = dataset.table[["id", "patient", "split"]].reset_index(drop=True)
        return pd.concat([table, pd.DataFrame(list(rows))], axis=1)

    def score(
        self,
        predictions: pd.DataFrame,
        resamples: int = RESAMPLES,
        seed: int = 0,
        *,
        unit: str = "patient",
    ) -> dict[str, Any]:
        """Score predictions: what `scores.json` holds, but for the seconds.

        Args:
            predictions: as `predictions` gives; rows without truth are left out.
            resamples: of the bootstrap; 0 leaves intervals undefined.
            seed: of the bootstrap.
            unit: what is resampled, `"patient"` or `"image"`: of slices of one stack, which have
                no patient to tell them apart, intervals over images are all there is.

        Returns:
            `task`, `split` (`"all"` where parts are mixed), `examples`, `patients`,
            `resampled` (the unit), `threshold` (None), `nsd_tolerance_mm`, `size_unit`,
            `metrics` (means over structures), `per_class` and `per_patient`. `volume_difference`
            is the mean size of the difference of volumes (areas of images), in `size_unit`;
            `volume_bias` has its sign. `per_class` also counts `examples` (that show it),
            `missed`, `invented` and `absent` (in truth and prediction, and so in no mean).
            `per_patient` averages a patient's examples first; where that has no meaning it is
            `{"undefined": why}`.

        Raises:
            DataError: no row has a truth, or `unit` is something else.
        """
        if unit not in ("patient", "image"):
            raise DataError(f"unit is {unit!r}; expected 'patient' or 'image'")
        cases = scoring_masks.gather(predictions, self.classes)
        overall, per_class = scoring_masks.score(cases, unit, resamples, seed)
        patient = cases.by_patient() if unit == "patient" else scoring_masks.OF_ONE_STACK
        per_patient: dict[str, Any] = {"undefined": patient}
        if not isinstance(patient, str):
            per_patient, _ = scoring_masks.score(patient, unit, resamples, seed)
        splits = np.unique(cases.splits)
        return {
            "task": "segmentation",
            "split": str(splits[0]) if len(splits) == 1 else "all",
            "examples": len(cases.patients),
            "patients": len(np.unique(cases.patients)),
            "resampled": unit,
            "threshold": None,  # each voxel is called by its largest probability
            "nsd_tolerance_mm": self.tolerance_mm,
            "size_unit": cases.size_unit,
            "metrics": overall,
            "per_class": per_class,
            "per_patient": per_patient,
        }
