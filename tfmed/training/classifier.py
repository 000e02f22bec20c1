"""`fit`: a classifier trained in a run folder, by a plan."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from tfmed import feed, log
from tfmed.data.dataset import Dataset
from tfmed.feed.store import Store
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.tasks.calibration import fit_temperature
from tfmed.training import strategy
from tfmed.training.begin import ABOUT, Options, begin, settings
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.fitting import optimise
from tfmed.training.member import logits_of
from tfmed.training.pace import Clock
from tfmed.training.program import Builder


def fit(
    model: Builder | keras.Model,
    task: Classification,
    train: Dataset,
    valid: Dataset,
    *,
    plan: Plan,
    folder: str | Path,
    epochs: int | None = None,
    options: Options | None = None,
    caches: tuple[Store, Store] | None = None,
) -> Run:
    """Train a classifier in a folder; after a kill, the same call goes on.

    Writes `model.keras`, `history.csv`, `logs/`, `member.json` (task, temperature, operating
    point), and `plan.toml` and the index where they are not there yet.

    Args:
        model: a ready network, or a function that makes it; normalised image to logits `[B, K]`.
        task: the question; its loss, smoothing and label weights are those of the plan.
        train: the audited training part.
        valid: the audited validation part: it chooses the epoch, temperature and threshold.
        plan: how to train.
        folder: the run's.
        epochs: in place of the plan's.
        options: seed, strategy and time.
        caches: the images of `train` and `valid`, row for row, where they are at hand.

    Returns:
        The run; one that is trained already as it is.

    Raises:
        ConfigError: the folder holds what another plan trained.
        DataError: a part is empty.
        TrainingError: a loss is not finite.
    """
    run, options = Run(Path(folder)), options or Options()
    plan = plan if epochs is None else plan.with_epochs(epochs)
    task = _as_planned(task, plan)
    if not begin(run, plan, train, valid):
        return run
    if caches is None:
        caches = feed.build(train, plan.preprocessing), feed.build(valid, plan.preprocessing)
    trained = _train(run, model, task, (train, valid), caches, plan, options)
    save_model(trained, run.path("model.keras"))
    _settle(run, trained, task, valid, caches[1], plan)
    clear(run.folder)
    return run


def _settle(
    run: Run,
    model: keras.Model,
    task: Classification,
    valid: Dataset,
    cache: Store,
    plan: Plan,
) -> None:
    """Choose temperature and operating point on validation, and write `member.json`."""
    answers, targets = logits_of(model, cache, plan), task.targets(valid)
    temperature = fit_temperature(answers, targets, task.multi_label)
    about = {
        "task": asdict(task),
        "temperature": temperature,
        "threshold": task.choose_threshold(targets, task.probabilities(answers, temperature)),
        "seconds": Clock(run.folder, None).elapsed,
    }
    run.write_json(ABOUT, about)


def _as_planned(task: Classification, plan: Plan) -> Classification:
    """The task with the loss that the plan names."""
    return replace(
        task,
        loss_name=plan.loss,
        label_smoothing=plan.label_smoothing,
        label_weights=(plan.class_weights or None) if task.multi_label else None,
    )


def _train(
    run: Run,
    model: Builder | keras.Model,
    task: Classification,
    parts: tuple[Dataset, Dataset],
    caches: tuple[Store, Store],
    plan: Plan,
    options: Options,
) -> keras.Model:
    train, valid = parts
    targets, valid_targets = task.targets(train), task.targets(valid)
    weights = task.example_weights(targets, np.asarray(plan.class_weights))
    size, seed = min(plan.batch_size, len(train)), options.seed
    log.info(
        f"training {plan.model} on {len(train):,} examples of "
        f"{train.table['patient'].nunique():,} patients, {len(valid):,} to validate"
    )
    return optimise(
        model,
        task_loss=task.loss,
        batches=lambda start, steps: feed.training(
            caches[0],
            targets,
            weights,
            preprocessing=plan.preprocessing,
            augmentation=plan.augmentation,
            mixup=plan.mixup,
            batch_size=size,
            seed=seed,
            steps=range(start, start + steps),
        ),
        examples=len(train),
        validate=lambda one: task.watch(valid_targets, logits_of(one, caches[1], plan)),
        settings=settings(
            plan,
            options,
            batch_size=size,
            precision=strategy.precision(plan.precision, plan.input_shape, plan.model),
        ),
        strategy=strategy.choose(options.strategy),
        folder=run.folder,
        rows_of_step=lambda step: list(
            train.table["id"].iloc[feed.batch_rows(len(train), size, seed, step)]
        ),
    )
