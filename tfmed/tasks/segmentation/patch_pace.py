"""The time that a training step of a plan takes on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmed.planning import step_times
from tfmed.tasks.segmentation.network_pace import Pace
from tfmed.tasks.segmentation.plan import SegmentationPlan
from tfmed.training import Options, strategy
from tfmed.training.begin import settings
from tfmed.training.timing import timed_step
from tfmed.transforms.augmentation import augment

if TYPE_CHECKING:
    from tfmed.tasks.segmentation.task import Segmentation


def of(task: Segmentation) -> Pace:
    """Seconds of a step of any plan, with its augmentation."""

    def seconds(plan: SegmentationPlan) -> float:
        precision = strategy.precision(plan.precision, plan.input_shape, plan.model)
        network = (plan.features, plan.strides, plan.kernels, plan.deep_supervision)
        shape = (plan.model, plan.input_shape, plan.batch_size, len(plan.classes), plan.optimizer)
        steps = tuple(str(step.get("name")) for step in plan.augmentation)
        untrained = plan.model_copy(update={"weights": "none"})
        return step_times.step_seconds(
            (task.name, *shape, *network, precision, steps),
            lambda: timed_step(
                lambda: task.networks(untrained),
                task.step(plan),
                _noise(plan),
                settings(plan, Options(), batch_size=plan.batch_size, precision=precision),
                strategy.choose("one"),
            ),
        )

    return seconds


def _noise(plan: SegmentationPlan) -> tf.data.Dataset:
    """Batches of augmented noise, nearly as dear to make as those of cases that are cached."""
    shape = [plan.batch_size, *plan.input_shape]

    def batch(step: tf.Tensor) -> tuple[Any, ...]:
        seed = tf.stack([0, tf.cast(step, tf.int32)])
        image = tf.random.stateless_uniform(shape, seed)
        mask = tf.random.stateless_uniform(shape[:-1], seed, 0, len(plan.classes), tf.int32)
        return augment(image, seed, plan.augmentation, mask)

    endless = tf.data.Dataset.range(1 << 30)
    return endless.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
