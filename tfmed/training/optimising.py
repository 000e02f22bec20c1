"""`optimise`: train networks to their best weights, going on where a killed training stopped."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from tfmed.errors import ConfigError, DataError
from tfmed.task import MakeStep, Networks, Validate
from tfmed.training.loop import Batches, Loop, RowsOfStep
from tfmed.training.pace import Clock
from tfmed.training.prediction import float32
from tfmed.training.program import Given, Program
from tfmed.training.settings import Settings


def optimise(
    networks: Given,
    *,
    step: MakeStep,
    batches: Batches | tf.data.Dataset,
    examples: int,
    validate: Validate,
    settings: Settings,
    strategy: tf.distribute.Strategy,
    folder: Path,
    rows_of_step: RowsOfStep | None = None,
) -> Networks:
    """Train networks and give them back with the weights of their best epoch.

    The weights of an epoch are their moving average where `settings.ema_decay` is not 0. Of
    epochs with equal watched values the later one is the best. The same call after a kill goes
    on from `folder/backup/`; call `checkpoint.clear(folder)` when the networks have been saved.

    Args:
        networks: one, or several by name; or a function that makes them (called in the
            strategy's scope, under the settings' precision). Ready ones get the best weights
            themselves on one device. A single one is called `tfmed.task.MODEL`.
        step: makes the training step; of one network and a loss `training.supervised(loss)`.
        batches: (first step, steps) to a data set of that many batches, each whole and a tuple
            as the step takes it: (inputs, targets, weights) or (inputs, targets). A pure function
            of the step makes a resumed training equal to an uninterrupted one. A plain data set
            is repeated.
        examples: training examples; an epoch is that many, rounded up to whole batches.
        validate: networks by name to their values on validation data; `settings.watch` names the
            one that chooses.
        settings: how to train.
        strategy: from `strategy.choose`.
        folder: the run folder, for `backup/`, `history.csv` and `logs/`.
        rows_of_step: the ids of a step's examples, named when its loss is not finite.

    Returns:
        Float32 networks by name with the best weights, free of the strategy.

    Raises:
        ConfigError: the batch cannot be shared out over the devices.
        DataError: there are no examples.
        TrainingError: a loss is not finite; the last good backup stays.
    """
    devices = strategy.num_replicas_in_sync
    _check(settings.batch_size, devices, examples)
    clock = Clock(folder, settings.max_minutes)
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    program = Program(networks, step, settings, strategy)
    epoch_steps = -(-examples // settings.batch_size)
    loop = Loop(program, validate, epoch_steps, folder, clock, rows_of_step)
    loop.train(_repeated(batches) if isinstance(batches, tf.data.Dataset) else batches)
    return {name: _freed(best, devices) for name, best in program.finished().items()}


def _freed(network: keras.Model, devices: int) -> keras.Model:
    """The network in float32, free of the strategy; itself where it is so."""
    layers = network._flatten_layers()
    if devices == 1 and all(layer.compute_dtype == "float32" for layer in layers):
        return network
    return float32(network)


def _check(batch_size: int, devices: int, examples: int) -> None:
    if batch_size % devices:
        raise ConfigError(
            f"batch size {batch_size} cannot be shared out evenly over {devices} devices"
        )
    if examples < 1:
        raise DataError("there are no training examples")


def _repeated(dataset: tf.data.Dataset) -> Batches:
    """A user's data set as a function of the step; its own shuffling stays its own."""
    return lambda start, steps: dataset.repeat().skip(start).take(steps)
