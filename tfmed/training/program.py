"""The compiled part of training: many steps of a strategy in one call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.training import optimizers
from tfmed.training.averaging import MovingAverage
from tfmed.training.fused import fused
from tfmed.training.schedule import learning_rate
from tfmed.training.settings import Settings

Builder = Callable[[], keras.Model]
# The second is a list where a network has several outputs, as under deep supervision.
Loss = Callable[[tf.Tensor, Any], tf.Tensor]


class Program:
    """A model, its optimizer and average under a strategy, and a graph that trains them.

    Args:
        build: makes the model; called in the strategy's scope under the settings' precision.
            A ready model may stand for it.
        loss: (targets [B, ...], logits as the model gives them) to losses [B], float32.
        settings: how to train.
        strategy: over which devices.

    Attributes:
        model: the one that is trained, images [B, ...] to logits.
        plain: the one that was made; another where the trained one has fused layers.
        step: steps done.
        horizon: all steps of the schedule.
    """

    def __init__(
        self,
        build: Builder | keras.Model,
        loss: Loss,
        settings: Settings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.settings = settings
        self.strategy = strategy
        self._loss = loss
        with strategy.scope():
            self.plain = _made(build, settings, strategy)
            self.model = fused(self.plain) if strategy.num_replicas_in_sync == 1 else self.plain
            self._optimizer = optimizers.build(settings, self.model.trainable_variables)
            self._average = None
            if settings.ema_decay:
                self._average = MovingAverage(self.model, settings.ema_decay, strategy)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.horizon = tf.Variable(1, dtype=tf.int64, trainable=False)
        self.best = [tf.Variable(value, trainable=False) for value in self.model.get_weights()]
        self._run = tf.function(self._steps, reduce_retracing=True)

    def variables(self) -> dict[str, list[tf.Variable]]:
        """Everything that changes, by part; the seeds of dropout are among the model's."""
        return {
            "model": [variable.value for variable in self.model.variables],
            "optimizer": [variable.value for variable in self._optimizer.variables],
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
        """Let the model have its averaged weights for a while, where there is an average."""
        return self._average.in_place() if self._average else nullcontext()

    def keep_best(self) -> None:
        """Remember the model's weights of this moment as the best ones."""
        for variable, value in zip(self.best, self.model.get_weights(), strict=True):
            variable.assign(value)

    def finished(self) -> keras.Model:
        """The plain model with the best weights."""
        self.plain.set_weights([variable.numpy() for variable in self.best])
        return self.plain

    def _rate(self, step: tf.Tensor) -> tf.Tensor:
        settings = self.settings
        return learning_rate(step, self.horizon, settings.learning_rate, settings.warmup_share)

    def _steps(self, iterator: tf.data.Iterator, steps: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, steps)
        for index in tf.range(steps):
            self._optimizer.learning_rate = self._rate(self.step)
            shares = self.strategy.run(self._one, args=next(iterator))
            loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None)
            losses = losses.write(index, loss)
            self.step.assign_add(1)
            if self._average:
                self._average.update(self.step)
        return losses.stack()

    def _one(
        self, images: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """One step on one device; gives its share of the loss."""
        with tf.GradientTape() as tape:
            logits = _float32(self.model(images, training=True))
            losses = self._loss(targets, logits)
            if weights is not None:
                losses = losses * weights
            # Over the global batch: the devices' gradients are summed, so their shares add up.
            loss = tf.reduce_sum(losses) / self.settings.batch_size
            if self.model.losses:
                loss += tf.add_n(self.model.losses) / self.strategy.num_replicas_in_sync
            scaled = self._optimizer.scale_loss(loss)
        trained = self.model.trainable_variables
        gradients = tape.gradient(scaled, [variable.value for variable in trained])
        self._optimizer.apply(gradients, trained)
        return loss


def _float32(outputs: Any) -> Any:
    """A network's output, or each of its several outputs, in float32."""
    return tf.nest.map_structure(lambda output: tf.cast(output, tf.float32), outputs)


def _made(
    build: Builder | keras.Model, settings: Settings, strategy: tf.distribute.Strategy
) -> keras.Model:
    """The model under the strategy and precision; a ready one is copied where it must be."""
    if isinstance(build, keras.Model):
        if strategy.num_replicas_in_sync == 1:
            return build
        model = keras.models.clone_model(build)
        model.set_weights(build.get_weights())
        return model
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(settings.precision)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)
