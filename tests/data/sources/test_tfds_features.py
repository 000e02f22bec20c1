"""Which features of a TFDS data set are its image, labels and patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from makers_tfds import encoded, picture_features, pictures, prepared
from tensorflow_datasets import features as f

from tfmed import data
from tfmed.errors import ConfigError, DataError

NAMES = ["normal", "pneumonia"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "of_tfds"))
    return tmp_path / "home"


def test_labels_of_minus_one_are_unknown(tmp_path: Path) -> None:
    examples = [{**one, "label": label} for one, label in zip(pictures(3), (-1, 1, 0), strict=True)]
    dataset = data.open(f"tfds:{prepared(tmp_path, picture_features(), {'train': examples})}")
    assert list(dataset.table["label"]) == [None, "pneumonia", "normal"]


def test_a_list_of_classes_is_several_labels(tmp_path: Path) -> None:
    finding = f.ClassLabel(names=["effusion", "mass", "nodule"])
    kinds = {
        "image": f.Image(shape=(8, 6, 1)),
        "label": f.Sequence(finding),
        "unknown": f.Sequence(finding),
    }
    marks = [([2, 0], []), ([], [1]), ([], [0, 1, 2])]
    examples = [
        {"image": encoded(i), "label": label, "unknown": unknown}
        for i, (label, unknown) in enumerate(marks)
    ]
    dataset = data.open(f"tfds:{prepared(tmp_path, kinds, {'train': examples})}")
    assert dataset.multi_label
    assert dataset.classes == ("effusion", "mass", "nodule")
    assert list(dataset.table["label"]) == ["effusion|nodule", "", None]
    assert list(dataset.table["unknown"]) == ["", "mass", "effusion|mass|nodule"]


def test_several_yes_or_no_labels_are_one_class_each(tmp_path: Path) -> None:
    mark = f.ClassLabel(names=["absent", "present"])
    kinds = {"image": f.Image(shape=(8, 6, 1)), "mass": mark, "nodule": mark}
    marks = [(1, 1), (0, -1), (0, 0)]
    examples = [
        {"image": encoded(i), "mass": mass, "nodule": nodule}
        for i, (mass, nodule) in enumerate(marks)
    ]
    dataset = data.open(f"tfds:{prepared(tmp_path, kinds, {'train': examples})}")
    assert dataset.classes == ("mass", "nodule")
    assert list(dataset.table["label"]) == ["mass|nodule", "", ""]
    assert list(dataset.table["unknown"]) == ["", "nodule", ""]


def test_states_of_findings_are_not_taken_for_classes(tmp_path: Path) -> None:
    state = f.Sequence(f.ClassLabel(names=["negative", "positive", "uncertain"]))
    examples = [{"image": encoded(0), "label": [0, 0, 1]}]
    folder = prepared(
        tmp_path, {"image": f.Image(shape=(8, 6, 1)), "label": state}, {"train": examples}
    )
    with pytest.raises(DataError, match="lists one class twice"):
        data.open(f"tfds:{folder}")


def test_features_are_chosen_as_columns_are(tmp_path: Path) -> None:
    kinds = {
        "left": f.Image(shape=(8, 6, 1)),
        "right": f.Image(shape=(8, 6, 1)),
        "view": f.ClassLabel(names=["ap", "lateral", "oblique"]),
        "finding": f.ClassLabel(names=NAMES),
        "owner": f.Text(),
    }
    examples = [{"left": encoded(0), "right": encoded(1), "view": 2, "finding": 1, "owner": "a"}]
    source = f"tfds:{prepared(tmp_path, kinds, {'train': examples})}"
    with pytest.raises(ConfigError, match="several images: left, right; name one with --path-col"):
        data.open(source)
    with pytest.raises(ConfigError, match=r"several labels: .*finding.*name one with --label-col"):
        data.open(source, path_column="right")
    with pytest.raises(ConfigError, match="no feature 'findings'; did you mean 'finding'"):
        data.open(source, path_column="right", label_columns=("findings",))
    dataset = data.open(
        source, path_column="right", label_columns=("finding",), patient_column="owner"
    )
    assert Path(dataset.table["path"][0]).read_bytes() == encoded(1)
    assert list(dataset.table["label"]) == ["pneumonia"]
    assert list(dataset.table["patient"]) == ["a"]


def test_data_without_images_is_refused(tmp_path: Path) -> None:
    folder = prepared(tmp_path, {"text": f.Text()}, {"train": [{"text": "hello"}]})
    with pytest.raises(DataError, match=r"has no image feature; it has text \(Text\)"):
        data.open(f"tfds:{folder}")


def test_a_number_is_a_scalar_feature(tmp_path: Path) -> None:
    kinds = {
        "image": f.Image(shape=(8, 6, 1)),
        "age": f.Scalar(np.float32),
        "label": f.ClassLabel(names=NAMES),
    }
    ages = [0.1, np.nan, -3.0]
    examples = [{"image": encoded(i), "age": age, "label": 0} for i, age in enumerate(ages)]
    place = f"tfds:{prepared(tmp_path, kinds, {'train': examples})}"
    dataset = data.open(place, truth="number", label_columns=("age",))
    np.testing.assert_allclose(dataset.table["number"], [0.1, np.nan, -3.0])
    assert dataset.classes == ()
    with pytest.raises(ConfigError, match="that is a number; there are: age"):
        data.open(place, truth="number")
    assert data.open(place, label_columns=("label",)).classes == ("normal",)
