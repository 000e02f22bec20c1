"""Patches out of chunks are what NumPy cuts out of the whole image."""

from __future__ import annotations

import math
from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tfmed.errors import ConfigError
from tfmed.feed import chunks, stock
from tfmed.feed.encoding import Encoding
from tfmed.feed.records import Layout, Writer, ensure
from tfmed.feed.store import Store

NAME = "0" * 32 + stock.STORE
LABELS = Encoding("uint8")


def written(
    folder: Path, arrays: list[np.ndarray], chunk: tuple[int, ...], stored: Encoding = LABELS
) -> chunks.Chunks:
    """Arrays that are encoded already, a record each."""
    shapes = np.array([array.shape[:-1] for array in arrays])
    first = np.concatenate([[0], np.cumsum(chunks.count_chunks(shapes, chunk))])
    shape = (*chunk, arrays[0].shape[-1])
    length_bytes = math.prod(shape) * np.dtype(stored.dtype).itemsize

    def fill(writer: Writer) -> None:
        for number in writer.missing.tolist():
            writer.write(number, chunks.cut(arrays[number], chunk))

    lease = ensure(folder / NAME, Layout(first * length_bytes, {}), fill)
    return chunks.Chunks(Store(lease, int(first[-1]), shape, stored), shapes, first[:-1])


def cut(image: np.ndarray, start: np.ndarray, size: tuple[int, ...], fill: float) -> np.ndarray:
    """The oracle: a patch of an image in a wide frame."""
    frame = [(100, 100)] * len(size) + [(0, 0)]
    padded = np.pad(image.astype(np.float32), frame, constant_values=fill)
    return padded[tuple(slice(s + 100, s + 100 + n) for s, n in zip(start, size, strict=True))]


@given(st.data())
def test_a_patch_is_what_slicing_gives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    axes = data.draw(st.integers(2, 3))
    lengths = st.lists(st.integers(1, 13), min_size=axes, max_size=axes)
    chunk = tuple(data.draw(st.lists(st.integers(1, 5), min_size=axes, max_size=axes)))
    channels = data.draw(st.sampled_from([1, 3]))
    shapes = [data.draw(lengths) for _ in range(data.draw(st.integers(1, 3)))]
    arrays = [makers.noise((*shape, channels), seed) for seed, shape in enumerate(shapes)]
    made = written(tmp_path_factory.mktemp("chunks"), arrays, chunk)
    size = tuple(data.draw(lengths))
    rows = data.draw(st.lists(st.integers(0, len(arrays) - 1), min_size=1, max_size=4))
    place = st.lists(st.integers(-15, 15), min_size=axes, max_size=axes)
    starts = np.array([data.draw(place) for _ in rows])
    patches = made.patch(tf.constant(rows), tf.constant(starts), size, fill=-7.0)
    assert patches.shape == (len(rows), *size, channels)
    for row, start, patch in zip(rows, starts, patches, strict=True):
        np.testing.assert_array_equal(patch, cut(arrays[row], start, size, -7.0))


def test_volumes_of_different_sizes_in_modality_units(tmp_path: Path) -> None:
    shapes = [(5, 20, 17), (9, 31, 8)]
    images = [
        makers.noise((*shape, 1), number, 0, 4096, "uint16").astype(np.float32) - 1024
        for number, shape in enumerate(shapes)
    ]
    stored = Encoding("uint16", -1024.0, 16.0)
    encoded = [stored.encode(image[np.newaxis])[0][0] for image in images]
    made = written(tmp_path, encoded, (4, 8, 8), stored)
    starts = np.array([[1, 3, 2], [-2, 20, 4]])
    patches = made.patch(tf.constant([0, 1]), tf.constant(starts), (4, 12, 9), fill=-1024.0)
    for image, start, patch in zip(images, starts, patches, strict=True):
        np.testing.assert_array_equal(patch, cut(image, start, (4, 12, 9), -1024.0))
    for row, image in enumerate(images):
        np.testing.assert_array_equal(made.whole(row), image)
    part = made.take(np.array([False, True]))
    np.testing.assert_array_equal(
        part.patch(tf.constant([0]), starts[1:], (4, 12, 9), fill=-1024.0), patches[1:]
    )


def test_a_patch_of_other_axes_is_refused(tmp_path: Path) -> None:
    made = written(tmp_path, [makers.noise((4, 6, 6, 1), 1)], (2, 2, 2))
    with pytest.raises(ConfigError, match="3 axes"):
        made.patch([0], [[0, 0]], (2, 2))


def test_a_patch_gathers_the_chunks_that_it_touches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = makers.noise((64, 256, 256, 1), 1)
    made = written(tmp_path, [volume], (16, 32, 32))
    gather, numbers = tf.gather, []

    def spy(values: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        numbers.extend(found.numpy().ravel().tolist())
        return gather(values, found)

    monkeypatch.setattr(tf, "gather", spy)
    start = np.array([[20, 200, 130]])
    patch = made.patch(tf.constant([0]), tf.constant(start), (16, 48, 64))[0]
    np.testing.assert_array_equal(patch, cut(volume, start[0], (16, 48, 64), 0))
    # 256 chunks in 4 layers of 8 rows of 8: layers 1 and 2, rows 6 and 7, columns 4, 5 and 6.
    # A patch of 48 may touch 3 rows; where it does not, the last row is asked for again.
    layers, rows, columns = (1, 2), (6, 7), (4, 5, 6)
    expected = {64 * i + 8 * j + k for i in layers for j in rows for k in columns}
    assert set(numbers) == expected
    assert len(numbers) == 2 * 3 * 3
