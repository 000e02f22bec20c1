"""Train a classifier: from scans to a validated, explained, exported model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfmed import config
from tfmed.data.dataset import Dataset
from tfmed.pipelines.settings import TrainingSettings
from tfmed.run import Run

if TYPE_CHECKING:
    import keras

    from tfmed.planning import Plan


class Config(TrainingSettings):
    """Settings of `classify`."""


DESCRIPTION = """From a folder of scans to a trained, validated, explained and exported classifier.

Examples: `tfmed classify` (made-up CT), `tfmed classify --data chest_xray/ --max-minutes 30`,
`tfmed classify --data scans/ --table labels.csv --label-column finding --folds 5`.
The same command goes on where it stopped. Research use; not a medical device."""


def run(settings: Config) -> None:
    """Index, audit, split, plan, train, evaluate, export and report; each stage once."""
    from tfmed import models
    from tfmed.pipelines import checks, stages
    from tfmed.planning import Plan

    checks.trainable(settings, models.MODELS)
    with stages.begin("classify", settings) as work:
        dataset = stages.split(work, settings, stages.index(work, settings))
        plan = stages.plan(
            work, Plan, lambda: _plan(settings, dataset), lambda edited: _network(edited, dataset)
        )
        base = settings.export / (settings.name or work.folder.name)
        if not stages.is_finished(work, base):
            _learn(work, settings, dataset, plan, base)
        stages.tell(work)


def _learn(work: Run, settings: Config, dataset: Dataset, plan: Plan, base: Path) -> None:
    """What follows from the plan: train, score, export, report."""
    from tfmed.pipelines import classifying, learning

    study = classifying.train(work, dataset, plan, settings)
    predictions, scores = classifying.score(study)
    learning.hand_over(work, base, predictions, scores)


def _plan(settings: Config, dataset: Dataset) -> Plan:
    """Plan from the training part, with what the user has set."""
    import tensorflow as tf

    from tfmed import planning
    from tfmed.tasks import Classification

    precision = None if settings.precision == "auto" else settings.precision
    return planning.plan(
        dataset.part("train"),
        Classification(dataset.classes, dataset.multi_label),
        model=settings.model,
        weights=settings.weights,
        size=settings.size,
        accelerated=bool(tf.config.list_physical_devices("GPU")),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        precision=precision,
    )


def _network(plan: Plan, dataset: Dataset) -> keras.Model:
    """The untrained network of a plan; an error where there is none of its size."""
    from tfmed import models

    classes = len(dataset.classes)
    return models.build(plan.model, plan.input_shape, classes, norm=plan.norm)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed classify`."""
    return config.command(Config, run, argv, "classify", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
