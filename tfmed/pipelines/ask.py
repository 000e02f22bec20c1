"""The one body of the commands that ask a trained model, whether it is a run or an export."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tfmed import evaluation, log
from tfmed.data import auditing
from tfmed.data import truth as truths
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.export import load
from tfmed.export.release import versions
from tfmed.pipelines.flags import DataSettings
from tfmed.pipelines.listing import open_data
from tfmed.run import Run
from tfmed.training import open_study


@dataclass(frozen=True)
class Trained:
    """A trained model that may be asked.

    Attributes:
        task: the question.
        predictor: what answers.
    """

    task: Any
    predictor: Any

    @property
    def truth(self) -> str:
        """What it learned from."""
        truth: str = self.task.truth_of(self.task.name)
        return truth

    def to_score(self, settings: DataSettings, names: tuple[str, ...]) -> Dataset:
        """Data whose truth is known: listed and read.

        Args:
            settings: which data.
            names: of the truth's values, where they are others than in training.

        Raises:
            ConfigError: `names` for a truth that names itself.
            DataError: nothing usable, too many rejects, or data that the model cannot answer.
        """
        if names and self.truth != "mask":
            raise ConfigError("--classes names values of masks; this model answers otherwise")
        if not settings.data.startswith("synthetic:"):  # which names its own
            names = names or self.task.named(self.predictor)
        dataset = auditing.audit(open_data(settings, self.truth, names))
        auditing.limit_rejects(dataset, settings.max_rejects)
        if not dataset.labelled:
            truths.of(dataset).check(dataset)
        return self._fitting(dataset, settings, scored=True)

    def to_answer(self, settings: DataSettings) -> Dataset:
        """Data whose truth need not be known: listed and read; arguments as `to_score`."""
        dataset = auditing.audit(self._listed(settings))
        return self._fitting(dataset, settings, scored=False)

    def answers(
        self, dataset: Dataset, out: Run, explain: bool = False
    ) -> tuple[pd.DataFrame, Dataset]:
        """Answer for data, and write the answers.

        Args:
            dataset: of `to_score` or `to_answer`.
            out: where they go.
            explain: whether to write where each answer came from.

        Returns:
            The table of `predictions.csv`, and the data set with a reject for what failed.
        """
        predictions, rejects = self.task.answer_table(self.predictor, dataset, out, explain=explain)
        return predictions, dataset.with_rejects(rejects)

    def scores(self, predictions: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
        """What `scores.json` holds."""
        about = self.task.scoring(self.predictor, dataset)
        scores: dict[str, Any] = self.task.score(predictions, **about)
        return scores

    def report(
        self, out: Run, dataset: Dataset, predictions: pd.DataFrame, scores: dict[str, Any]
    ) -> Path:
        """Write `report.html`, and say where it is."""
        return evaluation.report_answers(
            out, dataset, self.task, self.predictor, predictions, scores
        )

    def _listed(self, settings: DataSettings) -> Dataset:
        """The scans, with or without truth beside them."""
        try:
            dataset = open_data(settings, self.truth)
        except (ConfigError, DataError):
            # Then all that is there is to be answered for, or that says what is wrong.
            return self._bare(settings)
        return truths.of(dataset).untold(dataset)

    def _bare(self, settings: DataSettings) -> Dataset:
        """Scans alone; as in training a volume of DICOM is a series, unless it was told."""
        if self.predictor.of_volumes and settings.unit == "auto":
            with contextlib.suppress(ConfigError, DataError):  # there is no DICOM
                return open_data(settings.model_copy(update={"unit": "series"}))
        return open_data(settings)

    def _fitting(self, dataset: Dataset, settings: DataSettings, scored: bool) -> Dataset:
        auditing.limit_rejects(dataset, settings.max_rejects)
        found: Dataset = self.task.fitting(dataset, self.predictor, scored)
        return found


def open_trained(path: Path) -> Trained:
    """Open a run, an export's version folder, or its parent for the newest version.

    Raises:
        ConfigError: the folder is neither.
        DataError: a run that is not trained yet.
        ExportError: an export whose files were changed.
    """
    if any((path / name).is_file() for name in ("config.toml", "plan.toml")):
        study = open_study(Run(path))
        return Trained(study.task, study.predictor)
    if not ((path / "saved_model.pb").is_file() or versions(path)):
        raise ConfigError(
            f"{path} is neither a run nor an export of tfmed: a run holds plan.toml, an export "
            "saved_model.pb and card.json"
        )
    exported = load(path)
    task = exported.task
    return Trained(task, task.exported(exported))


def write_answers(run: Run, predictions: pd.DataFrame, dataset: Dataset) -> None:
    """Write `predictions.csv` and `rejects.csv`."""
    run.write_table("predictions.csv", predictions)
    run.write_table("rejects.csv", dataset.rejects)
    log.info(f"{len(predictions):,} predictions: {run.path('predictions.csv')}")
    if len(dataset.rejects):
        log.warning(f"{len(dataset.rejects):,} files left out: {run.path('rejects.csv')}")
