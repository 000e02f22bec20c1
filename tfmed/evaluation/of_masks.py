"""The report of a segmentation, gathered from a run's folder, with pictures of its cases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tfmed import log
from tfmed.data import case_reading as of_data
from tfmed.data.dataset import Dataset
from tfmed.data.stored import stored
from tfmed.errors import TfmedError
from tfmed.evaluation import cases as of_cases
from tfmed.evaluation import gathered, overlays
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.page import write
from tfmed.evaluation.predicted import predicted_mask
from tfmed.evaluation.tables_of_masks import MOST_CASES
from tfmed.image import Image
from tfmed.io import read
from tfmed.io.display import display
from tfmed.planning import SegmentationPlan, loads
from tfmed.run import Run
from tfmed.tasks.scoring_masks import Cases

COPIES = "cases"

Window = tuple[float, float] | None


def report(
    run: Run, predictions: pd.DataFrame, scores: Mapping[str, Any], export: str | Path = ""
) -> Path:
    """Write `report.html` into a trained run; arguments as `evaluation.report`."""
    dataset = stored(run)
    plan = loads(run.path("plan.toml").read_text(encoding="utf-8"))
    if not isinstance(plan, SegmentationPlan):
        raise TypeError("the plan is a classifier's")
    # The window of CT is that of the structures' values; others are a whole range.
    window = plan.window if plan.normalisation == "ct" else None
    contents = Contents(
        **gathered.of_data(dataset),
        **gathered.of_training(run, plan, export),
        **_of_cases(run, dataset, predictions, scores, window),
        classes=plan.classes,
        split_made=dataset.facts.get("split", {}).get("how", ""),
        folds=scores.get("per_fold", ()),
        input_size=plan.patch_size,
    )
    return write(run, contents)


def report_answers(
    run: Run, dataset: Dataset, predictions: pd.DataFrame, scores: Mapping[str, Any]
) -> Path:
    """Write `report.html` of a trained model's masks of other data than its own.

    Args:
        run: the folder for it, where the masks are.
        dataset: the data, audited, with the model's classes.
        predictions: as `predictions.csv`.
        scores: as `scores.json`.
    """
    contents = Contents(
        **gathered.of_data(dataset),
        **_of_cases(run, dataset, predictions, scores, None),
        classes=dataset.classes,
        split_made=gathered.ASKED,
    )
    return write(run, contents)


def _of_cases(
    run: Run,
    dataset: Dataset,
    predictions: pd.DataFrame,
    scores: Mapping[str, Any],
    window: Window,
) -> dict[str, Any]:
    found = of_cases.scored(predictions, dataset.classes, str(scores.get("split", "test")))
    drawn = [] if found is None else list(pictures(run, dataset, predictions, found, window))
    return {
        "task": "segmentation",
        "scores": scores,
        "predictions": predictions,
        "cases": drawn,
        "masks": {} if found is None else _copied(run, predictions, found),
    }


def pictures(
    run: Run, dataset: Dataset, predictions: pd.DataFrame, found: Cases, window: Window = None
) -> Iterator[dict[str, Any]]:
    """The best, the median and the worst cases, with the outlines of truth and prediction.

    A case whose files cannot be read any more has no picture.

    Args:
        run: where the masks are.
        dataset: whose files are read.
        predictions: as `predictions.csv`.
        found: as `cases.scored`.
        window: in which images are shown that have none of their own; None takes percentiles.

    Yields:
        a row of `cases.describe`, its `kind`, and `panes`.
    """
    table = dataset.table.set_index("id", drop=False)
    for kind, position in of_cases.chosen(found):
        row = predictions.iloc[int(found.rows[position])]
        if row["id"] not in table.index:
            continue
        example = table.loc[row["id"]].to_dict()
        try:
            about = dataset.facts["masks"]
            case = of_data.read(example, about)
            path = run.folder / str(row["prediction"])
            mask = predicted_mask(path, case, example, about, dataset.classes)
            shown = display(_image(case, example, window))
        except TfmedError as error:
            log.warning(f"a case of the report could not be drawn: {type(error).__name__}")
            continue
        if case.mask is None:
            continue
        drawn = overlays.Drawn(shown, case.mask, mask, case.spacing_mm, case.affine)
        panes = overlays.panes(drawn, dataset.classes)
        yield {**of_cases.describe(found, position), "kind": kind, "panes": panes}


def _image(case: of_data.Case, example: Mapping[str, Any], window: Window) -> Image:
    """A case as people look at it: in its file's own window, else in the plan's."""
    own = None
    if example.get("format") == "dicom":
        own = read(example["path"], frame=int(example.get("frame", -1))).window
    if case.pixels.shape[-1] == 3:
        window = None
    bits = int(example.get("bits") or 8)
    return Image(case.pixels, units=case.units, bits=bits, window=own or window)


def _copied(run: Run, predictions: pd.DataFrame, found: Cases) -> dict[int, str]:
    """The worst cases' masks under names that tell no patient, for the report's links."""
    copies = {}
    for position in of_cases.ranked(found)[::-1][:MOST_CASES]:
        row = int(found.rows[position])
        source = run.folder / str(predictions["prediction"].iloc[row])
        if source.is_file():
            endings = "".join(source.suffixes[-2:]) if source.suffix == ".gz" else source.suffix
            # As a spreadsheet counts: the header is row 1.
            name = f"{COPIES}/row_{row + 2}{endings}"
            shutil.copyfile(source, run.path(name))
            copies[row] = name
    return copies
