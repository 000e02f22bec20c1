"""A data set in a run folder, and two joined."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tfmed.data.dataset import Dataset, index
from tfmed.data.stored import is_stored, join, store, stored
from tfmed.errors import DataError
from tfmed.run import Run


def made(names: str, digest: str = "", split: str = "train") -> Dataset:
    """One example a letter; its pixels are those of the letter in `digest`, else its own."""
    table = index({"id": list(names), "path": [f"{name}.png" for name in names]})
    digests = list(digest or names)
    return Dataset(table.assign(digest=digests, split=split), ("no", "yes"), "letters")


def test_a_data_set_comes_back_whole(tmp_path: Path) -> None:
    run = Run(tmp_path)
    table = index(
        {
            "id": ["007", "NA", "ü"],
            "path": ["a.dcm", "b.dcm", "c.dcm"],
            "files": [("a.dcm", "b.dcm"), None, None],
            "label": ["yes", None, "no|yes"],
            "patient": ["01", "01", "2"],
            "patient_known": [True, True, False],
        }
    ).assign(mean=[0.5, float("nan"), 3.0], channels=[1, 3, 1])
    dataset = Dataset(
        table, ("no", "yes"), "scans", True, {"split": {"how": "by hand"}}
    ).with_rejects([("x.png", "empty"), ("y.png", "truncated, 3 bytes")])
    store(run, dataset)
    again = stored(run)
    assert (again.classes, again.name, again.multi_label) == (("no", "yes"), "scans", True)
    assert again.facts == dataset.facts
    pd.testing.assert_frame_equal(again.rejects, dataset.rejects, check_dtype=False)
    pd.testing.assert_frame_equal(again.table, table)
    assert again.table["files"].iloc[0] == ("a.dcm", "b.dcm")
    assert again.table["files"].iloc[1] is None
    assert again.table["label"].iloc[1] is None


def test_the_description_is_the_sign_that_all_is_there(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert not is_stored(run)
    store(run, made("ab"))
    assert is_stored(run)
    run.path("dataset.json").unlink()
    assert not is_stored(run)
    with pytest.raises(DataError, match=r"dataset\.json"):
        stored(run)


def test_columns_without_a_value_keep_their_types(tmp_path: Path) -> None:
    run = Run(tmp_path)
    store(run, made("abc"))
    pd.testing.assert_frame_equal(stored(run).table, made("abc").table)


def test_an_index_is_read_and_written_in_groups_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfmed.run.ROW_GROUP", 4)
    run = Run(tmp_path)
    dataset = made("abcdefghij")
    store(run, dataset)
    assert pq.read_metadata(tmp_path / "index.parquet").num_row_groups == 3
    pd.testing.assert_frame_equal(stored(run).table, dataset.table)


def test_joined_examples_keep_their_order_and_new_ones_follow() -> None:
    both = join(made("abc"), made("cd", split="test"))
    assert list(both.table["id"]) == ["a", "b", "c", "d"]
    assert list(both.table["split"]) == ["train", "train", "test", "test"]
    assert list(both.table.index) == [0, 1, 2, 3]


def test_one_id_of_two_images_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 examples have the id of another image .*'b'"):
        join(made("ab"), made("bc", digest="xc"))


def test_joined_rejects_stand_once() -> None:
    first = made("a").with_rejects([("x.png", "empty")])
    second = made("b").with_rejects([("x.png", "empty"), ("y.png", "empty")])
    assert list(join(first, second).rejects["path"]) == ["x.png", "y.png"]
