"""A run as a segmenter leaves it, its masks the truth with errors that were put in by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from tfmed.data import case_reading, mask_files
from tfmed.data.dataset import Dataset
from tfmed.data.stored import store
from tfmed.io import mask_out
from tfmed.planning import written
from tfmed.run import Run
from tfmed.task import MODEL
from tfmed.tasks import Segmentation
from tfmed.tasks.segmentation.mask_drawing import table_of
from tfmed.tasks.segmentation.plan import SegmentationPlan
from tfmed.training import save_model


def run_of(
    folder: Run, parts: tuple[Dataset, Dataset, Dataset], plan: SegmentationPlan
) -> tuple[Run, pd.DataFrame, dict[str, Any]]:
    """The run, whose network is as it was made, its predictions of the test part, their scores."""
    whole = parts[0].with_table(pd.concat([part.table for part in parts], ignore_index=True))
    store(folder, whole)
    about, task, test = whole.facts["masks"], Segmentation(whole.classes), parts[2]
    rows = []
    for number, example in enumerate(test.table.to_dict("records")):
        case = case_reading.read(example, about)
        found = wrong(case.mask, number)
        values = found
        if about["kind"] not in (mask_files.ONE_FILE_A_CLASS, mask_files.DICOM_SEG):
            values = np.asarray(about["values"], np.uint8)[found]
        name = f"masks/{example['id'].replace('/', '_')}"
        if found.ndim == 3:
            name += ".nii.gz"
            nifti = example["format"] == "nifti"
            place = {"source": example["path"]} if nifti else {"affine": case.affine}
            mask_out.write_nifti(folder.path(name), values, spacing_mm=case.spacing_mm, **place)
        else:
            name += ".png"
            mask_out.write_png(folder.path(name), values)
        rows.append({"prediction": name, **task.case_scores(case.mask, found, case.spacing_mm)})
    predictions = table_of(test, rows)
    unit = "image" if "stack" in whole.facts else "patient"
    scores = task.score(predictions, 200, unit=unit)
    folder.write_table("predictions.csv", predictions)
    folder.write_json("scores.json", scores)
    history = {"epoch": [1, 2, 3], "loss": [1.2, 0.7, 0.5], "val_loss": [1.1, 0.8, 0.7]}
    folder.write_table("history.csv", pd.DataFrame({**history, "val_dice": [0.5, 0.8, 0.85]}))
    folder.path("plan.toml").write_text(written.dumps(plan))
    save_model(task.networks(plan)[MODEL], folder.path("model.keras"))
    folder.write_json(
        "member.json",
        {"task": task.to_dict(), "networks": [MODEL], "keep_largest": [], "seconds": 1.0},
    )
    return folder, folder.read_table("predictions.csv"), scores


def wrong(truth: np.ndarray, number: int) -> np.ndarray:
    """Every mask is rough at its edge; the third has lost a structure, the fifth one too many."""
    random = np.random.default_rng(number)
    noise = ndimage.gaussian_filter(random.normal(size=truth.shape), 2)
    shift = random.integers(0, 2, truth.ndim)
    found = np.roll(truth, shift, tuple(range(truth.ndim)))
    found[(noise > 2 * noise.std()) & (found > 0)] = 0
    if number == 2:
        found[found == truth.max()] = 0
    if number == 4:
        corner = tuple(slice(2, 6) for _ in truth.shape)
        found[corner] = truth.max()
    return found
