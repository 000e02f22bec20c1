"""A trained model to ask, whatever its task, and whether it is a run or an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.export import load
from tfmed.export.release import versions
from tfmed.pipelines import trained_classifier, trained_segmenter
from tfmed.pipelines.settings import DataSettings
from tfmed.run import Run
from tfmed.training import open_segmentation, open_study, task_of

SEGMENTATION = "segmentation"


class Trained(Protocol):
    """Contract: what `predict` and `evaluate` ask of a model; one class a task."""

    def scans(
        self, settings: DataSettings, scored: bool = False, classes: tuple[str, ...] = ()
    ) -> Dataset:
        """The data to answer for: listed and read.

        Args:
            settings: which data.
            scored: whether the truth must be known; else it may be left away.
            classes: names of the values of masks, where they are others than in training.

        Raises:
            ConfigError: `classes` for a model without masks.
            DataError: nothing usable, too many rejects, or data that the model cannot answer.
        """

    def answer(
        self, dataset: Dataset, out: Run, explain: bool = False
    ) -> tuple[pd.DataFrame, Dataset]:
        """Answer for data, and write what does not stand in a table.

        Args:
            dataset: of `scans`.
            out: where masks and explanations go.
            explain: whether to write where each answer came from.

        Returns:
            The table of `predictions.csv`, and the data set with a reject for what failed.

        Raises:
            ConfigError: this model cannot be explained so.
        """

    def score(self, predictions: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
        """What `scores.json` holds."""

    def report(
        self, out: Run, dataset: Dataset, predictions: pd.DataFrame, scores: dict[str, Any]
    ) -> Path:
        """Write `report.html`, and say where it is."""


def open_trained(path: Path) -> Trained:
    """Open a run, an export's version folder, or its parent for the newest version.

    Raises:
        ConfigError: the folder is neither.
        DataError: a run that is not trained yet.
        ExportError: an export whose files were changed.
    """
    if any((path / name).is_file() for name in ("config.toml", "plan.toml")):
        if task_of(Run(path)) == SEGMENTATION:
            return trained_segmenter.of_run(open_segmentation(Run(path)))
        return trained_classifier.of_run(open_study(Run(path)))
    if not ((path / "saved_model.pb").is_file() or versions(path)):
        raise ConfigError(
            f"{path} is neither a run nor an export of tfmed: a run holds plan.toml, an export "
            "saved_model.pb and card.json"
        )
    exported = load(path)
    if exported.card.get("task") == SEGMENTATION:
        return trained_segmenter.of_export(exported)
    return trained_classifier.of_export(exported)


def write_answers(run: Run, predictions: pd.DataFrame, dataset: Dataset) -> None:
    """Write `predictions.csv` and `rejects.csv`."""
    run.write_table("predictions.csv", predictions)
    run.write_table("rejects.csv", dataset.rejects)
    log.info(f"{len(predictions):,} predictions: {run.path('predictions.csv')}")
    if len(dataset.rejects):
        log.warning(f"{len(dataset.rejects):,} files left out: {run.path('rejects.csv')}")
