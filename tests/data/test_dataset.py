"""The index itself."""

from __future__ import annotations

import makers
import pandas as pd
import pytest

from tfmed import data
from tfmed.data.auditing import audit
from tfmed.data.dataset import DEFAULTS, Dataset, index, places
from tfmed.data.groups import groups
from tfmed.data.parts import assign
from tfmed.errors import DataError


def small() -> Dataset:
    columns = {
        "id": ["a", "b", "c"],
        "path": ["x.png", "y.npz", "z.png"],
        "frame": [-1, 4, -1],
        "split": ["train", "test", "train"],
        "label": ["no", None, "yes"],
    }
    return Dataset(index(columns), ("no", "yes"), "small")


def test_what_a_source_does_not_say_has_a_default() -> None:
    table = small().table
    assert list(table) == list(DEFAULTS)
    assert list(table["patient"]) == ["", "", ""]
    assert not table["patient_known"].any()
    assert table["frame"].dtype == "int64"
    assert table["label"].isna().tolist() == [False, True, False]


def test_two_examples_with_one_id_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 examples have the id of another.*'a'"):
        index({"id": ["a", "b", "a"], "path": ["1", "2", "3"]})


def test_parts_keep_the_order_of_the_table() -> None:
    part = small().part("train")
    assert list(part.table["id"]) == ["a", "c"]
    assert list(part.table.index) == [0, 1]


def test_what_is_left_out_is_a_reject_with_its_place() -> None:
    dataset = small()
    left = dataset.without(dataset.table["label"].isna(), "no label")
    assert len(left) == 2
    assert left.rejects.to_dict("records") == [{"path": "y.npz:b", "reason": "no label"}]
    assert len(dataset.rejects) == 0, "the data set itself has changed"


def test_an_example_in_an_archive_is_placed_by_its_id() -> None:
    assert places(small().table) == ["x.png", "y.npz:b", "z.png"]


def test_split_reads_the_pixels_first_so_that_equal_images_stay_together(tmp_path) -> None:
    makers.class_folders(tmp_path, count=8)
    twin = makers.noise((16, 12), 99)
    for name in ("a", "b", "c"):
        makers.raster(tmp_path / "normal" / f"{name}.png", twin)
    train, valid, test = data.split(data.open(tmp_path), (0.5, 0.25, 0.25), seed=3)
    assert len(train) + len(valid) + len(test) == 19
    holders = [
        part for part in (train, valid, test) if part.table["id"].str.match("normal/[abc]").any()
    ]
    assert len(holders) == 1
    assert holders[0].table["id"].str.match("normal/[abc]").sum() == 3


def test_split_reads_pixels_that_an_audit_of_headers_left(tmp_path) -> None:
    makers.class_folders(tmp_path, count=8)
    looked = audit(data.open(tmp_path), workers=0, pixels=False)
    parts = data.split(looked, (0.5, 0.25, 0.25), seed=3)
    assert all((part.table["digest"] != "").all() for part in parts)


def test_without_pixels_no_image_is_taken_for_another(tmp_path) -> None:
    makers.class_folders(tmp_path, count=8)
    looked = audit(data.open(tmp_path), workers=0, pixels=False)
    assert len(set(groups(looked.table))) == 16
    assert assign(looked, seed=3).facts["duplicates"]["images"] == 0


def test_rejects_are_text_even_when_there_are_none() -> None:
    assert list(small().rejects) == ["path", "reason"]
    assert all(pd.api.types.is_string_dtype(kind) for kind in small().rejects.dtypes)
