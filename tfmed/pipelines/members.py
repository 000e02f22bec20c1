"""One trained classifier of a run: the run itself, or one fold of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfmed import feed, log, models, training
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError
from tfmed.evaluation.calibration import fit_temperature
from tfmed.feed.cache import Cache
from tfmed.metrics import Threshold
from tfmed.pipelines.settings import TrainingSettings
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training.pace import Clock

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Member:
    """A network and what was chosen for it on its validation part.

    Attributes:
        model: float32, normalised image to logits.
        temperature: by which its logits are divided (Guo et al. 2017).
        threshold: the operating point, as `Classification.choose_threshold` gives it.
        seconds: training time.
    """

    model: keras.Model
    temperature: float
    threshold: Threshold
    seconds: float

    def probabilities(self, cache: Cache, plan: Plan, task: Classification) -> np.ndarray:
        """Calibrated probabilities `[N, K]` of every image of a cache."""
        return task.probabilities(logits_of(self.model, cache, plan), self.temperature)


def task_of(dataset: Dataset, plan: Plan, train: Dataset) -> Classification:
    """The question that the plan asks, its class weights from the training part alone."""
    task = Classification(
        classes=dataset.classes,
        multi_label=dataset.multi_label,
        loss_name=plan.loss,
        label_smoothing=plan.label_smoothing,
    )
    if dataset.multi_label and plan.class_weights:
        weights = task.class_weights(task.targets(train))
        return replace(task, label_weights=tuple(float(weight) for weight in weights))
    return task


def logits_of(model: keras.Model, cache: Cache, plan: Plan) -> np.ndarray:
    """Logits float32 `[N, K]` of every image of a cache, in its order."""
    batches = feed.evaluation(cache, plan.preprocessing, min(EVALUATION_BATCH, len(cache)))
    return training.predict(model, batches, len(cache))


def open_or_train(
    run: Run,
    dataset: Dataset,
    cache: Cache,
    plan: Plan,
    settings: TrainingSettings,
    minutes: float | None,
) -> Member:
    """The member that a run holds; trained, or trained on, when it is not there yet.

    Args:
        run: the member's own folder.
        dataset: every example, its part in `split`.
        cache: the images of `dataset`, row for row.
        plan: how to train.
        settings: the command's.
        minutes: training time of this member, or None.
    """
    if run.has("member.json"):
        about = run.read_json("member.json")
        model = keras.models.load_model(run.path("model.keras"), compile=False)
        return Member(model, about["temperature"], about["threshold"], about["seconds"])
    train, valid = dataset.part("train"), dataset.part("val")
    task = task_of(dataset, plan, train)
    rows = {part: np.flatnonzero(dataset.table["split"] == part) for part in ("train", "val")}
    caches = {part: cache.take(where) for part, where in rows.items()}
    model = _train(
        run, task, (train, caches["train"]), (valid, caches["val"]), plan, settings, minutes
    )
    training.save_model(model, run.path("model.keras"))
    member = _settle(run, model, task, valid, caches["val"], plan)
    training.clear(run.folder)
    return member


def _train(
    run: Run,
    task: Classification,
    train: tuple[Dataset, Cache],
    valid: tuple[Dataset, Cache],
    plan: Plan,
    settings: TrainingSettings,
    minutes: float | None,
) -> keras.Model:
    (dataset, cache), (valid_set, valid_cache) = train, valid
    if not len(dataset) or not len(valid_set):
        raise DataError(
            f"{len(dataset)} training and {len(valid_set)} validation examples: "
            "both parts need some"
        )
    targets, valid_targets = task.targets(dataset), task.targets(valid_set)
    weights = np.ones(len(dataset), np.float32)
    if plan.class_weights and not task.multi_label:
        weights = task.example_weights(targets, task.class_weights(targets))
    batch_size = min(plan.batch_size, len(dataset))
    log.info(
        f"training {plan.model} on {len(dataset):,} examples of "
        f"{dataset.table['patient'].nunique():,} patients, {len(valid_set):,} to validate"
    )
    return training.fit(
        lambda: models.build(
            plan.model,
            plan.input_shape,
            len(task.classes),
            weights=plan.weights,
            norm=plan.norm,
            dropout=plan.dropout,
            seed=settings.seed,
        ),
        task_loss=task.loss,
        batches=lambda start, steps: feed.training(
            cache,
            targets,
            weights,
            preprocessing=plan.preprocessing,
            augmentation=plan.augmentation,
            mixup=plan.mixup,
            batch_size=batch_size,
            seed=settings.seed,
            start_step=start,
            steps=steps,
        ),
        examples=len(dataset),
        validate=lambda model: task.watch(valid_targets, logits_of(model, valid_cache, plan)),
        settings=_how(plan, settings, batch_size, minutes),
        strategy=training.strategy.choose(settings.strategy),
        folder=run.folder,
        rows_of_step=lambda step: list(
            dataset.table["id"].iloc[feed.batch_rows(len(dataset), batch_size, settings.seed, step)]
        ),
    )


def _how(
    plan: Plan, settings: TrainingSettings, batch_size: int, minutes: float | None
) -> training.Settings:
    return training.Settings(
        epochs=plan.epochs,
        batch_size=batch_size,
        learning_rate=plan.learning_rate,
        weight_decay=plan.weight_decay,
        optimizer=plan.optimizer,
        ema_decay=plan.ema_decay,
        precision=training.strategy.precision(plan.precision, plan.input_shape, plan.model),
        patience=plan.patience,
        max_minutes=minutes,
        seed=settings.seed,
        deterministic=settings.deterministic,
        watch=plan.watch,
        larger_is_better=plan.watch != "loss",
    )


def _settle(
    run: Run, model: keras.Model, task: Classification, valid: Dataset, cache: Cache, plan: Plan
) -> Member:
    """Choose temperature and operating point on validation, and note them."""
    logits = logits_of(model, cache, plan)
    targets = task.targets(valid)
    temperature = fit_temperature(logits, targets, task.multi_label)
    threshold = task.choose_threshold(targets, task.probabilities(logits, temperature))
    seconds = Clock(run.folder, None).elapsed
    about = {"temperature": temperature, "threshold": threshold, "seconds": seconds}
    run.write_json("member.json", about)
    return Member(model, temperature, threshold, seconds)


def predictions(
    task: Classification,
    dataset: Dataset,
    probabilities: np.ndarray,
    threshold: Threshold,
    split: str | None = None,
) -> pd.DataFrame:
    """`predictions.csv` of a data set's rows; `split` stands for the rows' own parts."""
    table = task.predictions(dataset, probabilities, threshold)
    return table if split is None else table.assign(split=split)


def mean_threshold(thresholds: Sequence[Threshold]) -> Threshold:
    """The operating point of averaged members: the mean of theirs, None where there is none."""
    if any(threshold is None for threshold in thresholds):
        return None
    mean: Any = np.mean(np.asarray(thresholds, float), axis=0)
    return float(mean) if np.ndim(mean) == 0 else tuple(float(value) for value in mean)
