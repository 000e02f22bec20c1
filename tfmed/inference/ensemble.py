"""Networks as graphs: traced once, mirrored, averaged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError

# Contract: normalised patches float32 [N, *patch, C] -> probabilities float32 [N, *patch, K], in
# operations of TensorFlow. Each patch is answered by itself.
Network = Callable[[tf.Tensor], tf.Tensor]


def network(model: keras.Model) -> Network:
    """A Keras model that gives logits, as a network that gives probabilities."""

    def probabilities(patches: tf.Tensor) -> tf.Tensor:
        logits = model(patches, training=False)
        return tf.nn.softmax(logits[0] if isinstance(logits, (list, tuple)) else logits)

    return probabilities


class Ensemble:
    """Networks whose probabilities are averaged, each traced once for a size of patches.

    Make one and keep it where several cases follow: `slide` and `segment` make their own of plain
    networks, and trace them at every call.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        if not networks:
            raise ConfigError("no network was given; at least one is needed")
        self._networks = tuple(networks)
        self._traced: dict[tuple[int, ...], list[Any]] = {}

    @classmethod
    def of(cls, networks: Ensemble | Sequence[Network]) -> Ensemble:
        """The ensemble that was given, or one of the networks that were given."""
        return networks if isinstance(networks, Ensemble) else cls(networks)

    def __call__(self, patches: np.ndarray, mirror_axes: Sequence[int] = ()) -> np.ndarray:
        """Probabilities of a batch of patches, averaged over networks and mirrored copies.

        Args:
            patches: float32 `[N, *patch, C]`, normalised.
            mirror_axes: axes of the patch, from 0; each set of them is mirrored together, so that
                three axes make eight copies.

        Returns:
            float32 `[N, *patch, K]`.
        """
        graphs = self._graphs(patches.shape[1:])
        given = tf.constant(patches)
        mirrors = [
            tf.constant(axes, tf.int32, [len(axes)])
            for axes in _subsets([axis + 1 for axis in mirror_axes])
        ]
        total = None
        # One after the other, so that the activations of one network at a time are in memory.
        for graph, axes in itertools.product(graphs, mirrors):
            found = graph(given, axes)
            total = found if total is None else total + found
        assert total is not None
        return np.asarray(total / (len(graphs) * len(mirrors)))

    def _graphs(self, shape: tuple[int, ...]) -> list[Any]:
        if shape not in self._traced:
            signature = [
                tf.TensorSpec([None, *shape], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ]
            self._traced[shape] = [
                tf.function(_mirrored(one), input_signature=signature, autograph=False)
                for one in self._networks
            ]
        return self._traced[shape]


def _mirrored(one: Network) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def answer(patches: tf.Tensor, axes: tf.Tensor) -> tf.Tensor:
        return tf.reverse(one(tf.reverse(patches, axes)), axes)

    return answer


def _subsets(axes: Sequence[int]) -> list[tuple[int, ...]]:
    sizes = range(len(axes) + 1)
    return [some for size in sizes for some in itertools.combinations(axes, size)]
