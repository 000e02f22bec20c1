"""Label maps of a data set's cases, written and scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from tfmed import log
from tfmed.data.case_reading import Case, read
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError, GeometryError, ReadError
from tfmed.explain import case_heat, overlay
from tfmed.explain.overlay import as_radiologists_look
from tfmed.run import Run
from tfmed.tasks.segmentation.mask_writer import MaskWriter, palette_of
from tfmed.tasks.segmentation.scores import case_scores
from tfmed.tasks.segmentation.segmenter import Segmenter

Found = tuple[pd.DataFrame, list[tuple[str, str]]]


def case_of(dataset: Dataset, row: int) -> Case:
    """The example at a position of a data set, read from its files, with its mask if it has one.

    Raises:
        ReadError: a file cannot be read any more.
    """
    return read(dataset.table.iloc[row].to_dict(), dataset.facts.get("masks"))


class Drawing:
    """Draws and writes the label maps of cases.

    Args:
        segmenter: what draws.
        dataset: the cases.
        out: where masks and pictures go.
        tolerance_mm: of NSD.
        explain: whether to write where the evidence of each structure lies.
        resume: whether a mask that lies there already is taken for the answer.

    Raises:
        ConfigError: an export was asked to explain.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        dataset: Dataset,
        out: Run,
        tolerance_mm: float,
        *,
        explain: bool = False,
        resume: bool = False,
    ) -> None:
        if explain and not segmenter.models:
            raise ConfigError("--explain follows gradients, which an export lacks; give the run")
        self._segmenter = segmenter
        self._dataset = dataset
        self._tolerance_mm = tolerance_mm
        self._explain, self._resume = explain, resume
        about = dataset.facts.get("masks", segmenter.about)
        palette = palette_of(dataset) or segmenter.palette
        self._writer = MaskWriter(out, dataset, segmenter.classes, about, palette)

    def of(self, rows: Sequence[int]) -> Found:
        """Cases at some positions: where their masks lie and scores, and what has no answer.

        Raises:
            DataError: none of them has one.
        """
        dataset = self._dataset
        good, found, rejects = [], [], []
        with log.progress(rows, len(rows), "predicting", "cases") as bar:
            for row in bar:
                try:
                    found.append(self._one(row))
                    good.append(row)
                except (ReadError, DataError, GeometryError) as error:
                    rejects.append((str(dataset.table["path"].iloc[row]), str(error)))
        if not good:
            why = f"; the first: {rejects[0][1]}" if rejects else ""
            raise DataError(f"none of {len(rows)} examples could be answered for{why}")
        return table_of(dataset.with_table(dataset.table.iloc[good]), found), rejects

    def _one(self, row: int) -> dict[str, str | float]:
        case = case_of(self._dataset, row)
        labels = self._writer.written(row, case) if self._resume else None
        if labels is None:
            labels = self._segmenter.label_map(case)
            if self._explain:
                for name, png in self._explained(case, labels, row):
                    self._writer.explain(row, name, png)
        scores = case_scores(
            case.mask, labels, self._segmenter.classes, case.spacing_mm, self._tolerance_mm
        )
        return {"prediction": self._writer.write(row, case, labels), **scores}

    def _explained(self, case: Case, labels: np.ndarray, row: int) -> Iterator[tuple[str, bytes]]:
        """Each structure that was found, with a picture of where its evidence lies."""
        segmenter, settings = self._segmenter, self._segmenter.settings
        # Planes of NIfTI are looked at the other way round.
        turned = self._dataset.table["format"].iloc[row] == "nifti"
        # A window that fits all images of 8 bits shows dark ones darker than they need be.
        window = settings.intensity.window if settings.intensity.kind == "ct" else None
        shown = as_radiologists_look(case.pixels) if turned else case.pixels
        for index in np.unique(labels[labels > 0]).tolist():
            # Of a cross-validation the first fold's.
            model = segmenter.models[0]
            heat = case_heat(model, case.pixels, labels, index, settings, case.spacing_mm)
            heat = as_radiologists_look(heat[..., None])[..., 0] if turned else heat
            yield segmenter.classes[index], overlay(shown, heat, window=window)


def table_of(dataset: Dataset, rows: Sequence[dict[str, str | float]]) -> pd.DataFrame:
    """The table of `predictions.csv`, a row an example: `id`, `patient`, `split` and what is told.

    Args:
        dataset: the examples, in the order of `rows`.
        rows: of each example `prediction` and the columns of `case_scores`.

    Raises:
        DataError: there is not one row an example.
    """
    if len(rows) != len(dataset.table):
        raise DataError(f"{len(rows)} rows of scores for {len(dataset.table)} examples")
    table = dataset.table[["id", "patient", "split"]].reset_index(drop=True)
    return pd.concat([table, pd.DataFrame(list(rows))], axis=1)
