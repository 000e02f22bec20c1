"""Our side of `train.py` and `segment.py`, and Keras' own loop beside it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import problems
import tensorflow as tf
from machine import tensorflow_onednn
from sides import Built

from tfmed import inference, models
from tfmed.losses import dice_cross_entropy, supervised
from tfmed.task import MODEL
from tfmed.training import Settings, strategy
from tfmed.training import supervised as supervise
from tfmed.training.program import Program


def classifier(problem: str, precision: str, average: float) -> Built:
    """Training a classifier by our loop; the work is a step."""
    network, side, batch_size, _ = problems.CLASSIFIED[problem]
    settings = Settings(
        batch_size=batch_size,
        learning_rate=problems.RATE,
        weight_decay=problems.DECAY,
        ema_decay=average,
        precision=precision,
    )

    def build() -> keras.Model:
        return models.build(network, (side, side, 1), problems.CLASSES)

    return _looped(build, _cross_entropy, settings, _images(side, batch_size))


def segmenter(problem: str, precision: str) -> Built:
    """Training a U-Net by our loop; the work is a step."""
    asked = problems.SEGMENTED[problem]
    rows = problems.stages(asked.features, len(asked.patch))
    settings = Settings(
        batch_size=asked.batch_size,
        optimizer="sgd",
        learning_rate=problems.RATE,
        weight_decay=0,
        precision=precision,
    )

    def build() -> keras.Model:
        return models.build_segmenter(
            "unet", 1, problems.MASK_CLASSES, deep_supervision=True, **rows
        )

    def loss(targets: tf.Tensor, logits: list[tf.Tensor]) -> tf.Tensor:
        return supervised(dice_cross_entropy, targets, logits)

    data = tf.data.Dataset.from_tensors(problems.patches(asked)).cache().repeat().prefetch(2)
    return _looped(build, loss, settings, data)


def sliding(problem: str) -> Built:
    """Segmenting a whole image; the work is the image."""
    asked = problems.SLID[problem]
    rows = problems.stages(asked.features, len(asked.patch))
    model = models.build_segmenter("unet", 1, problems.MASK_CLASSES, **rows)
    networks = inference.Ensemble([inference.network(model)])
    image = problems.whole(asked)

    def work(times: int) -> None:
        for _ in range(times):
            found = inference.slide(
                image, networks, asked.patch, overlap=problems.OVERLAP, batch_size=asked.windows
            )
            assert found.shape == (*asked.size, problems.MASK_CLASSES)

    return work, _facts(model)


def keras_fit(problem: str, precision: str, in_one_call: bool, jit: bool | str) -> Built:
    """Training a classifier by `keras.Model.fit`; the work is a step."""
    network, side, batch_size, steps_a_call = problems.CLASSIFIED[problem]
    keras.config.set_dtype_policy(precision)
    model = models.build(network, (side, side, 1), problems.CLASSES)
    keras.config.set_dtype_policy("float32")
    model.compile(
        optimizer=keras.optimizers.AdamW(problems.RATE, weight_decay=problems.DECAY),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        steps_per_execution=steps_a_call if in_one_call else 1,
        jit_compile=jit,
    )
    data = _images(side, batch_size)

    def work(steps: int) -> None:
        model.fit(data, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)

    return work, _facts(model)


def _looped(
    build: Callable[[], keras.Model], loss: Callable, settings: Settings, data: tf.data.Dataset
) -> Built:
    program = Program(build, supervise(loss), settings, strategy.choose("one"))
    program.horizon.assign(1_000_000)
    # One iterator for all calls, as in `training.fit`; Keras' fit begins one an epoch.
    iterator = program.iterator(data)

    def work(steps: int) -> None:
        program.run(iterator, steps)

    return work, _facts(program.networks[MODEL])


def _facts(model: keras.Model) -> dict[str, object]:
    count = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return {"onednn": tensorflow_onednn(), "parameters": count}


def _images(side: int, batch_size: int) -> tf.data.Dataset:
    """An endless, shuffled, prefetched stream of (images, one-hot targets) from memory."""
    drawn, classes = problems.images(side)
    images, targets = tf.constant(drawn), tf.one_hot(classes, problems.CLASSES)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        index = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        seed = tf.stack([tf.zeros_like(step), index[0] // len(drawn)])
        rows = tf.random.experimental.index_shuffle(index % len(drawn), seed, len(drawn) - 1)
        return tf.gather(images, rows), tf.gather(targets, rows)

    steps = tf.data.Dataset.counter(dtype=tf.int64)
    return steps.map(batch, num_parallel_calls=1).prefetch(4)


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)
