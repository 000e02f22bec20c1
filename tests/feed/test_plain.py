"""What threads read and average against `tfmed.io.read` and the graph's resampling."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed, io
from tfmed.data.auditing import audit
from tfmed.data.dataset import index
from tfmed.errors import ReadError
from tfmed.feed import in_graph, plain
from tfmed.transforms import Preprocessing, prepare, resample

PLAN = Preprocessing(size=(6, 5), channels=1, window=(-100.0, 900.0), mean=0.5, std=0.25)


def dataset_of(paths: list[Path]) -> data.Dataset:
    columns = {"id": [str(number) for number in range(len(paths))], "path": list(map(str, paths))}
    return audit(data.Dataset(index(columns), ("a",), "test"), workers=0)


def check_equal(
    dataset: data.Dataset, plan: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By threads, without the graph's decoder; and by the reader, the same."""
    with monkeypatch.context() as patch:
        patch.setattr(in_graph, "images", None)
        images = list(feed.read(dataset, plan))
        batches = list(feed.direct(dataset, plan, len(dataset)))
    pixels = [tf.constant(io.read(path).pixels)[None] for path in dataset.table["path"]]
    np.testing.assert_array_equal(images, np.concatenate([resample(one, plan) for one in pixels]))
    expected = np.concatenate([prepare(one, plan) for one in pixels])
    np.testing.assert_array_equal(batches[0], expected)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("intercept", [0.0, -1024.0])
@pytest.mark.parametrize(
    ("dtype", "bits"), [("uint8", 8), ("uint16", 16), ("int16", 16), ("uint16", 12), ("int16", 13)]
)
def test_slices(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    bits: int,
    intercept: float,
    factor: int,
) -> None:
    low, high = (0, 256) if dtype == "uint8" else (0, 4096)
    paths = []
    for number in range(3):
        shape = (6 * factor, 5 * factor)
        pixels = makers.noise(shape, number, low - 2000 * (dtype == "int16"), high, dtype)
        if bits == 12:
            pixels |= np.uint16(0x8000)  # an overlay
        about = makers.Slice(bits=bits, intercept=intercept, patient=f"P{number}")
        paths.append(makers.dicom(tmp_path / f"{number}.dcm", pixels, about))
    check_equal(dataset_of(paths), PLAN, monkeypatch)


def test_volumes_and_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = makers.dicom(tmp_path / "v.dcm", makers.noise((4, 12, 10), 1, 0, 4096, "uint16"))
    check_equal(dataset_of([volume]), Preprocessing((3, 6, 5), 1, (0.0, 900.0)), monkeypatch)
    colour = makers.dicom(tmp_path / "c.dcm", makers.noise((12, 10, 3), 1))
    check_equal(dataset_of([colour]), Preprocessing((6, 5), 3, (0.0, 255.0)), monkeypatch)


@pytest.mark.parametrize(
    ("about", "size"),
    [
        (makers.Slice(slope=2.0), (6, 5)),
        (makers.Slice(intercept=0.5), (6, 5)),
        (makers.Slice(photometric="MONOCHROME1", modality="DX"), (6, 5)),
        (makers.Slice(), (6, 10)),
        (makers.Slice(), (5, 5)),
    ],
)
def test_what_is_not_exact_is_left_to_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: makers.Slice, size: tuple[int, int]
) -> None:
    path = makers.dicom(tmp_path / "a.dcm", makers.noise((12, 10), 1, 0, 4096, "uint16"), about)
    monkeypatch.setattr(plain, "images", None)
    plan = Preprocessing(size, 1)
    (image,) = feed.read(dataset_of([path]), plan)
    np.testing.assert_array_equal(image, resample(tf.constant(io.read(path).pixels)[None], plan)[0])


def test_a_file_that_has_changed_is_named(tmp_path: Path) -> None:
    paths = [
        makers.dicom(tmp_path / f"{number}.dcm", makers.noise((12, 10), number, 0, 99, "uint16"))
        for number in range(3)
    ]
    dataset = dataset_of(paths)
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[:-40])
    with pytest.raises(ReadError, match=r"1\.dcm: .*cut short"):
        list(feed.read(dataset, PLAN))
    makers.dicom(paths[1], makers.noise((3, 2), 1, 0, 99, "uint16"))
    with pytest.raises(ReadError, match=r"1\.dcm: it holds another image"):
        list(feed.read(dataset, PLAN))
    paths[1].unlink()
    with pytest.raises(ReadError, match=r"1\.dcm: no such file"):
        list(feed.read(dataset, PLAN))
