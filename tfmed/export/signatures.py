"""Names of the signatures, and requests of files that are read one by one."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

IMAGE = "serving_default"
BYTES = "serving_bytes"
CLASSIFY = "classify"
PATCHES = "patches"
EXAMPLE_KEY = "image/encoded"


def readable(
    requests: tf.Tensor,
    read: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    empty: tuple[tf.Tensor, ...],
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Read each request by itself, so that a bad one does not fail its neighbours.

    Every request is read in a map of its own, whose errors drop that element only. `empty`
    stands behind them, so that there is a batch at all where none is good; it goes through the
    network, which refuses an empty batch, and is cut off after it.

    Args:
        requests: string `[N]`.
        read: one request to some tensors.
        empty: what `read` gives, of a request that is never asked.

    Returns:
        positions int64 `[M]` of the good requests, and the tensors `[M + 1, ...]`, the last of
        `empty`; what is smaller than its neighbours is padded at its end with 0.
    """
    count = tf.size(requests, out_type=tf.int64)
    good = tf.data.Dataset.range(count).map(
        lambda row: (row, *read(requests[row])),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    last = tf.data.Dataset.from_tensors((count, *empty))
    both = good.ignore_errors().concatenate(last)
    rows, *tensors = both.padded_batch(count + 1).get_single_element()
    return rows[:-1], tuple(tensors)


def in_place(
    rows: tf.Tensor, answers: tf.Tensor, requests: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Answers at the places of their requests, NaN elsewhere.

    Args:
        rows: int64 `[M]`, what `readable` gives.
        answers: float32 `[M, ...]`.
        requests: string `[N]`.

    Returns:
        float32 `[N, ...]`, and valid bool `[N]`.
    """
    count = tf.size(requests)
    shape = tf.concat([[count], tf.shape(answers)[1:]], 0)
    places = rows[:, tf.newaxis]
    found = tf.tensor_scatter_nd_update(tf.fill(shape, float("nan")), places, answers)
    right = tf.ones_like(rows, tf.bool)
    return found, tf.tensor_scatter_nd_update(tf.fill([count], False), places, right)
