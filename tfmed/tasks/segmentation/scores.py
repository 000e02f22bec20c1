"""From pairs of masks to the layout of `scores.json`, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tfmed.errors import DataError
from tfmed.metrics import mask_scores
from tfmed.statistics import RESAMPLES, Interval, bootstrap_weighted

Numbers = dict[str, dict[str, Any]]
OWN_PATIENT = "no patient has more than one example"
OF_ONE_STACK = "the examples are slices of stacks, not of known patients"
OVERLAPS = ("dice", "iou")
SCORES = (*OVERLAPS, "hd95_mm", "hd95_px", "nsd")
DIFFERENCE, BIAS = "volume_difference", "volume_bias"
ALL_SCORES = (*SCORES, DIFFERENCE, BIAS)
SIZES = {"volume_mm3": "mm3", "area_mm2": "mm2", "volume_px3": "px3", "area_px2": "px2"}


@dataclass(frozen=True, eq=False)
class Cases:
    """The scores of cases, row by row; NaN where undefined.

    Attributes:
        scores: `[N, K, M]`, of each class (background first) each of `ALL_SCORES`.
        sizes: `[N, K, 2]`, the volume (area) of each structure in the truth and the prediction.
        size_unit: of `sizes`: a value of `SIZES`, or several joined by `", "`.
        rows: `[N]`, where in the table each stands; of a patient its first.
        patients: `[N]` text.
        splits: `[N]` text.
        classes: class names, background first.
    """

    scores: np.ndarray
    sizes: np.ndarray
    size_unit: str
    rows: np.ndarray
    patients: np.ndarray
    splits: np.ndarray
    classes: tuple[str, ...]

    def by_patient(self) -> Cases | str:
        """One row a patient, its cases' scores averaged; or why that is not defined, in words."""
        patients, first, member = np.unique(self.patients, return_index=True, return_inverse=True)
        if len(patients) == len(self.patients):
            return OWN_PATIENT
        means = _means(self.scores, member == np.arange(len(patients))[:, None])
        rows, splits = self.rows[first], self.splits[first]
        return replace(self, scores=means, rows=rows, patients=patients, splits=splits)


def case_scores(
    truth: np.ndarray | None,
    predicted: np.ndarray,
    classes: Sequence[str],
    spacing_mm: Sequence[float] | None,
    tolerance_mm: float,
) -> dict[str, float]:
    """The scores of one case: columns of `predictions.csv`.

    A structure in one mask alone was missed or invented and has the worst scores: 0, and for
    `hd95` the image's diagonal. Of one in neither they are NaN, as there is nothing to score.

    Args:
        truth: label map `[H, W]` or `[D, H, W]`; None where it is not known.
        predicted: label map of the same shape.
        classes: names, the background first.
        spacing_mm: of a voxel along each axis; None where it is not known.
        tolerance_mm: of `nsd`.

    Returns:
        `dice_CLASS` and `iou_CLASS` of all classes; of structures also `nsd_CLASS`,
        `hd95_mm_CLASS`, `volume_mm3_CLASS` and `true_volume_mm3_CLASS`. Of images the last are
        `area_mm2`; without spacing they and `hd95` are in `px`, `px2` or `px3`. Without truth,
        only the volumes of the prediction.

    Raises:
        DataError: shapes differ.
    """
    axes = predicted.ndim
    size = f"{'volume' if axes == 3 else 'area'}_{'px' if spacing_mm is None else 'mm'}{axes}"
    voxel = 1.0 if spacing_mm is None else float(np.prod(spacing_mm))
    row: dict[str, float] = {}
    if truth is not None:
        labels = range(1, len(classes))
        found = mask_scores.scores(truth, predicted, labels, spacing_mm, tolerance_mm)
        row |= _overlaps(truth == 0, predicted == 0, classes[0])
        for label, values in found.items():
            row |= {f"{of}_{classes[label]}": values[of] for of in SCORES if of in values}
            row[f"true_{size}_{classes[label]}"] = np.count_nonzero(truth == label) * voxel
    for label, name in enumerate(classes[1:], 1):
        row[f"{size}_{name}"] = np.count_nonzero(predicted == label) * voxel
    return row


def gather(predictions: pd.DataFrame, classes: Sequence[str]) -> Cases:
    """The scored rows of `predictions.csv` as arrays.

    Raises:
        DataError: no row has a truth.
    """
    numbers = {
        # An empty cell of a file is text, and means that the score is not defined.
        column: pd.to_numeric(predictions[column].replace("", np.nan)).to_numpy(float)
        for column in predictions
        if column.startswith((*SCORES, *SIZES, "true_"))
    }
    # A structure that is nowhere leaves its Dice undefined, but its true size is told, as 0.
    told = {size: numbers.get(f"true_{size}_{classes[1]}") for size in SIZES}
    known = {size: ~np.isnan(of) for size, of in told.items() if of is not None}
    units = [size for size, has in known.items() if has.any()]
    if not units:
        raise DataError("no example has a true mask; there is nothing to score")
    rows = np.flatnonzero(np.any([known[size] for size in units], axis=0))
    values = np.full((len(rows), len(classes), len(ALL_SCORES)), np.nan)
    sizes = np.full((len(rows), len(classes), 2), np.nan)
    for k, name in enumerate(classes):
        for m, score_name in enumerate(SCORES):
            if f"{score_name}_{name}" in numbers:
                values[:, k, m] = numbers[f"{score_name}_{name}"][rows]
        for size in units if k else ():
            both = [numbers[f"{of}_{name}"][rows] for of in (f"true_{size}", size)]
            sizes[:, k] = np.where(known[size][rows, None], np.transpose(both), sizes[:, k])
    if len(units) == 1:
        bias = np.where(sizes.any(axis=-1), sizes[..., 1] - sizes[..., 0], np.nan)
        values[..., ALL_SCORES.index(DIFFERENCE)] = np.abs(bias)
        values[..., ALL_SCORES.index(BIAS)] = bias
    unit = ", ".join(SIZES[size] for size in units)
    patients, splits = (predictions[of].astype(str).to_numpy()[rows] for of in ("patient", "split"))
    return Cases(values, sizes, unit, rows, patients, splits, tuple(classes))


def of_table(
    table: pd.DataFrame,
    classes: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
    unit: str = "patient",
) -> dict[str, Any]:
    """Score predictions: what `scores.json` holds, but for the task and the seconds.

    Args:
        table: as `drawing.table_of` gives; rows without truth are left out.
        classes: names, the background first.
        resamples: of the bootstrap; 0 leaves intervals undefined.
        seed: of the bootstrap.
        unit: what is resampled, `"patient"` or `"image"`: of slices of one stack, which have
            no patient to tell them apart, intervals over images are all there is.

    Returns:
        `split` (`"all"` where parts are mixed), `examples`, `patients`, `resampled` (the unit),
        `threshold` (None), `size_unit`, `metrics` (means over structures), `per_class` and
        `per_patient`. `volume_difference` is the mean size of the difference of volumes (areas
        of images), in `size_unit`; `volume_bias` has its sign. `per_class` also counts
        `examples` (that show it), `missed`, `invented` and `absent` (in truth and prediction,
        and so in no mean). `per_patient` averages a patient's examples first; where that has no
        meaning it is `{"undefined": why}`.

    Raises:
        DataError: no row has a truth, or `unit` is something else.
    """
    if unit not in ("patient", "image"):
        raise DataError(f"unit is {unit!r}; expected 'patient' or 'image'")
    cases = gather(table, classes)
    overall, per_class = score(cases, unit, resamples, seed)
    patient = cases.by_patient() if unit == "patient" else OF_ONE_STACK
    per_patient: dict[str, Any] = {"undefined": patient}
    if not isinstance(patient, str):
        per_patient, _ = score(patient, unit, resamples, seed)
    splits = np.unique(cases.splits)
    return {
        "split": str(splits[0]) if len(splits) == 1 else "all",
        "examples": len(cases.patients),
        "patients": len(np.unique(cases.patients)),
        "resampled": unit,
        "threshold": None,  # each voxel is called by its largest probability
        "size_unit": cases.size_unit,
        "metrics": overall,
        "per_class": per_class,
        "per_patient": per_patient,
    }


def score(
    cases: Cases, unit: str = "patient", resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Numbers, Numbers]:
    """Every score, of all structures and of each class, with its interval.

    Args:
        cases: at least one.
        unit: what is resampled, `"patient"` or `"image"`.
        resamples: of the bootstrap; 0 leaves intervals undefined.
        seed: of the bootstrap.

    Returns:
        `{NAME: {"value", "low", "high"}}`, the means over the structures of their means over
        cases, and for each class its own, with counts; see `of_table`.
    """
    units = cases.patients if unit == "patient" else np.arange(len(cases.patients))
    names = [
        name
        for m, name in enumerate(ALL_SCORES)
        # What was not measured has no row; mm and px both are told where cases are mixed.
        if name not in ("hd95_mm", "hd95_px") or not np.isnan(cases.scores[..., m]).all()
    ]

    def statistic(weights: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        means = _means(cases.scores, weights)
        overall = _mean(means[:, 1:], axis=1)
        flat = {("", name): overall[:, ALL_SCORES.index(name)] for name in names}
        for k, of in enumerate(cases.classes):
            for name in names if k else OVERLAPS:
                flat[of, name] = means[:, k, ALL_SCORES.index(name)]
        return flat

    values = statistic(np.ones((1, len(units))))
    intervals = bootstrap_weighted(statistic, units, resamples, seed)
    numbers: dict[str, dict[str, Any]] = {}
    for (of, name), value in values.items():
        numbers.setdefault(of, {})[name] = _number(value[0], intervals.get((of, name)))
    overall = numbers.pop("")
    del overall[BIAS]
    for k, of in enumerate(cases.classes[1:], 1):
        numbers[of] |= counts(cases.sizes[:, k])
    return overall, numbers


def counts(sizes: np.ndarray) -> dict[str, int]:
    """How many cases show a structure, and of how many it was missed, invented, or absent in both.

    Args:
        sizes: `[N, 2]`, of truth and prediction.
    """
    truth, found = (sizes > 0).T
    return {
        "examples": int(truth.sum()),
        "missed": int((truth & ~found).sum()),
        "invented": int((~truth & found).sum()),
        "absent": int((~truth & ~found).sum()),
    }


def _overlaps(truth: np.ndarray, predicted: np.ndarray, name: str) -> dict[str, float]:
    """Dice and IoU of the background, whose surface is that of the structures."""
    both, either = np.count_nonzero(truth & predicted), np.count_nonzero(truth | predicted)
    if not either:
        return {f"{score}_{name}": float("nan") for score in OVERLAPS}
    return {f"dice_{name}": 2 * both / (both + either), f"iou_{name}": both / either}


def _means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means over cases of what is defined: `[N, K, M]` with weights `[R, N]` to `[R, K, M]`."""
    defined = ~np.isnan(values)
    flat = np.where(defined, values, 0.0).reshape(len(values), -1)
    above = weights @ flat
    below = weights.astype(float) @ defined.reshape(len(values), -1)
    means = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return means.reshape(len(weights), *values.shape[1:])


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis)
    total = np.where(defined, values, 0.0).sum(axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _number(value: float, interval: Interval | None) -> dict[str, float]:
    # An interval around a number that is not defined would say more than is known.
    low, high = (np.nan, np.nan) if interval is None or np.isnan(value) else interval
    return {"value": float(value), "low": float(low), "high": float(high)}
