"""The time that a training step of a plan takes on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmed.planning import step_times
from tfmed.tasks.recognition.plan import RecognitionPlan
from tfmed.tasks.recognition.time_fit import Pace
from tfmed.training import Options, strategy
from tfmed.training.begin import settings
from tfmed.training.timing import timed_step
from tfmed.transforms import augment

if TYPE_CHECKING:
    from tfmed.tasks.recognition.task import Recognition


def of(task: Recognition) -> Pace:
    """Seconds of a step of any plan of a task, with its augmentation."""

    def seconds(plan: RecognitionPlan) -> float:
        precision = strategy.precision(plan.precision, plan.input_shape, plan.model)
        steps = tuple(str(step.get("name")) for step in plan.augmentation)
        shape = (plan.model, plan.input_shape, plan.batch_size, plan.norm, plan.optimizer)
        key = (task.name, *shape, task.answer.outputs, precision, steps)
        untrained = plan.model_copy(update={"weights": "none"})
        return step_times.step_seconds(
            key,
            lambda: timed_step(
                lambda: task.networks(untrained),
                task.step(plan),
                _noise(plan, task.answer.outputs),
                settings(plan, Options(), batch_size=plan.batch_size, precision=precision),
                strategy.choose("one"),
            ),
        )

    return seconds


def _noise(plan: RecognitionPlan, outputs: int) -> tf.data.Dataset:
    """Batches of augmented noise, as dear to make as those of images that are cached."""
    targets, weights = tf.zeros([plan.batch_size, outputs]), tf.ones([plan.batch_size])

    def batch(step: tf.Tensor) -> tuple[Any, ...]:
        seed = tf.stack([0, tf.cast(step, tf.int32)])
        image = tf.random.stateless_uniform([plan.batch_size, *plan.input_shape], seed)
        return augment(image, seed, plan.augmentation), targets, weights

    endless = tf.data.Dataset.range(1 << 30)
    return endless.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
