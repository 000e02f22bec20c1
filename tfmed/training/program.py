"""The compiled part of training: many steps of a strategy in one call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfmed.task import MODEL, MakeStep, Networks
from tfmed.training.averaging import MovingAverage
from tfmed.training.fused import fused
from tfmed.training.schedule import learning_rate
from tfmed.training.settings import Settings

# What makes networks, or those that are made: one, or several by name.
Given: TypeAlias = "Callable[[], Any] | keras.Model | Networks"


class Program:
    """Networks, their step and average under a strategy, and a graph that trains them.

    Args:
        build: makes the networks; called in the strategy's scope under the settings' precision.
            Ready ones may stand for it.
        make_step: of the networks that are trained.
        settings: how to train.
        strategy: over which devices.

    Attributes:
        networks: those that are trained, by name.
        plain: those that were made; others where the trained ones have fused layers.
        step: steps done.
        horizon: all steps of the schedule.
    """

    def __init__(
        self,
        build: Given,
        make_step: MakeStep,
        settings: Settings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.settings = settings
        self.strategy = strategy
        devices = strategy.num_replicas_in_sync
        with strategy.scope():
            self.plain = _made(build, settings, devices)
            self.networks = {
                name: fused(network) if devices == 1 else network
                for name, network in self.plain.items()
            }
            self._step = make_step(self.networks, settings, devices)
            trained = list(self.networks.values())
            self._average = None
            if settings.ema_decay:
                self._average = MovingAverage(trained, settings.ema_decay, strategy)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.horizon = tf.Variable(1, dtype=tf.int64, trainable=False)
        self.best = [
            tf.Variable(value, trainable=False)
            for network in trained
            for value in network.get_weights()
        ]
        self._run = tf.function(self._steps, reduce_retracing=True)

    def variables(self) -> dict[str, list[tf.Variable]]:
        """Everything that changes, by part; the seeds of dropout are among the networks'."""
        networks = self.networks.values()
        return {
            "model": [variable.value for one in networks for variable in one.variables],
            "optimizer": self._step.variables(),
            "average": self._average.variables if self._average else [],
            "best": self.best,
            "step": [self.step],
        }

    def iterator(self, batches: tf.data.Dataset) -> tf.data.Iterator:
        """The batches, shared out over the strategy's devices."""
        return iter(self.strategy.experimental_distribute_dataset(batches))

    def run(self, iterator: tf.data.Iterator, steps: int) -> np.ndarray:
        """Train `steps` steps in one call; gives each step's loss, float32 [steps]."""
        losses: np.ndarray = self._run(iterator, tf.constant(steps)).numpy()
        return losses

    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._rate(self.step - 1))

    def averaged(self) -> AbstractContextManager[None]:
        """Let the networks have their averaged weights for a while, where there is an average."""
        return self._average.in_place() if self._average else nullcontext()

    def keep_best(self) -> None:
        """Remember the networks' weights of this moment as the best ones."""
        values = [value for one in self.networks.values() for value in one.get_weights()]
        for variable, value in zip(self.best, values, strict=True):
            variable.assign(value)

    def finished(self) -> Networks:
        """The plain networks with the best weights."""
        left = iter(self.best)
        for network in self.plain.values():
            network.set_weights([next(left).numpy() for _ in network.weights])
        return self.plain

    def _rate(self, step: tf.Tensor) -> tf.Tensor:
        settings = self.settings
        return learning_rate(step, self.horizon, settings.learning_rate, settings.warmup_share)

    def _steps(self, iterator: tf.data.Iterator, steps: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, steps)
        for index in tf.range(steps):
            self._step.set_rate(self._rate(self.step))
            shares = self.strategy.run(self._step, args=next(iterator))
            loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None)
            losses = losses.write(index, loss)
            self.step.assign_add(1)
            if self._average:
                self._average.update(self.step)
        return losses.stack()


def _made(build: Given, settings: Settings, devices: int) -> Networks:
    """The networks under the strategy and precision; ready ones are copied where they must be."""
    if callable(build) and not isinstance(build, keras.Model):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(settings.precision)
        try:
            return named(build())
        finally:
            keras.config.set_dtype_policy(before)
    ready = named(build)
    if devices == 1:
        return ready
    return {name: _copied(network) for name, network in ready.items()}


def named(networks: keras.Model | Networks) -> Networks:
    """Networks by name; a single one is `MODEL`."""
    return {MODEL: networks} if isinstance(networks, keras.Model) else networks


def _copied(network: keras.Model) -> keras.Model:
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy
