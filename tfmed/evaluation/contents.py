"""`Contents`: everything that a report tells, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tfmed.evaluation.facts import DataFacts


@dataclass(frozen=True)
class Contents:
    """What a report tells, as plain data. What is empty or None is left out with a sentence.

    Attributes:
        name: what was learned, as a title.
        classes: class names, in the order of every probability; of segmentations the background
            first.
        scores: as `scores.json`.
        predictions: as `predictions.csv`, whole. Identifiers and patients are used for the
            intervals and never printed.
        multi_label: an example may have several classes, or none.
        task: a row of `page.VIEWS`.
        data: counts and traits of the data set (`facts.describe`).
        split_made: how the parts were made, in a sentence.
        rejects: columns `path`, `reason`; only reasons are printed, with counts.
        plan: rows of (setting, value, reason, set by hand).
        history: as `history.csv`.
        best: the epoch or step of `history` whose weights were kept.
        temperature: by which logits are divided.
        examples: rows of `examples.confident` as mappings, each with `png` (bytes of
            `explain.overlay`); of classifiers.
        cases: rows of `cases.chosen` as mappings, each with `panes` (SVG elements of
            `overlays.panes`); of segmentations.
        masks: of rows of `predictions` (from 0) a path to a mask, as seen from the report,
            which tells no patient.
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
    multi_label: bool = False
    task: str = "classification"
    data: DataFacts | None = None
    split_made: str = ""
    rejects: pd.DataFrame | None = None
    plan: Sequence[tuple[str, Any, str, bool]] = ()
    history: pd.DataFrame | None = None
    best: float | None = None
    temperature: float | Sequence[float] | None = None
    examples: Sequence[Mapping[str, Any]] = ()
    cases: Sequence[Mapping[str, Any]] = ()
    masks: Mapping[int, str] = field(default_factory=dict)
    exports: Sequence[Mapping[str, Any]] = ()
    parity: Sequence[Mapping[str, Any]] = ()
    folds: Sequence[Mapping[str, Any]] = ()
    export_path: str = ""
    input_size: tuple[int, ...] | None = None
    notes: Sequence[str] = ()
    version: str = ""
    made: str = ""
