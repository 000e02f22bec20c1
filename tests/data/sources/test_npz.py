"""Archives in MedMNIST's layout."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest

from tfmed import data
from tfmed.data import archives
from tfmed.errors import DataError, ReadError

COUNTS = {"train": 6, "val": 2, "test": 4}


def test_every_image_is_an_example_in_its_part(tmp_path: Path) -> None:
    path = makers.npz(tmp_path / "a.npz", COUNTS, (5, 5))
    dataset = data.open(path)
    assert dataset.table["split"].value_counts().to_dict() == COUNTS
    assert dataset.classes == ("0", "1")
    row = dataset.part("test").table.iloc[3]
    assert (row["member"], row["frame"], row["label"]) == ("test_images", 3, "1")
    assert dataset.table["id"].is_unique
    assert not dataset.table["patient_known"].any()


def test_a_file_named_after_a_medmnist_set_has_its_classes(tmp_path: Path) -> None:
    dataset = data.open(makers.npz(tmp_path / "pneumoniamnist_64.npz", COUNTS, (5, 5)))
    assert dataset.classes == ("normal", "pneumonia")
    assert dataset.facts["licence"] == "CC BY 4.0"


def test_several_columns_are_several_labels(tmp_path: Path) -> None:
    path = makers.npz(tmp_path / "a.npz", {"train": 3}, (5, 5), columns=3)
    dataset = data.open(path)
    assert dataset.multi_label
    assert dataset.classes == ("0", "1", "2")
    # Labels are 0 1 0, 1 0 1, 0 1 0.
    assert list(dataset.table["label"]) == ["1", "0|2", "1"]


def test_minus_one_is_unknown(tmp_path: Path) -> None:
    one = np.array([[0], [1], [-1]])
    np.savez(tmp_path / "one.npz", train_images=makers.noise((3, 4, 4)), train_labels=one)
    assert data.open(tmp_path / "one.npz").table["label"].tolist()[:2] == ["0", "1"]
    assert data.open(tmp_path / "one.npz").table["label"].isna().tolist() == [False, False, True]
    two = np.array([[1, -1], [0, 1], [-1, -1]])
    np.savez(tmp_path / "two.npz", train_images=makers.noise((3, 4, 4)), train_labels=two)
    table = data.open(tmp_path / "two.npz").table
    assert table["label"].tolist()[:2] == ["0", "1"]
    assert table["unknown"].tolist() == ["1", "", "0|1"]
    assert table["label"].isna().tolist() == [False, False, True]


def test_a_part_without_labels_is_to_predict(tmp_path: Path) -> None:
    labels = np.array([[0], [1]])
    images = makers.noise((2, 4, 4))
    np.savez(tmp_path / "a.npz", train_images=images, train_labels=labels, test_images=images)
    dataset = data.open(tmp_path / "a.npz")
    assert dataset.part("train").labelled
    assert not dataset.part("test").labelled


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ((4, 6, 5), (4, 6, 5, 1)),
        ((4, 6, 5, 3), (4, 6, 5, 3)),
        ((4, 7, 6, 5), (4, 7, 6, 5, 1)),
        ((4, 7, 6, 5, 1), (4, 7, 6, 5, 1)),
    ],
)
def test_images_have_channels_last(tmp_path: Path, stored, read) -> None:
    np.savez(tmp_path / "a.npz", images=makers.noise(stored))
    assert archives.images(tmp_path / "a.npz", "images").shape == read
    assert len(data.open(tmp_path / "a.npz")) == 4


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    import os

    path = tmp_path / "a.npz"
    np.savez(path, images=makers.noise((2, 3, 3), 1))
    first = archives.images(path, "images").copy()
    np.savez(path, images=makers.noise((2, 3, 3), 2))
    os.utime(path, ns=(1, 1))
    assert not np.array_equal(archives.images(path, "images"), first)


def test_labels_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz", train_images=makers.noise((3, 4, 4)), train_labels=np.zeros((2, 1))
    )
    with pytest.raises(DataError, match=r"shape \(2, 1\) for 3 images"):
        data.open(tmp_path / "a.npz")
    path = makers.npz(tmp_path / "pneumoniamnist.npz", COUNTS, (4, 4), classes=3)
    with pytest.raises(DataError, match="holds 2, which is none of the 2 classes"):
        data.open(path)


def test_an_archive_of_other_arrays_says_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(ReadError, match="holds x; expected train_images"):
        data.open(tmp_path / "a.npz")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    array = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "a.npz", train_images=array, train_labels=array)
    with pytest.raises(ReadError):
        data.open(tmp_path / "a.npz")


def test_the_real_pneumoniamnist_has_its_known_counts(shared_data: Path) -> None:
    dataset = data.open(shared_data / "pneumoniamnist" / "pneumoniamnist.npz")
    assert dataset.table["split"].value_counts().to_dict() == {
        "train": 4708,
        "val": 524,
        "test": 624,
    }
    assert dataset.classes == ("normal", "pneumonia")
