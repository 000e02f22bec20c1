"""`Supervised`: the training step of one network against targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfmed.task import MODEL, MakeStep, Networks
from tfmed.training import optimizers
from tfmed.training.settings import Settings

# (targets [B, ...], outputs float32 as the network gives them) to losses float32 [B]. Outputs are
# a list where a network has several, as under deep supervision.
Loss = Callable[[tf.Tensor, Any], tf.Tensor]


class Supervised:
    """One network, one optimizer, and the loss of outputs against targets; keeps `Step`.

    Args:
        network: inputs `[B, ...]`, or several by name, to outputs.
        loss: of each example.
        settings: how to train.
        devices: that share a batch.
    """

    def __init__(
        self, network: keras.Model, loss: Loss, settings: Settings, devices: int = 1
    ) -> None:
        self._network = network
        self._loss = loss
        self._batch_size = settings.batch_size
        self._devices = devices
        self._optimizer = optimizers.build(settings, network.trainable_variables)

    def variables(self) -> list[tf.Variable]:
        """The optimizer's slots."""
        return [variable.value for variable in self._optimizer.variables]

    def set_rate(self, rate: tf.Tensor) -> None:
        """Take the learning rate of this step."""
        self._optimizer.learning_rate = rate

    def __call__(
        self, inputs: Any, targets: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """One step on one device; gives its share of the loss."""
        network = self._network
        with tf.GradientTape() as tape:
            outputs = tf.nest.map_structure(_float32, network(inputs, training=True))
            losses = self._loss(targets, outputs)
            if weights is not None:
                losses = losses * weights
            # Over the global batch: the devices' gradients are summed, so their shares add up.
            loss = tf.reduce_sum(losses) / self._batch_size
            if network.losses:
                loss += tf.add_n(network.losses) / self._devices
            scaled = self._optimizer.scale_loss(loss)
        trained = network.trainable_variables
        gradients = tape.gradient(scaled, [variable.value for variable in trained])
        self._optimizer.apply(gradients, trained)
        return loss


def supervised(loss: Loss) -> MakeStep:
    """What makes the step of a task with one network, by the loss of each example."""

    def make(networks: Networks, settings: Settings, devices: int) -> Supervised:
        return Supervised(networks[MODEL], loss, settings, devices)

    return make


def _float32(output: tf.Tensor) -> tf.Tensor:
    return tf.cast(output, tf.float32)
