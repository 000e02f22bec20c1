"""Blocks of images: each wanted row once, equal to the reader, by whichever route."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfmed import data, feed, io
from tfmed.data import pool
from tfmed.data.auditing import audit
from tfmed.data.dataset import index
from tfmed.errors import ReadError
from tfmed.feed import decoded
from tfmed.feed.routes import block_length, routes
from tfmed.transforms import Preprocessing, resample

PLAN = Preprocessing(size=(9, 7), channels=1)
RLE = "1.2.840.10008.1.2.5"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> data.Dataset:
    """Files of four routes, mixed, and arrays of an archive."""
    folder = tmp_path_factory.mktemp("mixed")
    paths = []
    for number in range(40):
        pixels = makers.noise((12, 14 + number % 3), number)
        ending = ("png", "tif", "dcm", "jpg")[number % 4]
        write = makers.dicom if ending == "dcm" else makers.raster
        kept = pixels.astype("uint16") if ending == "dcm" else pixels
        paths.append(str(write(folder / f"{number}.{ending}", kept)))
    archive = makers.npz(folder / "a.npz", {"train": 5}, (12, 14))
    columns = {
        "id": [str(number) for number in range(45)],
        "path": [*paths, *[str(archive)] * 5],
        "member": [*[""] * 40, *["train_images"] * 5],
        "frame": [*[-1] * 40, *range(5)],
    }
    mixed = data.Dataset(index(columns), ("a",), "mixed")
    return audit(mixed.with_table(mixed.table.sample(frac=1, random_state=1)), workers=0)


def expected(dataset: data.Dataset) -> np.ndarray:
    originals = feed.originals(dataset)
    return np.stack([resample(tf.constant(one)[tf.newaxis], PLAN)[0] for one in originals])


def test_blocks_hold_every_row_once(dataset: data.Dataset) -> None:
    images = expected(dataset)
    seen = []
    for rows, block in feed.blocks(dataset, PLAN, workers=0):
        assert rows.dtype == np.int64 and block.dtype == np.float32
        np.testing.assert_array_equal(block, images[rows])
        seen += list(rows)
    assert sorted(seen) == list(range(45))


def test_blocks_hold_the_rows_that_are_asked_for(dataset: data.Dataset) -> None:
    images, wanted = expected(dataset), np.array([44, 3, 17, 4, 30])
    found = list(feed.blocks(dataset, PLAN, workers=0, rows=wanted))
    assert sorted(np.concatenate([rows for rows, _ in found])) == sorted(wanted)
    for rows, block in found:
        np.testing.assert_array_equal(block, images[rows])
    assert list(feed.blocks(dataset, PLAN, rows=np.array([], np.int64))) == []


@pytest.mark.parametrize("length", [1, 4, 45, 64])
def test_batches_are_in_order(dataset: data.Dataset, length: int) -> None:
    found = list(decoded.batches(dataset, PLAN, length, workers=0))
    assert [len(batch) for batch in found[:-1]] == [length] * (len(found) - 1)
    np.testing.assert_array_equal(np.concatenate(found), expected(dataset))


def test_without_an_audit_the_reader_reads(dataset: data.Dataset) -> None:
    bare = dataset.with_table(dataset.table[list(index({"path": [], "id": []}).columns)])
    assert {route.kind for route in routes(bare.table)} == {"general", "npz"}
    np.testing.assert_array_equal(
        np.stack(list(feed.read(bare, PLAN, workers=0))), expected(dataset)
    )


def test_a_million_rows_have_few_routes(dataset: data.Dataset) -> None:
    table = pd.concat([dataset.table] * 2000, ignore_index=True)
    found = routes(table)
    assert len(found) == len(routes(dataset.table))
    assert sum(len(route.positions) for route in found) == len(table)


def test_large_images_make_small_blocks() -> None:
    assert block_length(Preprocessing((256, 256), 1)) == 32
    assert block_length(Preprocessing((128, 128, 128), 1)) == 8
    assert block_length(Preprocessing((512, 512, 512), 1)) == 1


def test_a_file_on_which_a_worker_dies_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for number in range(6):
        pixels = makers.noise((9, 7), number, 0, 4096, "uint16")
        paths.append(makers.dicom(tmp_path / f"{number}.dcm", pixels, makers.Slice(syntax=RLE)))
    columns = {"id": list("012345"), "path": list(map(str, paths))}
    dataset = audit(data.Dataset(index(columns), ("a",), "test"), workers=0)

    def stream(function, calls, *, workers):
        del workers
        for number, call in enumerate(calls):
            yield pool.Crash("it was too much") if number == 4 else function(call)

    monkeypatch.setattr(pool, "stream", stream)
    seen = []
    with pytest.raises(ReadError, match=r"4\.dcm: it was too much"):
        for rows, _ in feed.blocks(dataset, PLAN):
            seen += list(rows)
    assert seen == [0, 1, 2, 3]


def test_clips_are_read_at_the_frames_that_are_wanted(tmp_path: Path) -> None:
    import nibabel

    pixels = makers.noise((6, 5, 1, 20), 3, 0, 3000, "int16")
    path = tmp_path / "clip.nii"
    nibabel.save(nibabel.Nifti1Image(pixels, np.diag([-1, -1, 1, 1])), path)
    columns = {"id": ["0"], "path": [str(path)]}
    dataset = audit(data.Dataset(index(columns), ("a",), "test"), workers=0)
    assert dataset.table["clip"].all()
    plan = Preprocessing((4, 5, 6), 1, sampled=True)
    (image,) = feed.read(dataset, plan)
    np.testing.assert_array_equal(image, io.read(path, sample=4).pixels)
    np.testing.assert_array_equal(image[1], io.read(path, frame=6).pixels)
