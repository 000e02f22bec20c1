"""Patches out of chunks are what NumPy cuts out of the whole image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tfmed import data
from tfmed.data.auditing import audit
from tfmed.data.dataset import index
from tfmed.errors import ConfigError, DataError, ReadError
from tfmed.feed import chunks, stock
from tfmed.feed.encoding import Encoding

NAME = "0" * 32 + stock.CHUNKS
LABELS = Encoding("uint8")


def written(
    folder: Path, arrays: list[np.ndarray], chunk: tuple[int, ...], stored: Encoding = LABELS
) -> chunks.Chunks:
    return chunks.write(
        folder / NAME,
        lambda rows: (arrays[row] for row in rows),
        np.array([array.shape[:-1] for array in arrays]),
        chunk=chunk,
        channels=arrays[0].shape[-1],
        stored=stored,
    )


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


def volumes(folder: Path, shapes: list[tuple[int, ...]]) -> data.Dataset:
    series = [
        [
            str(path)
            for path in makers.series(
                folder / str(number),
                makers.noise(shape, number, 0, 4096, "uint16"),
                makers.Slice(patient=str(number), bits=12, intercept=-1024.0),
            )
        ]
        for number, shape in enumerate(shapes)
    ]
    columns = {"id": list("abc"[: len(series)]), "path": [files[0] for files in series]}
    table = index({**columns, "files": series})
    return audit(data.Dataset(table, ("a",), "test"), workers=0)


def test_volumes_of_different_sizes_in_modality_units(tmp_path: Path) -> None:
    shapes = [(5, 20, 17), (9, 31, 8)]
    dataset = volumes(tmp_path / "d", shapes)
    made = chunks.build(dataset, tmp_path / "c", chunk=(4, 8, 8), workers=0)
    np.testing.assert_array_equal(made.shapes, shapes)
    starts = np.array([[1, 3, 2], [-2, 20, 4]])
    patches = made.patch(tf.constant([0, 1]), tf.constant(starts), (4, 12, 9), fill=-1024.0)
    for number, (shape, start, patch) in enumerate(zip(shapes, starts, patches, strict=True)):
        image = makers.noise(shape, number, 0, 4096, "uint16").astype(np.float32) - 1024
        expected = cut(image[..., None], start, (4, 12, 9), -1024.0)
        np.testing.assert_allclose(patch, expected, atol=1e-3)
    again = chunks.build(dataset, tmp_path / "c", chunk=(4, 8, 8))
    assert again.path == made.path
    part = made.take(np.array([False, True]))
    np.testing.assert_array_equal(
        part.patch(tf.constant([0]), starts[1:], (4, 12, 9), fill=-1024.0), patches[1:]
    )


def test_colour_images_of_an_archive(tmp_path: Path) -> None:
    path = makers.npz(tmp_path / "a.npz", {"train": 3}, (70, 90, 3))
    made = chunks.build(audit(data.open(path), workers=0), tmp_path / "c")
    with np.load(path) as arrays:
        image = arrays["train_images"][2]
    patch = made.patch(tf.constant([2]), tf.constant([[30, 50]]), (16, 32))[0]
    np.testing.assert_array_equal(patch, image[30:46, 50:82])


def test_writing_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arrays = [makers.noise((9, 9 + number, 1), number) for number in range(5)]

    def failing(rows: np.ndarray) -> Iterator[np.ndarray]:
        yield from arrays[:3]
        raise InterruptedError("the test stops here")

    def rest(rows: np.ndarray) -> Iterator[np.ndarray]:
        assert rows.tolist() == [3, 4]
        yield from arrays[3:]

    shapes = np.array([array.shape[:-1] for array in arrays])
    settings = {"chunk": (4, 4), "stored": LABELS}
    with pytest.raises(InterruptedError):
        chunks.write(tmp_path / NAME, failing, shapes, **settings)
    made = chunks.write(tmp_path / NAME, rest, shapes, **settings)
    peace = written(tmp_path / "peace", arrays, (4, 4))
    size = made.total * 16
    assert made.path.read_bytes()[:size] == peace.path.read_bytes()[:size]


def test_wrong_input_is_refused(tmp_path: Path) -> None:
    dataset = volumes(tmp_path, [(4, 6, 6), (5, 6, 6)])
    with pytest.raises(DataError, match="empty"):
        chunks.build(dataset.part("test"), tmp_path)
    mixed = dataset.with_table(dataset.table.assign(channels=[1, 3]))
    with pytest.raises(DataError, match="grey and colour"):
        chunks.build(mixed, tmp_path)
    changed = dataset.with_table(dataset.table.assign(height=[6, 7]))
    with pytest.raises(ReadError, match=r"\.dcm.*changed"):
        chunks.build(changed, tmp_path, workers=0)
    with pytest.raises(ConfigError, match="3 axes"):
        chunks.build(dataset, tmp_path, workers=0).patch([0], [[0, 0]], (2, 2))


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
