"""Which source is what."""

from __future__ import annotations

from pathlib import Path

import makers
import pytest

from tfmed import data
from tfmed.data import truth
from tfmed.data.dataset import ANSWERS
from tfmed.errors import ConfigError, ReadError, TfmedError
from tfmed.tables import lookup


@pytest.mark.parametrize(
    ("truth", "kind"), [(truth, kind) for truth, known in data.SOURCES.items() for kind in known]
)
def test_every_source_of_the_tables_is_there(truth: str, kind: str) -> None:
    assert callable(lookup(data.SOURCES[truth], kind, "source"))


def test_every_truth_has_its_column_and_its_sources() -> None:
    assert data.TRUTHS.keys() == data.SOURCES.keys() == set(ANSWERS)
    for name in data.TRUTHS:
        assert truth.kind(name).name == name


def test_an_unknown_truth_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown truth 'masks'; did you mean 'mask'"):
        data.open(tmp_path, truth="masks")


def test_public_names_are_those_of_all() -> None:
    assert all(hasattr(data, name) for name in data.__all__)


def test_a_source_that_is_not_there_names_the_nearest_beside_it(tmp_path: Path) -> None:
    (tmp_path / "chest_xray").mkdir()
    with pytest.raises(ConfigError, match="did you mean 'chest_xray'"):
        data.open(tmp_path / "chest_xry")


def test_a_missing_parent_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nor a folder"):
        data.open(tmp_path / "a" / "b")


def test_an_unknown_kind_of_source_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'medmnist'. \(known: medmnist:NAME"):
        data.open("medmist:pneumoniamnist")


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'series'"):
        data.open(tmp_path, unit="serie")


def test_one_file_is_one_example_without_a_label(tmp_path: Path) -> None:
    path = makers.raster(tmp_path / "Aufnahme ä 1.png", makers.noise((4, 4)))
    dataset = data.open(path)
    assert len(dataset) == 1
    assert not dataset.labelled
    assert dataset.table["path"][0] == str(path)


def test_a_text_file_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(ReadError, match="text"):
        data.open(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"label_columns": ("y",)}, "--label-column"),
        ({"table": "t.csv"}, "--table"),
        ({"patient_column": "p"}, "--patient-column"),
        ({"unit": "series"}, "--unit"),
    ],
)
def test_a_wish_that_a_source_would_ignore_is_refused(tmp_path, options, flag) -> None:
    path = makers.npz(tmp_path / "a.npz", {"train": 4}, (4, 4))
    with pytest.raises(ConfigError, match=flag):
        data.open(path, **options)


def test_positive_makes_two_classes_with_the_positive_one_last(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, ("bacterial", "normal", "viral"), count=2)
    dataset = data.open(tmp_path, positive=("viral", "bacterial"))
    assert dataset.classes == ("normal", "bacterial or viral")
    assert dataset.table["label"].value_counts().to_dict() == {"bacterial or viral": 4, "normal": 2}
    one = data.open(tmp_path, positive=("Viral",))
    assert one.classes == ("other", "viral")


def test_a_positive_class_that_is_not_there_is_refused(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1)
    with pytest.raises(ConfigError, match="did you mean 'pneumonia'"):
        data.open(tmp_path, positive=("pneumonie",))
    with pytest.raises(ConfigError, match="names every class"):
        data.open(tmp_path, positive=("pneumonia", "normal"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("no_rows.csv", b"path,label\n"),
        ("not_utf8.csv", b"path,label\n\xff\xfe,1"),
        ("empty.npz", b""),
        ("damaged.npz", b"PK\x03\x04 and then nothing"),
        ("empty.dcm", b""),
    ],
)
def test_nothing_to_read_ends_in_an_error_that_names_the_file(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TfmedError, match=name):
        data.open(tmp_path / name)
