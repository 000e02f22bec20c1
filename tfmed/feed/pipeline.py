"""The index as `tf.data`: endless shuffled training batches, and evaluation in order.

The order of the training pipeline, and why:
1. rows by an index shuffle: a row number costs eight bytes, a shuffle buffer of images far more,
   and the order is a function of (seed, epoch), so that any step can be the first;
2. gather from the cache, in modality units;
3. steps that move pixels, before the window, as resampling comes before clipping everywhere;
4. the window to 0..1;
5. steps that change intensity, which are defined on 0..1;
6. MixUp, then mean and deviation, which are linear and so may come last.
All of it works on whole batches, one set of random parameters an image, seeded by
(seed, step).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import numpy as np
import tensorflow as tf

from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.feed.decoded import batches
from tfmed.feed.order import index_rows, low_bits
from tfmed.feed.store import Store
from tfmed.transforms.augmentation import Step, augment, split_steps
from tfmed.transforms.draws import fold
from tfmed.transforms.mixing import mixup as mix
from tfmed.transforms.normalisation import normalise, scale
from tfmed.transforms.prepare import Preprocessing, prepare
from tfmed.transforms.scaling import standardise

PREFETCH = 2


def training(
    store: Store,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    preprocessing: Preprocessing,
    augmentation: Sequence[Step] = (),
    mixup: float = 0.0,
    batch_size: int,
    seed: int,
    steps: range,
) -> tf.data.Dataset:
    """Shuffled, augmented batches of some steps.

    A batch is a function of (seed, step) alone: a run that resumes sees the same.

    Args:
        store: the training part's images.
        targets: float32 `[N, ...]`, as `[N, K]`; NaN is unknown and stays NaN.
        weights: float32 `[N]`.
        preprocessing: the plan's.
        augmentation: the plan's steps; a function of one's own gets images in 0..1.
        mixup: MixUp's alpha; 0 is none.
        batch_size: examples a batch; batches run on over the end of an epoch.
        seed: of order and augmentation.
        steps: a batch each, counted from 0 over all epochs; a resume begins later.

    Returns:
        A `tf.data.Dataset` of (image `[B, *size, C]`, target `[B, ...]`, weight `[B]`), float32.

    Raises:
        DataError: there are no images, or not as many targets or weights.
        ConfigError: an unknown augmentation.
    """
    count = len(store)
    _check(count, len(targets), len(weights), batch_size)
    moves, changes = split_steps(augmentation)
    plain = _normalised(store, preprocessing) if not (moves or changes or mixup) else None
    all_targets = tf.constant(targets, tf.float32)
    all_weights = tf.constant(weights, tf.float32)

    @tf.autograph.experimental.do_not_convert
    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        rows = index_rows(step, count, batch_size, seed)
        target, weight = tf.gather(all_targets, rows), tf.gather(all_weights, rows)
        if plain is not None:
            return plain(rows), target, weight
        key = tf.stack([tf.constant(low_bits(seed)), tf.cast(step % 2**31, tf.int32)])
        image = augment(store.gather(rows), fold(key, 0), moves)
        image = augment(scale(image, preprocessing.normalisation), fold(key, 1), changes)
        if mixup > 0:
            image, target, weight = _mix(image, target, weight, fold(key, 2), mixup)
        image = standardise(image, preprocessing.mean, preprocessing.std)
        return image, target, weight

    stream = tf.data.Dataset.range(steps.start, steps.stop)
    return stream.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(PREFETCH)


def _check(images: int, targets: int, weights: int, batch_size: int) -> None:
    if not images or targets != images or weights != images:
        raise DataError(
            f"{images} images, {targets} targets, {weights} weights: the same number of each is "
            "needed, and at least 1"
        )
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, not {batch_size}")


def evaluation(store: Store, preprocessing: Preprocessing, batch_size: int) -> tf.data.Dataset:
    """All images in order, normalised, in batches of one static shape.

    Args:
        store: the images.
        preprocessing: the plan's.
        batch_size: images a batch; the last batch is filled up with the last image, and the
            caller cuts the answer to `len(store)`.

    Returns:
        A `tf.data.Dataset` of float32 `[batch_size, *size, C]`.
    """
    count = len(store)
    normalised = _normalised(store, preprocessing)

    @tf.autograph.experimental.do_not_convert
    def batch(number: tf.Tensor) -> tf.Tensor:
        rows = number * batch_size + tf.range(batch_size, dtype=tf.int64)
        return normalised(tf.minimum(rows, count - 1))

    stream = tf.data.Dataset.range(-(-count // batch_size))
    return stream.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(PREFETCH)


def direct(
    dataset: Dataset,
    preprocessing: Preprocessing,
    batch_size: int,
    workers: int | None = None,
) -> Iterator[tf.Tensor]:
    """As `evaluation`, but from the files, with no cache and no rounding.

    Args:
        dataset: the images, in order.
        preprocessing: the plan's.
        batch_size: images a batch; the last batch is filled up with the last image.
        workers: processes for what the graph cannot decode.

    Yields:
        float32 `[batch_size, *size, C]`.

    Raises:
        ReadError: a file cannot be read; the message names it. (That is why this is no
            `tf.data.Dataset`, which would bury the error in one of its own.)
    """
    with closing(batches(dataset, preprocessing, batch_size, workers, prepare)) as found:
        for batch in found:
            lack = batch_size - len(batch)
            last = [np.repeat(batch[-1:], lack, 0)] if lack else []
            yield tf.convert_to_tensor(np.concatenate([batch, *last]) if lack else batch)


def _normalised(store: Store, preprocessing: Preprocessing) -> Callable[[tf.Tensor], tf.Tensor]:
    """Rows to normalised images, the arithmetic compiled into one pass over memory.

    Nine operations one after the other, each over a batch that no processor's cache holds, take
    twice the time. Percentiles are left out: XLA sorts whole images for them.
    """

    def ready(stored: tf.Tensor) -> tf.Tensor:
        return normalise(store.stored.decode(stored), preprocessing.normalisation)

    if preprocessing.window is not None:
        ready = tf.function(ready, jit_compile=True, autograph=False)
    return lambda rows: ready(store.fetch(rows))


def _mix(
    image: tf.Tensor, target: tf.Tensor, weight: tf.Tensor, seed: tf.Tensor, alpha: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """MixUp in which each of the two targets keeps the weight of its own example.

    Cross-entropy is linear in the target, so mixing weight * target and weight, and dividing,
    gives the sum of the two weighted losses.
    """
    column = weight[:, tf.newaxis]
    flat = tf.reshape(target, [target.shape[0], -1])
    image, both = mix(image, tf.concat([flat * column, column], 1), seed, alpha)
    mixed = tf.math.divide_no_nan(both[:, :-1], both[:, -1:])
    return image, tf.reshape(mixed, target.shape), both[:, -1]
