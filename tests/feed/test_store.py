"""The store: a file a key, whose files are looked at once while it is in use."""

from __future__ import annotations

import os
from pathlib import Path

import makers
import makers_volumes as volumes
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed
from tfmed.data.auditing import audit
from tfmed.data.dataset import index
from tfmed.errors import DataError, ReadError
from tfmed.feed import identity
from tfmed.feed.encoding import Encoding
from tfmed.feed.store import Content, keep
from tfmed.transforms import Preprocessing
from tfmed.transforms.normalisation import Normalisation

SMALL = Preprocessing(size=(6, 5), channels=1)


def images(folder: Path, count: int = 4) -> data.Dataset:
    paths = [
        str(makers.raster(folder / f"{number}.png", makers.noise((8, 9), number)))
        for number in range(count)
    ]
    columns = {"id": [str(number) for number in range(count)], "path": paths}
    return audit(data.Dataset(index(columns), ("a",), "test"), workers=0)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were looked at for a key."""
    state, seen = identity._state, []

    def spy(path: str) -> tuple[int, int]:
        seen.append(Path(path).name)
        return state(path)

    monkeypatch.setattr(identity, "_state", spy)
    return seen


def test_files_are_looked_at_once_while_a_store_of_them_is_in_use(
    tmp_path: Path, looked_at: list[str]
) -> None:
    dataset = images(tmp_path)
    first = feed.build(dataset, SMALL, tmp_path / "c")
    part = first.take(np.array([2, 3]))
    del first
    other = feed.build(dataset, Preprocessing(size=(4, 4), channels=1), tmp_path / "c")
    assert looked_at == ["0.png", "1.png", "2.png", "3.png"]
    assert other.path != part.path


def test_a_changed_file_is_seen_by_the_next_command(tmp_path: Path, looked_at: list[str]) -> None:
    dataset = images(tmp_path)
    before = feed.build(dataset, SMALL, tmp_path / "c").path
    os.utime(dataset.table["path"][1], ns=(1, 1))
    store = feed.build(dataset, SMALL, tmp_path / "c")
    assert store.path != before
    # And by another data set over the same files, though a store of them is in use.
    os.utime(dataset.table["path"][1], ns=(2, 2))
    assert feed.build(dataset.with_table(dataset.table), SMALL, tmp_path / "c").path != store.path
    assert len(looked_at) == 12


def test_masks_are_looked_at_where_they_are_kept(tmp_path: Path, looked_at: list[str]) -> None:
    dataset = volumes.dataset(tmp_path / "d", volumes.SHAPES[:1])
    store = feed.build(dataset, Preprocessing((4, 4, 4), 1), tmp_path / "c", workers=0)
    assert looked_at == ["i0.nii.gz"]
    rule, folder = Normalisation("zscore"), tmp_path / "c"
    settings = {"spacing_mm": None, "normalisation": rule, "folder": folder, "workers": 0}
    assert feed.build_cases(dataset, **settings).path != store.path
    assert looked_at == ["i0.nii.gz", "m0.nii.gz"]


def test_several_records_of_an_example_are_read_as_arrays(tmp_path: Path) -> None:
    dataset = images(tmp_path)
    asked: list[int] = []

    def read(rows: np.ndarray):
        for row in rows.tolist():
            asked.append(row)
            if row == 2 and asked.count(2) == 1:
                raise ReadError("2.png", "the test stops here")
            pairs = np.arange(6, dtype=np.uint8).reshape(3, 2) + 10 * row
            yield row, [pairs, np.full(row, row, np.int32)]

    lengths = np.array([[6] * 4, [4 * row for row in range(4)]])
    content = Content(dataset, ("of the test",), lengths, read, "images")
    with pytest.raises(ReadError):
        keep(content, tmp_path / "c")
    lease = keep(content, tmp_path / "c")
    assert asked == [0, 1, 2, 2, 3]
    assert lease.path.name.endswith(".store")
    pairs, first = content.opened(lease, 0, (2,), Encoding("uint8"))
    assert (len(pairs), first.tolist()) == (12, [0, 3, 6, 9])
    np.testing.assert_array_equal(
        pairs.gather(tf.constant([[1, 6], [11, 0]])), [[[2, 3], [20, 21]], [[34, 35], [0, 1]]]
    )
    numbers, first = content.opened(lease, 1, (), Encoding("int32"))
    assert numbers.array()[first[3] :].tolist() == [3, 3, 3]
    assert numbers.fetch(first[2]).numpy() == 2


def test_nothing_to_keep_is_told(tmp_path: Path) -> None:
    dataset = images(tmp_path).part("test")
    with pytest.raises(DataError, match="no images to cache"):
        feed.build(dataset, SMALL, tmp_path / "c")
