"""`fit`: a classifier trained in a run folder, by a plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np

from tfmed import feed, log
from tfmed.data.dataset import Dataset
from tfmed.data.stored import is_stored, join, store
from tfmed.errors import ConfigError, DataError
from tfmed.feed.cache import Cache
from tfmed.planning import Plan, dumps
from tfmed.run import Run, write_text
from tfmed.tasks import Classification
from tfmed.tasks.calibration import fit_temperature
from tfmed.training import strategy
from tfmed.training.checkpoint import FOLDER as BACKUP
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.fitting import optimise
from tfmed.training.member import ABOUT, logits_of, plan_of
from tfmed.training.pace import Clock
from tfmed.training.program import Builder
from tfmed.training.settings import Settings


@dataclass(frozen=True)
class Options:
    """What a plan leaves open.

    Attributes:
        seed: of weights, order and augmentation.
        strategy: `one`, `mirrored`, or `auto`.
        max_minutes: of training, resumes included; None for no limit.
        deterministic: the same bits from the same seed.
    """

    seed: int = 0
    strategy: str = "auto"
    max_minutes: float | None = None
    deterministic: bool = False


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
    caches: tuple[Cache, Cache] | None = None,
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
    _check_plan(run, plan)
    if run.has(ABOUT):
        return run
    if not len(train) or not len(valid):
        raise DataError(
            f"{len(train)} training and {len(valid)} validation examples: both parts need some"
        )
    task = _as_planned(task, plan)
    _describe(run, train, valid, plan)
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
    cache: Cache,
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


def _check_plan(run: Run, plan: Plan) -> None:
    """Refuse to go on with, or to hand over, what another plan has trained."""
    if not (run.has(ABOUT) or run.has(BACKUP)):
        return
    before, now = plan_of(run).model_dump(), plan.model_dump()
    changes = [
        f"{name}: {before[name]!r} then, {now[name]!r} now"
        for name in now
        if name != "reasons" and before[name] != now[name]
    ]
    if changes:
        raise ConfigError(
            f"{run.folder} was trained by another plan: {'; '.join(changes)}. Give another folder"
        )


def _describe(run: Run, train: Dataset, valid: Dataset, plan: Plan) -> None:
    """Write the plan and the index, unless they say so already."""
    if not run.has("plan.toml") or plan_of(run) != plan:
        write_text(run.path("plan.toml"), dumps(plan))
    if not is_stored(run):
        store(run, join(train, valid))


def _train(
    run: Run,
    model: Builder | keras.Model,
    task: Classification,
    parts: tuple[Dataset, Dataset],
    caches: tuple[Cache, Cache],
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
        settings=_settings(plan, options, size),
        strategy=strategy.choose(options.strategy),
        folder=run.folder,
        rows_of_step=lambda step: list(
            train.table["id"].iloc[feed.batch_rows(len(train), size, seed, step)]
        ),
    )


def _settings(plan: Plan, options: Options, batch_size: int) -> Settings:
    return Settings(
        epochs=plan.epochs,
        batch_size=batch_size,
        learning_rate=plan.learning_rate,
        weight_decay=plan.weight_decay,
        optimizer=plan.optimizer,
        ema_decay=plan.ema_decay,
        precision=strategy.precision(plan.precision, plan.input_shape, plan.model),
        patience=plan.patience,
        max_minutes=options.max_minutes,
        seed=options.seed,
        deterministic=options.deterministic,
        watch=plan.watch,
        larger_is_better=plan.watch != "loss",
    )
