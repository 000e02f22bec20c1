"""From decoded pixels to blocks of one size: the same function by whichever route they came."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfmed.transforms.prepare import Preprocessing

# `transforms.resample`, or `transforms.prepare`, which normalises too.
Prepare = Callable[[tf.Tensor, Preprocessing], tf.Tensor]


class Finish:
    """A preparation with its settings, for tensors inside a graph and for arrays.

    Attributes:
        preprocessing: the settings.
    """

    def __init__(self, prepare: Prepare, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._prepare = prepare
        # By dtype and channels: one graph for all sizes.
        self._graphs: dict[tuple[str, int], Callable[[tf.Tensor], tf.Tensor]] = {}

    def in_graph(self, image: tf.Tensor) -> tf.Tensor:
        """One image `[H, W, C]` or `[D, H, W, C]` of a graph, prepared."""
        return self._prepare(image[tf.newaxis], self.preprocessing)[0]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Images of one shape, `[n, H, W, C]` or `[n, D, H, W, C]`, as float32 `[n, *size, C]`."""
        kind = str(images.dtype), images.shape[-1]
        if kind not in self._graphs:
            shape = [None] * (images.ndim - 1) + [images.shape[-1]]

            @tf.function(input_signature=[tf.TensorSpec(shape, images.dtype)], autograph=False)
            def graph(decoded: tf.Tensor) -> tf.Tensor:
                return self._prepare(decoded, self.preprocessing)

            self._graphs[kind] = graph
        found: np.ndarray = self._graphs[kind](images).numpy()
        return found
