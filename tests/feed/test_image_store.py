"""The cache holds what direct reads give, under a name for what it depends on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed
from tfmed.data.auditing import audit
from tfmed.data.dataset import index
from tfmed.errors import DataError, ReadError
from tfmed.feed.encoding import Encoding, encoding
from tfmed.feed.identity import Identity
from tfmed.feed.image_store import records
from tfmed.feed.lease import Lease
from tfmed.feed.records import TAIL
from tfmed.feed.store import Store
from tfmed.transforms import Preprocessing, resample

KILLED = Path(__file__).with_name("killed.py")
SMALL = Preprocessing(size=(6, 5), channels=1)


def archive(path: Path, count: int = 12) -> data.Dataset:
    return audit(data.open(makers.npz(path, {"train": count}, (8, 9))), workers=0)


def dicoms(folder: Path, low: int = -1024, count: int = 5) -> data.Dataset:
    paths = []
    for number in range(count):
        pixels = makers.noise((8, 9), number, 0, 4096, "uint16")
        about = makers.Slice(bits=12, intercept=float(low))
        paths.append(str(makers.dicom(folder / f"{number}.dcm", pixels, about)))
    columns = {"id": [str(number) for number in range(count)], "path": paths}
    return audit(data.Dataset(index(columns), ("a",), "test"), workers=0)


def key(dataset: data.Dataset, preprocessing: Preprocessing, stored: Encoding) -> str:
    return records(dataset, preprocessing, stored).key(Identity(dataset))


def values(cache: feed.Store, rows: list[int]) -> np.ndarray:
    return tf.function(cache.gather)(tf.constant(rows, tf.int64)).numpy()


def test_gather_gives_the_rows_that_were_asked_for(tmp_path: Path) -> None:
    dataset = archive(tmp_path / "a.npz")
    folder = tmp_path / "Röntgen bilder"
    cache = feed.build(dataset, SMALL, folder)
    assert (len(cache), cache.shape) == (12, (6, 5, 1))
    direct = np.stack(list(feed.read(dataset, SMALL)))
    np.testing.assert_allclose(values(cache, [3, 11, 0, 3]), direct[[3, 11, 0, 3]], atol=1 / 512)
    part = cache.take(np.arange(12) % 2 == 1).take(np.array([2, 0]))
    assert len(part) == 2
    np.testing.assert_array_equal(values(part, [0, 1]), values(cache, [5, 1]))


def test_eight_bit_images_of_the_right_size_are_exact(tmp_path: Path) -> None:
    dataset = archive(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        images = arrays["train_images"]
    cache = feed.build(dataset, Preprocessing(size=(8, 9), channels=1), tmp_path)
    np.testing.assert_array_equal(values(cache, list(range(12)))[..., 0], images)


def test_hounsfield_units_keep_a_sixteenth(tmp_path: Path) -> None:
    dataset = dicoms(tmp_path / "d")
    kind, offset, scale = encoding(dataset)
    assert (kind, scale) == ("uint16", 16.0)
    assert offset == dataset.table["minimum"].min()
    direct = np.stack(list(feed.read(dataset, SMALL)))
    cached = values(feed.build(dataset, SMALL, tmp_path), [0, 1, 2, 3, 4])
    np.testing.assert_allclose(cached, direct, atol=1 / 32 + 1e-4)


@pytest.mark.parametrize(
    ("low", "high", "bits", "expected"),
    [
        (0, 255, 8, ("uint16", 0.0, 256.0)),
        (-1, 255, 8, ("uint16", -1.0, 128.0)),
        (0, 65535, 16, ("uint16", 0.0, 1.0)),
        (0, 65536, 16, ("float32", 0.0, 1.0)),
        (-1024, 3071, 12, ("uint16", -1024.0, 16.0)),
        (0.25, 0.5, 32, ("uint16", 0.25, 65536.0)),
        (7, 7, 16, ("uint16", 7.0, 1.0)),
        (0, float("inf"), 32, ("float32", 0.0, 1.0)),
    ],
)
def test_the_scale_fills_sixteen_bits(
    tmp_path: Path, low: float, high: float, bits: int, expected: tuple
) -> None:
    dataset = archive(tmp_path / "a.npz", 2)
    low, high = float(low), float(high)
    table = dataset.table.assign(minimum=low, maximum=high, p005=low, p995=high, bits=bits)
    assert encoding(dataset.with_table(table)) == expected


def test_an_offset_that_float32_lacks_is_rounded_down(tmp_path: Path) -> None:
    dataset = archive(tmp_path / "a.npz", 2)
    table = dataset.table.assign(minimum=-0.1, maximum=1000.0, bits=16)
    _, offset, _ = encoding(dataset.with_table(table))
    assert offset <= -0.1
    assert float(np.float32(offset)) == offset


def test_wide_ranges_are_float32(tmp_path: Path) -> None:
    pixels = makers.noise((8, 9), 1, 0, 4096, "uint16")
    about = makers.Slice(modality="PT", slope=1234.5678)
    path = makers.dicom(tmp_path / "a.dcm", pixels, about)
    dataset = data.Dataset(index({"id": ["a"], "path": [str(path)]}), ("a",), "test")
    dataset = audit(dataset, workers=0)
    cache = feed.build(dataset, SMALL, tmp_path / "c")
    assert cache.stored.dtype == "float32"
    (direct,) = feed.read(dataset, SMALL)
    np.testing.assert_array_equal(values(cache, [0])[0], direct)


def test_the_same_data_is_read_once(tmp_path: Path) -> None:
    dataset = archive(tmp_path / "a.npz")
    first = feed.build(dataset, SMALL, tmp_path)
    before = first.path.stat().st_mtime_ns
    again = feed.build(dataset, SMALL, tmp_path)
    assert again.path == first.path
    assert again.path.stat().st_mtime_ns == before


def test_the_key_tells_what_the_pixels_depend_on(tmp_path: Path) -> None:
    dataset = archive(tmp_path / "a.npz")
    stored = encoding(dataset)
    names = {key(dataset, SMALL, stored)}
    # The window is free: it is applied behind the cache.
    assert key(dataset, Preprocessing((6, 5), 1, (0.0, 9.0), 0.5, 0.2), stored) in names
    names.add(key(dataset, Preprocessing(size=(5, 6), channels=1), stored))
    names.add(key(dataset, Preprocessing(size=(6, 5), channels=3), stored))
    names.add(key(dataset, Preprocessing(size=(6, 5, 4), channels=1), stored))
    names.add(key(dataset, Preprocessing(size=(6, 5, 4), channels=1, sampled=True), stored))
    names.add(key(dataset, SMALL, Encoding("float32")))
    names.add(key(dataset.with_table(dataset.table[::-1]), SMALL, stored))
    os.utime(tmp_path / "a.npz", ns=(1, 1))
    names.add(key(dataset, SMALL, stored))
    assert len(names) == 8


def test_two_windows_that_sixteen_bits_serve_share_one_file(tmp_path: Path) -> None:
    dataset = dicoms(tmp_path / "d")

    def path(*window: float) -> Path:
        return feed.build(dataset, Preprocessing((6, 5), 1, window), tmp_path / "c").path

    assert path(-1000.0, 1000.0) == path(-500.0, 2500.0)
    assert path(30.0, 70.0) != path(-1000.0, 1000.0)


def test_a_file_that_changed_since_its_audit_is_named_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dicoms(tmp_path / "d")
    path = Path(dataset.table["path"][2])
    pixels = makers.noise((8, 9), 9, 60000, 65535, "uint16")
    makers.dicom(path, pixels, makers.Slice(bits=16))
    for _ in range(2):
        with pytest.raises(ReadError, match=r"2\.dcm.*changed"):
            feed.build(dataset, SMALL, tmp_path / "c")
    (part,) = (tmp_path / "c").iterdir()
    assert part.suffix == ".part"
    asked = []

    def blocks(*arguments: object) -> list:
        asked.extend(arguments[-1].tolist())
        return [(np.array([2]), np.zeros([1, 6, 5, 1], np.float32))]

    monkeypatch.setattr("tfmed.feed.image_store.blocks", blocks)
    cache = feed.build(dataset, SMALL, tmp_path / "c")
    assert asked == [2]
    direct = np.stack(list(feed.read(dataset, SMALL)))
    rows = [0, 1, 3, 4]
    np.testing.assert_allclose(values(cache, rows), direct[rows], atol=1 / 32 + 1e-4)


def test_a_build_that_is_killed_goes_on_and_gives_the_same_file(tmp_path: Path) -> None:
    dataset = dicoms(tmp_path / "d", count=60)
    peaceful = feed.build(dataset, SMALL, tmp_path / "peace").path
    dataset.table.to_pickle(tmp_path / "table.pickle")
    child = subprocess.Popen(
        [sys.executable, KILLED, tmp_path / "table.pickle", tmp_path / "c"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()  # some blocks are written
    child.kill()
    child.communicate()
    assert [path.suffix for path in (tmp_path / "c").iterdir()] == [".part"]
    built = feed.build(dataset, SMALL, tmp_path / "c").path
    length = built.stat().st_size - TAIL.size  # which tells the time
    assert built.read_bytes()[:length] == peaceful.read_bytes()[:length]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    dataset = dicoms(tmp_path / "d")
    Path(dataset.table["path"][2]).unlink()
    with pytest.raises(ReadError, match=r"2\.dcm"):
        feed.build(dataset, SMALL, tmp_path / "c")


def test_no_images_and_no_place_are_told(tmp_path: Path) -> None:
    dataset = archive(tmp_path / "a.npz")
    with pytest.raises(DataError, match="empty"):
        feed.build(dataset.part("test"), SMALL, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="TFMED_DATA"):
        feed.build(dataset, SMALL, tmp_path / "file" / "cache")


def test_volumes(tmp_path: Path) -> None:
    dataset = audit(data.open(makers.npz(tmp_path / "a.npz", {"train": 3}, (8, 9, 10))), workers=0)
    preprocessing = Preprocessing(size=(8, 5, 5), channels=1)
    cache = feed.build(dataset, preprocessing, tmp_path)
    with np.load(tmp_path / "a.npz") as arrays:
        images = tf.constant(arrays["train_images"][..., None])
    made = values(cache, [0, 1, 2])
    np.testing.assert_allclose(made, resample(images, preprocessing), atol=1 / 512)


def test_clips_hold_the_frames_that_were_picked(tmp_path: Path) -> None:
    dataset = audit(data.open(makers.npz(tmp_path / "a.npz", {"train": 3}, (9, 6, 5))), workers=0)
    cache = feed.build(dataset, Preprocessing((4, 6, 5), 1, sampled=True), tmp_path)
    with np.load(tmp_path / "a.npz") as arrays:
        expected = arrays["train_images"][:, [0, 3, 5, 8], ..., None]
    np.testing.assert_array_equal(values(cache, [0, 1, 2]), expected)


def test_eight_bit_images_among_deep_ones_keep_their_fractions(tmp_path: Path) -> None:
    for number in range(4):
        makers.raster(tmp_path / f"{number}.png", makers.noise((8, 9), number, 0, 100))
    makers.raster(tmp_path / "deep.png", makers.noise((8, 9), 9, 0, 65536, "uint16"))
    dataset = audit(data.open(str(tmp_path)), workers=0)
    cache = feed.build(dataset, SMALL, tmp_path / "cache")
    direct = np.stack(list(feed.read(dataset, SMALL)))
    np.testing.assert_allclose(values(cache, list(range(5))), direct, rtol=1e-6)


def test_a_window_that_is_narrow_for_its_range_is_stored_as_float(tmp_path: Path) -> None:
    dataset = dicoms(tmp_path)  # 4096 HU: 16 steps a unit
    assert encoding(dataset, (-1000.0, 1000.0))[0] == "uint16"
    assert encoding(dataset, (30.0, 70.0)) == Encoding("float32")


def test_a_value_of_another_file_is_told_and_others_are_stored() -> None:
    stored = Encoding("uint16", -1024.0, 16.0)
    images = np.array([[-1024.0, 3071.9375], [-1024.05, 0.03], [-1030.0, 0.0], [0.0, np.nan]])
    steps, good = stored.encode(images.astype(np.float32)[..., None])
    assert good.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(steps[:2, :, 0], [[0, 65535], [0, 16384]])


def anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells by Linux's /proc")
def test_a_mapped_file_is_not_copied_into_the_process(tmp_path: Path) -> None:
    path, rows = tmp_path / "file", 300
    with path.open("wb") as file:
        file.truncate(rows << 20)  # 300 MB of zeros
    cache = Store(Lease(path), rows, (512, 1024, 1), Encoding("uint16"))
    before = anonymous_mb()
    batches = feed.evaluation(cache.take(np.arange(0, rows, 10)), Preprocessing((512, 1024), 1), 2)
    assert sum(float(tf.reduce_sum(batch)) for batch in batches) == 0
    values(cache, [5])
    cache.gather(tf.constant([7], tf.int64))
    assert anonymous_mb() - before < 150
