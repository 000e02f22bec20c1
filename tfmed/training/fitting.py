"""`optimise`: train a network to its best weights, going on where a killed training stopped."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from tfmed.errors import ConfigError, DataError
from tfmed.training.loop import Batches, Loop, RowsOfStep, Validate
from tfmed.training.pace import Clock
from tfmed.training.prediction import float32
from tfmed.training.program import Builder, Loss, Program
from tfmed.training.settings import Settings


def optimise(
    model: Builder | keras.Model,
    *,
    task_loss: Loss,
    batches: Batches | tf.data.Dataset,
    examples: int,
    validate: Validate,
    settings: Settings,
    strategy: tf.distribute.Strategy,
    folder: Path,
    rows_of_step: RowsOfStep | None = None,
) -> keras.Model:
    """Train a model and give it back with the weights of its best epoch.

    The weights of an epoch are their moving average where `settings.ema_decay` is not 0. Of
    epochs with equal watched values the later one is the best. The same call after a kill goes
    on from `folder/backup/`; call `checkpoint.clear(folder)` when the model has been saved.

    Args:
        model: images [B, ...] to logits [B, K]. A function that makes it (called in the
            strategy's scope, under the settings' precision), or a ready one, which on one
            device gets the best weights itself.
        task_loss: (targets [B, ...], logits float32 [B, K]) to losses float32 [B].
        batches: (first step, steps) to a data set of that many (images, targets, weights) or
            (images, targets), each a whole global batch. A pure function of the step makes a
            resumed training equal to an uninterrupted one. A plain data set is repeated.
        examples: training examples; an epoch is that many, rounded up to whole batches.
        validate: a model to its values on validation data, as by `predict`; `settings.watch`
            names the one that chooses.
        settings: how to train.
        strategy: from `strategy.choose`.
        folder: the run folder, for `backup/`, `history.csv` and `logs/`.
        rows_of_step: the ids of a step's examples, named when its loss is not finite.

    Returns:
        A float32 model with the best weights, free of the strategy.

    Raises:
        ConfigError: the batch cannot be shared out over the devices.
        DataError: there are no examples.
        TrainingError: a loss is not finite; the last good backup stays.
    """
    replicas = strategy.num_replicas_in_sync
    _check(settings.batch_size, replicas, examples)
    clock = Clock(folder, settings.max_minutes)
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    program = Program(model, task_loss, settings, strategy)
    epoch_steps = -(-examples // settings.batch_size)
    loop = Loop(program, validate, epoch_steps, folder, clock, rows_of_step)
    loop.train(_repeated(batches) if isinstance(batches, tf.data.Dataset) else batches)
    best = program.finished()
    if replicas == 1 and all(layer.compute_dtype == "float32" for layer in best._flatten_layers()):
        return best
    return float32(best)


def _check(batch_size: int, replicas: int, examples: int) -> None:
    if batch_size % replicas:
        raise ConfigError(
            f"batch size {batch_size} cannot be shared out evenly over {replicas} devices"
        )
    if examples < 1:
        raise DataError("there are no training examples")


def _repeated(dataset: tf.data.Dataset) -> Batches:
    """A user's data set as a function of the step; its own shuffling stays its own."""
    return lambda start, steps: dataset.repeat().skip(start).take(steps)
