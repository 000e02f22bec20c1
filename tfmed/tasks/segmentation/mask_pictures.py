"""Pictures of the cases that a report shows, and copies of the masks that it links to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tfmed import log
from tfmed.data import case_reading as of_data
from tfmed.data.dataset import Dataset
from tfmed.errors import TfmedError
from tfmed.evaluation import overlays
from tfmed.evaluation.contents import Answered
from tfmed.image import Image
from tfmed.io import read
from tfmed.io.display import display
from tfmed.run import Run
from tfmed.tasks.segmentation import ranking
from tfmed.tasks.segmentation.mask_tables import MOST_CASES
from tfmed.tasks.segmentation.predicted import predicted_mask
from tfmed.tasks.segmentation.scores import Cases

COPIES = "cases"

Window = tuple[float, float] | None


@dataclass(frozen=True)
class Pictured:
    """What a report shows of cases.

    Attributes:
        cases: rows of `ranking.chosen` as mappings, each with `panes` (SVG elements of
            `overlays.panes`).
        masks: of rows of `predictions` (from 0) a path to a mask, as seen from the report,
            which tells no patient.
    """

    cases: Sequence[Mapping[str, Any]] = ()
    masks: Mapping[int, str] = field(default_factory=dict)


def of(answered: Answered, found: Cases | None) -> Pictured:
    """What a report shows of scored cases; nothing where none has a truth."""
    if found is None:
        return Pictured()
    plan, predictions = answered.study and answered.study.plan, answered.contents.predictions
    # The window of CT is that of the structures' values; others are a whole range.
    window = plan.window if plan and plan.normalisation == "ct" else None
    shown = pictures(answered.run, answered.dataset, predictions, found, window)
    return Pictured(list(shown), _copied(answered.run, predictions, found))


def pictures(
    run: Run, dataset: Dataset, predictions: pd.DataFrame, found: Cases, window: Window = None
) -> Iterator[dict[str, Any]]:
    """The best, the median and the worst cases, with the outlines of truth and prediction.

    A case whose files cannot be read any more has no picture.

    Args:
        run: where the masks are.
        dataset: whose files are read.
        predictions: as `predictions.csv`.
        found: as `ranking.scored`.
        window: in which images are shown that have none of their own; None takes percentiles.

    Yields:
        a row of `ranking.describe`, its `kind`, and `panes`.
    """
    table = dataset.table.set_index("id", drop=False)
    for kind, position in ranking.chosen(found):
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
        drawn = overlays.DrawnCase(shown, case.mask, mask, case.spacing_mm, case.affine)
        panes = overlays.panes(drawn, dataset.classes)
        yield {**ranking.describe(found, position), "kind": kind, "panes": panes}


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
    for position in ranking.ranked(found)[::-1][:MOST_CASES]:
        row = int(found.rows[position])
        source = run.folder / str(predictions["prediction"].iloc[row])
        if source.is_file():
            endings = "".join(source.suffixes[-2:]) if source.suffix == ".gz" else source.suffix
            # As a spreadsheet counts: the header is row 1.
            name = f"{COPIES}/row_{row + 2}{endings}"
            shutil.copyfile(source, run.path(name))
            copies[row] = name
    return copies
