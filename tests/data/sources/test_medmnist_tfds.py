"""The MedMNIST sets as TFDS builders."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow_datasets as tfds
from makers_tfds import read_back

from tfmed import data
from tfmed.data import archives
from tfmed.data.download import md5
from tfmed.data.sources import medmnist, medmnist_tfds
from tfmed.data.tfds_quiet import quiet
from tfmed.errors import DataError

COUNTS = {"train": 5, "val": 3, "test": 3}
PARTS = {"train": "train", "validation": "val", "test": "test"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "of_tfds"))
    return tmp_path / "home"


def put(home: Path, monkeypatch, config: str, path: Path) -> Path:
    """Let a file stand for the official archive of a configuration."""
    home.mkdir(exist_ok=True)
    place = home / f"{config}.npz"
    shutil.copy(path, place)
    name, size = medmnist_tfds._set_and_size(config)
    monkeypatch.setitem(medmnist.sets()[name]["md5"], size, md5(place))
    return place


def prepare(config: str, folder: Path) -> Path:
    with quiet():
        builder = tfds.builder(f"med_mnist/{config}", data_dir=folder)
        builder.download_and_prepare()
    return Path(builder.data_dir)


def digests(images: np.ndarray) -> set[str]:
    return {hashlib.sha256(image.tobytes()).hexdigest() for image in images}


def test_every_set_and_size_is_a_configuration() -> None:
    names = {config.name for config in medmnist_tfds.MedMnist.BUILDER_CONFIGS}
    assert len(names) == sum(len(facts["md5"]) for facts in medmnist.sets().values())
    assert {"pathmnist", "pathmnist_224", "organmnist3d", "organmnist3d_64"} <= names


@pytest.mark.parametrize("name", medmnist.sets())
def test_each_describes_itself(name: str, tmp_path: Path) -> None:
    facts = medmnist.sets()[name]
    with quiet():
        info = tfds.builder(f"med_mnist/{name}", data_dir=tmp_path).info
    label = info.features["label"]
    several = isinstance(label, tfds.features.Sequence)
    assert several == (name == "chestmnist")
    assert (label.feature if several else label).names == facts["classes"]
    assert info.features["image"].shape == (*[28] * facts["dimensions"], facts["channels"])
    assert info.redistribution_info.license == facts["licence"]
    assert "Scientific Data" in info.citation
    assert info.homepage == "https://medmnist.com"


def test_the_records_hold_the_archive(tmp_path: Path, home: Path, monkeypatch) -> None:
    made = makers.npz(tmp_path / "made.npz", COUNTS, (28, 28), classes=2)
    put(home, monkeypatch, "pneumoniamnist", made)
    examples = read_back(prepare("pneumoniamnist", tmp_path))
    with np.load(made) as archive:
        for split, part in PARTS.items():
            wanted = {
                (image.tobytes(), int(label[0]))
                for image, label in zip(
                    archive[f"{part}_images"], archive[f"{part}_labels"], strict=True
                )
            }
            assert len(examples[split]) == COUNTS[part]
            assert {
                (one["image"].tobytes(), int(one["label"])) for one in examples[split]
            } == wanted


def test_colour_volumes_and_several_labels_are_kept(tmp_path, home, monkeypatch) -> None:
    shapes = {"pathmnist_64": (64, 64, 3), "organmnist3d": (28, 28, 28), "chestmnist": (28, 28)}
    for config, shape in shapes.items():
        columns = 14 if config == "chestmnist" else 1
        made = makers.npz(tmp_path / f"{config}.npz", COUNTS, shape, columns=columns)
        put(home, monkeypatch, config, made)
        one = read_back(prepare(config, tmp_path))["test"]
        with np.load(made) as archive:
            images, labels = archive["test_images"], archive["test_labels"]
        assert {each["image"].tobytes() for each in one} == {each.tobytes() for each in images}
        assert one[0]["image"].shape == (shape if shape[-1] == 3 else (*shape, 1))
        if columns > 1:
            found = {each["image"].tobytes(): each["label"].tolist() for each in one}
            for image, label in zip(images, labels, strict=True):
                assert found[image.tobytes()] == np.flatnonzero(label).tolist()


def test_a_damaged_archive_makes_no_records(tmp_path: Path, home: Path, monkeypatch) -> None:
    place = put(home, monkeypatch, "breastmnist", makers.npz(tmp_path / "a.npz", COUNTS, (28, 28)))
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="has MD5"):
        prepare("breastmnist", tmp_path)
    with pytest.raises(DataError, match="has MD5"):
        data.open("tfds:med_mnist/breastmnist")
    assert not list((tmp_path / "med_mnist" / "breastmnist").glob("2*"))


def test_tfmed_opens_it_by_its_name(tmp_path: Path, home: Path, monkeypatch) -> None:
    put(home, monkeypatch, "breastmnist", makers.npz(tmp_path / "a.npz", COUNTS, (28, 28)))
    dataset = data.open("tfds:med_mnist/breastmnist")
    assert dict(dataset.table["split"].value_counts()) == COUNTS
    assert dataset.name == "med_mnist/breastmnist"
    assert dataset.facts["licence"] == "CC BY 4.0"
    assert (home / "tfds" / "prepared" / "med_mnist" / "breastmnist" / "2.0.0").is_dir()


def test_the_splits_of_the_real_set_share_images(shared_data, tmp_path, home, monkeypatch) -> None:
    """MedMNIST's own splits overlap: a fact about the data, which the records keep."""
    path = shared_data / "pneumoniamnist" / "pneumoniamnist.npz"
    put(home, monkeypatch, "pneumoniamnist", path)
    examples = read_back(prepare("pneumoniamnist", tmp_path))
    found = {
        part: digests(np.stack([one["image"][..., 0] for one in examples[split]]))
        for split, part in PARTS.items()
    }
    wanted = {
        part: digests(archives.images(path, f"{part}_images")[..., 0]) for part in PARTS.values()
    }
    assert found == wanted
    shared = {
        (a, b): len(found[a] & found[b])
        for a, b in (("train", "val"), ("train", "test"), ("val", "test"))
    }
    assert shared == {("train", "val"): 8, ("train", "test"): 0, ("val", "test"): 0}
