"""From decoded pixels to blocks of one size: the same function by whichever route they came."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed.transforms.prepare import Preprocessing, resample

# `transforms.resample`, or `transforms.prepare`, which normalises too.
Prepare = Callable[[tf.Tensor, Preprocessing], tf.Tensor]
ALIGNMENT_BYTES = 64  # of memory that TensorFlow computes on


def blank(shape: tuple[int, ...]) -> np.ndarray:
    """A float32 array, its values not set yet, that `Finish` takes without a copy."""
    size_bytes = 4 * math.prod(shape)
    memory = np.empty(size_bytes + ALIGNMENT_BYTES, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT_BYTES
    return memory[first : first + size_bytes].view(np.float32).reshape(shape)


def _tensor(images: np.ndarray) -> tf.Tensor | np.ndarray:
    """The same memory as a tensor where it can be; TensorFlow copies arrays."""
    plain = images.flags.c_contiguous and images.flags.writeable
    if plain and images.size and images.ctypes.data % ALIGNMENT_BYTES == 0:
        return tf.experimental.dlpack.from_dlpack(images.__dlpack__())
    return images


@cache
def finishing(prepare: Prepare, preprocessing: Preprocessing) -> Finish:
    """The one `Finish` of a preparation and its settings: its graphs are made once."""
    return Finish(prepare, preprocessing)


class Finish:
    """A preparation with its settings, for tensors inside a graph and for arrays.

    Attributes:
        preprocessing: the settings.
    """

    def __init__(self, prepare: Prepare, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._prepare = prepare
        # By dtype and shape, where None stands for any length.
        self._graphs: dict[tuple[Any, ...], Callable[[tf.Tensor], tf.Tensor]] = {}

    def in_graph(self, image: tf.Tensor) -> tf.Tensor:
        """One image `[H, W, C]` or `[D, H, W, C]` of a graph, prepared."""
        return self._prepare(image[tf.newaxis], self.preprocessing)[0]

    def __call__(self, images: np.ndarray) -> Any:
        """Images of one shape, `[n, H, W, C]` or `[n, D, H, W, C]`, as float32 `[n, *size, C]`.

        The answer is a tensor, or the very array where nothing is left to do. The images must
        not be changed afterwards.
        """
        right = images.dtype == np.float32 and images.shape[1:] == self.preprocessing.input_shape
        if right and self._prepare is resample:
            return images
        sides = images.shape[1:-1]
        # One graph for all sizes, and a shorter one for what has the right size already.
        known = sides if sides == self.preprocessing.size else (None,) * len(sides)
        kind = (str(images.dtype), None, *known, images.shape[-1])
        if kind not in self._graphs:
            signature = [tf.TensorSpec(kind[1:], images.dtype)]

            @tf.function(input_signature=signature, autograph=False)
            def graph(decoded: tf.Tensor) -> tf.Tensor:
                return self._prepare(decoded, self.preprocessing)

            self._graphs[kind] = graph
        return self._graphs[kind](_tensor(images))
