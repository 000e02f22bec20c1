"""`Contents`: what all reports tell, as plain data; and `Answered`, what a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tfmed.data.dataset import Dataset
from tfmed.evaluation.facts import DataFacts
from tfmed.run import Run
from tfmed.task import Predictor, Task


@dataclass(frozen=True)
class Contents:
    """What all reports tell, as plain data. What is empty or None is left out with a sentence.

    Attributes:
        name: what was learned, as a title.
        classes: class names, in the order of every answer.
        scores: as `scores.json`.
        predictions: as `predictions.csv`, whole. Identifiers and patients are used for the
            intervals and never printed.
        data: counts and traits of the data set (`facts.describe`).
        split_made: how the parts were made, in a sentence.
        rejects: columns `path`, `reason`; only reasons are printed, with counts.
        plan: rows of (setting, value, reason, set by hand).
        history: as `history.csv`.
        best: the epoch or step of `history` whose weights were kept.
        exports: a row a variant: `variant`, `bytes`, `latency_ms`, scores, `max_difference`.
        parity: a row a comparison: what, `difference`, `tolerance`, `ok`.
        folds: by-fold scores, a row a fold: name to number.
        export_path: the export's folder as in commands, or "".
        input_size: `(H, W)` or `(D, H, W)` that the network sees.
        notes: further sentences on the data and the split.
        version: of tfmed and what it stands on, in a line.
        made: date and time in words, or "".
    """

    name: str
    classes: tuple[str, ...]
    scores: Mapping[str, Any]
    predictions: pd.DataFrame
    data: DataFacts | None = None
    split_made: str = ""
    rejects: pd.DataFrame | None = None
    plan: Sequence[tuple[str, Any, str, bool]] = ()
    history: pd.DataFrame | None = None
    best: float | None = None
    exports: Sequence[Mapping[str, Any]] = ()
    parity: Sequence[Mapping[str, Any]] = ()
    folds: Sequence[Mapping[str, Any]] = ()
    export_path: str = ""
    input_size: tuple[int, ...] | None = None
    notes: Sequence[str] = ()
    version: str = ""
    made: str = ""


@dataclass(frozen=True)
class Answered:
    """Answers of a predictor, and all that a task's page may look at.

    Attributes:
        contents: what all reports tell.
        run: the folder of the report, where masks and pictures lie.
        dataset: the examples.
        task: what was asked.
        predictor: what answered; None where the page is made of what was written alone.
        study: the run, where these are its own answers; None where other data were asked.
    """

    contents: Contents
    run: Run
    dataset: Dataset
    task: Task
    predictor: Predictor | None = None
    study: Any = None
