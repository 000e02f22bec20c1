"""Cases in the file are what reading and resampling give, and outlive a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import makers
import makers_masks
import makers_volumes as volumes
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed
from tfmed.data import case_reading as reading
from tfmed.data.auditing import audit
from tfmed.data.resampled import POSITIONS
from tfmed.data.resampling import resample_case
from tfmed.errors import DataError, GeometryError, ReadError
from tfmed.feed import stock
from tfmed.feed.records import TAIL
from tfmed.transforms.normalisation import Normalisation

ZSCORE = Normalisation("zscore")
CT = Normalisation("ct", window=(0.0, 500.0), mean=300.0, std=100.0)
TARGET = (1.0, 1.0, 1.0)
KILLED = Path(__file__).with_name("killed_cases.py")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> data.Dataset:
    return volumes.dataset(tmp_path_factory.mktemp("volumes"))


@pytest.fixture(scope="module")
def made(dataset: data.Dataset, tmp_path_factory: pytest.TempPathFactory) -> feed.CaseStore:
    folder = tmp_path_factory.mktemp("cases")
    settings = {"normalisation": ZSCORE, "folder": folder, "workers": 0}
    return feed.build_cases(dataset, spacing_mm=TARGET, **settings)


def expected(dataset: data.Dataset, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The case by reading and resampling alone."""
    case = reading.read(dataset.table.iloc[row].to_dict(), dataset.facts["masks"])
    assert case.mask is not None
    image = resample_case(case.pixels, case.spacing_mm, TARGET)
    return image, resample_case(case.mask, case.spacing_mm, TARGET, kind="mask")


def test_a_case_is_read_and_resampled(dataset: data.Dataset, made: feed.CaseStore) -> None:
    # 14 slices 2 mm apart become 28, 16 columns of 1.5 mm 24; at 0.8 mm 22, 18, 21 become these.
    assert made.shapes.tolist() == [[20, 24, 18], [28, 30, 24], [18, 14, 17]]
    for row in range(3):
        image, mask = expected(dataset, row)
        pixels, labels = made.case(row)
        assert (pixels.dtype, labels.dtype) == (np.float32, np.uint8)
        np.testing.assert_allclose(pixels, image, atol=0.02)  # fixed-point
        np.testing.assert_array_equal(labels, mask)


def test_statistics_are_those_of_the_whole_resampled_case(
    dataset: data.Dataset, made: feed.CaseStore
) -> None:
    for row in range(3):
        image = expected(dataset, row)[0].astype(np.float64)
        np.testing.assert_allclose(made.statistics[row], [image.mean(), image.std()], rtol=1e-5)


def test_fixed_statistics_need_no_new_file(dataset: data.Dataset, tmp_path: Path) -> None:
    other = Normalisation("ct", window=(0.0, 400.0), mean=100.0, std=50.0)
    settings = {"spacing_mm": None, "folder": tmp_path, "workers": 0}
    first = feed.build_cases(dataset, normalisation=CT, **settings)
    second = feed.build_cases(dataset, normalisation=other, **settings)
    assert first.path == second.path
    np.testing.assert_array_equal(first.statistics, [[300, 100]] * 3)
    np.testing.assert_array_equal(second.statistics, [[100, 50]] * 3)


def test_structures_are_where_the_mask_says(made: feed.CaseStore) -> None:
    rows = tf.repeat(tf.range(3, dtype=tf.int64), 400)
    voxels, there = made.foreground.draw(rows, tf.constant([1, 2]))
    assert there.numpy().all()
    for row in range(3):
        mask = made.case(row)[1]
        labels = mask.ravel()[voxels[rows == row].numpy()]
        counts = np.bincount(labels, minlength=3)
        assert counts[0] == 0
        # Each class as likely, though the ball is larger; the last case has no bar.
        assert (counts[2] == 0) if row == 2 else (150 < counts[2] < 250)
    sizes = [[min(POSITIONS, (made.case(row)[1] == n).sum()) for n in (1, 2)] for row in range(3)]
    np.testing.assert_array_equal(made.foreground.counts, sizes)


def test_parts_keep_their_own(made: feed.CaseStore) -> None:
    part = made.take(np.array([False, True, True])).take(np.array([1]))
    assert len(part) == 1
    np.testing.assert_array_equal(part.case(0)[1], made.case(2)[1])
    np.testing.assert_array_equal(part.statistics, made.statistics[2:])
    voxels, there = part.foreground.draw(tf.zeros([50], tf.int64), tf.constant([1, 2]))
    assert there.numpy().all()
    assert (made.case(2)[1].ravel()[voxels] == 1).all()


def test_a_case_without_a_mask_takes_no_room(tmp_path: Path) -> None:
    dataset = volumes.dataset(tmp_path / "d", unlabelled=1)
    made = feed.build_cases(
        dataset, spacing_mm=None, normalisation=ZSCORE, folder=tmp_path / "c", workers=0
    )
    assert made.labelled.tolist() == [True, False, True]
    assert made.case(1)[1] is None
    np.testing.assert_array_equal(made.case(2)[1], volumes.drawn(2, volumes.SHAPES[2])[1])
    np.testing.assert_array_equal(made.foreground.counts[1], 0)
    assert not made.foreground.draw(tf.constant([1], tf.int64), tf.constant([1, 2]))[1].numpy()[0]


def test_no_masks_at_all_are_no_masks(tmp_path: Path) -> None:
    dataset = volumes.dataset(tmp_path / "d")
    bare = dataset.with_table(dataset.table.drop(columns="mask"))
    made = feed.build_cases(
        bare, spacing_mm=None, normalisation=ZSCORE, folder=tmp_path / "c", workers=0
    )
    assert made.masks is None
    assert made.case(0)[1] is None


def test_flat_images_and_their_masks(tmp_path: Path) -> None:
    source = makers_masks.pairs(tmp_path / "d", values=(255,))
    dataset = audit(data.open(source, truth="mask"), workers=0)
    rule = Normalisation("unit", window=(0.0, 255.0))
    made = feed.build_cases(
        dataset, spacing_mm=None, normalisation=rule, folder=tmp_path / "c", workers=0
    )
    assert made.shapes.tolist() == [[16, 20]] * 4
    pixels, mask = made.case(3)
    np.testing.assert_array_equal(pixels[..., 0], makers.noise((16, 20), 3))
    assert mask.sum() == 16
    assert (mask[2:6, :4] == 1).all()


def test_a_changed_mask_is_read_again(tmp_path: Path) -> None:
    dataset = volumes.dataset(tmp_path / "d")
    settings = {"spacing_mm": None, "normalisation": ZSCORE, "folder": tmp_path / "c", "workers": 0}
    path = feed.build_cases(dataset, **settings).path
    assert feed.build_cases(dataset, **settings).path == path
    os.utime(dataset.table["mask"][0][0], ns=(0, 0))
    assert feed.build_cases(dataset, **settings).path != path


def test_a_build_that_is_killed_goes_on_and_gives_the_same_file(tmp_path: Path) -> None:
    shapes = [(8, 9, 7 + number % 3) for number in range(12)]
    dataset = volumes.dataset(tmp_path / "d", shapes)
    settings = {"spacing_mm": TARGET, "normalisation": ZSCORE, "workers": 0}
    peaceful = feed.build_cases(dataset, **settings, folder=tmp_path / "peace").path
    dataset.table.to_pickle(tmp_path / "table.pickle")
    arguments = [tmp_path / "table.pickle", tmp_path / "c"]
    child = subprocess.Popen([sys.executable, KILLED, *arguments], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()  # the image of a case is written, and its mask is not
    child.kill()
    child.communicate()
    assert [path.suffix for path in (tmp_path / "c").iterdir()] == [".part"]
    built = feed.build_cases(dataset, **settings, folder=tmp_path / "c").path
    assert built.suffix == stock.STORE
    length = built.stat().st_size - TAIL.size  # which tells the time
    assert built.read_bytes()[:length] == peaceful.read_bytes()[:length]


def test_what_cannot_be_cached_is_told(tmp_path: Path) -> None:
    dataset = volumes.dataset(tmp_path / "d")
    settings = {"normalisation": ZSCORE, "folder": tmp_path / "c", "workers": 0}
    with pytest.raises(DataError, match="empty"):
        feed.build_cases(dataset.part("test"), spacing_mm=None, **settings)
    mixed = dataset.with_table(dataset.table.assign(channels=[1, 3, 1]))
    with pytest.raises(DataError, match="grey and colour"):
        feed.build_cases(mixed, spacing_mm=None, **settings)
    slices = dataset.with_table(dataset.table.assign(depth=[20, 1, 22]))
    with pytest.raises(DataError, match="1 of 3 images are single slices"):
        feed.build_cases(slices, spacing_mm=None, **settings)
    changed = dataset.with_table(dataset.table.assign(height=[24, 31, 18]))
    with pytest.raises(ReadError, match=r"i1\.nii\.gz.*changed"):
        feed.build_cases(changed, spacing_mm=None, **settings)
    unknown = dataset.with_table(dataset.table.assign(row_spacing_mm=float("nan")))
    with pytest.raises(GeometryError, match="without a known spacing"):
        feed.build_cases(unknown, spacing_mm=TARGET, **settings)
    Path(dataset.table["mask"][1][0]).unlink()
    with pytest.raises(ReadError, match=r"m1\.nii\.gz"):
        feed.build_cases(dataset, spacing_mm=None, **settings)
