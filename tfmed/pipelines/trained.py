"""A trained model to ask, whether it is a run or an export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import feed, log
from tfmed.data import audit
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.export import classifier_of, load
from tfmed.export.release import versions
from tfmed.metrics import Threshold
from tfmed.pipelines.scans import open_data
from tfmed.pipelines.settings import DataSettings
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training import open_study
from tfmed.transforms.prepare import Preprocessing, normalise

BATCH = 64
VOLUME = ("depth", "height", "width")


@dataclass(frozen=True)
class Trained:
    """What answers for new scans.

    Attributes:
        task: the question that it was trained for.
        preprocessing: size, channels and window of its input.
        threshold: the operating point locked on validation.
        ask: images `[*size, C]` each, in modality units, to probabilities `[N, K]`.
    """

    task: Classification
    preprocessing: Preprocessing
    threshold: Threshold
    ask: Callable[[Sequence[np.ndarray]], np.ndarray]

    def predict(self, dataset: Dataset) -> pd.DataFrame:
        """Answer for an audited data set; the table of `predictions.csv`."""
        parts = []
        with log.progress(total=len(dataset), what="predicting", unit="images") as bar:
            for batch in _batches(feed.read(dataset, self.preprocessing)):
                parts.append(self.ask(batch))
                bar.advance(len(batch))
        probabilities = np.concatenate(parts).astype(np.float64)
        return self.task.predictions(dataset, probabilities, self.threshold)


def open_trained(path: Path) -> Trained:
    """Open a run, an export's version folder, or its parent for the newest version.

    Raises:
        ConfigError: the folder is neither.
        DataError: a run that is not trained yet.
        ExportError: an export whose files were changed.
    """
    if any((path / name).is_file() for name in ("config.toml", "plan.toml")):
        study = open_study(Run(path))
        network = classifier_of(study).network()

        def ask(images: Sequence[np.ndarray]) -> np.ndarray:
            ready = normalise(tf.constant(np.stack(images)), study.plan.preprocessing)
            return np.asarray(network(ready, training=False))

        return Trained(study.task, study.plan.preprocessing, study.threshold, ask)
    if not ((path / "saved_model.pb").is_file() or versions(path)):
        raise ConfigError(
            f"{path} is neither a run nor an export of tfmed: a run holds plan.toml, an export "
            "saved_model.pb and card.json"
        )
    exported = load(path)
    card = exported.card
    return Trained(
        Classification(exported.classes, card["multi_label"]),
        Preprocessing.from_dict(card["input"]),
        card["scores"].get("threshold"),
        exported.predict,
    )


def scans(settings: DataSettings, trained: Trained, scored: bool = False) -> Dataset:
    """The data to answer for: listed and read.

    Args:
        settings: which data.
        trained: what shall answer.
        scored: whether the labels must be those of the model; else unknown ones are left away.

    Raises:
        DataError: nothing usable, too many rejects, labels that the model does not know, or
            images for a model of volumes or clips.
    """
    dataset = audit.audit(open_data(settings))
    audit.limit_rejects(dataset, settings.max_rejects)
    _check_kind(dataset, trained.preprocessing)
    classes = trained.task.classes
    unknown = [name for name in dataset.classes if name not in classes]
    if not dataset.labelled or not unknown:
        return dataset
    if scored:
        raise DataError(
            f"the data has the class {unknown[0]!r}, the model knows {', '.join(classes)}; name "
            "the classes as the model does, or join them with --positive"
        )
    log.warning(f"{unknown[0]!r} is no class of the model: the labels of the data are left away")
    bare = pd.Series(None, index=dataset.table.index, dtype=dataset.table["label"].dtype)
    return replace(dataset.with_table(dataset.table.assign(label=bare)), classes=())


def _check_kind(dataset: Dataset, preprocessing: Preprocessing) -> None:
    """Refuse slices for a model of volumes, volumes for one of clips, and the like."""
    wanted = "images"
    if len(preprocessing.size) == len(VOLUME):
        wanted = "clips" if preprocessing.sampled else "volumes"
    # An audit leaves one kind in the data.
    came = "volumes" if (dataset.table["depth"] > 1).any() else "images"
    came = "clips" if dataset.table["clip"].any() else came
    if came == wanted:
        return
    said = f"the model answers for {wanted}, {dataset.name} holds {came}"
    if {came, wanted} == {"images", "volumes"}:
        unit = "image" if wanted == "images" else "series"
        said += f"; of DICOM, --unit {unit} makes {wanted}"
    raise DataError(said)


def write_answers(run: Run, predictions: pd.DataFrame, dataset: Dataset) -> None:
    """Write `predictions.csv` and `rejects.csv`."""
    run.write_table("predictions.csv", predictions)
    run.write_table("rejects.csv", dataset.rejects)
    log.info(f"{len(predictions):,} predictions: {run.path('predictions.csv')}")
    if len(dataset.rejects):
        log.warning(f"{len(dataset.rejects):,} files left out: {run.path('rejects.csv')}")


def _batches(images: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    held: list[np.ndarray] = []
    for image in images:
        held.append(image)
        if len(held) == BATCH:
            yield held
            held = []
    if held:
        yield held
