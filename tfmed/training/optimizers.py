"""Optimizers: Keras' own, with the update of each weight as one fused operation."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfmed.training.settings import Settings


class _FusedAdamW(keras.optimizers.Adam):
    """Adam with decoupled weight decay (arXiv:1711.05101); numbers as `keras.optimizers.AdamW`.

    Keras updates a weight by a dozen small operations; TensorFlow has one kernel for them.
    """

    def __init__(self, learning_rate: float, decay: float, **rest: Any) -> None:
        super().__init__(learning_rate=learning_rate, **rest)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Decay the weight where it is a kernel, then one Adam step."""
        rate = tf.convert_to_tensor(learning_rate)
        variable_handle = variable.handle
        index = self._get_variable_index(variable)
        if self.decay and _is_kernel(variable):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable_handle, alpha=rate * self.decay, delta=variable.read_value()
            )
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable_handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )


class _FusedSGD(keras.optimizers.SGD):
    """Nesterov momentum with decoupled weight decay; numbers as `keras.optimizers.SGD`."""

    def __init__(self, learning_rate: float, decay: float, **rest: Any) -> None:
        super().__init__(learning_rate=learning_rate, momentum=0.9, nesterov=True, **rest)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Decay the weight where it is a kernel, then one momentum step."""
        rate = tf.convert_to_tensor(learning_rate)
        variable_handle = variable.handle
        if self.decay and _is_kernel(variable):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable_handle, alpha=rate * self.decay, delta=variable.read_value()
            )
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable_handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=rate,
            grad=tf.convert_to_tensor(gradient),
            momentum=self.momentum,
            use_nesterov=True,
        )


def _is_kernel(variable: Any) -> bool:
    """Whether weight decay applies: kernels have two axes or more, biases and scales one."""
    return len(variable.shape) > 1


def build(settings: Settings, variables: list[keras.Variable]) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, with its slots made; call it inside the strategy's scope.

    Args:
        settings: `optimizer`, `weight_decay` and `precision` count; the learning rate is set
            at each step by the loop.
        variables: the trainable ones.

    Returns:
        A Keras optimizer, under mixed_float16 wrapped in Keras' dynamic loss scaling.
    """
    decay = 0.0 if settings.optimizer == "adam" else settings.weight_decay
    kind = _FusedSGD if settings.optimizer == "sgd" else _FusedAdamW
    optimizer = kind(settings.learning_rate, decay)
    if settings.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(variables)
    return optimizer
