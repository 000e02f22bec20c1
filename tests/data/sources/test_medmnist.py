"""MedMNIST sets by name."""

from __future__ import annotations

import re
from pathlib import Path

import makers
import pytest

from tfmed import data
from tfmed.data.download import md5
from tfmed.data.sources import medmnist
from tfmed.errors import ConfigError, DataError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small file whose checksum is taken for the official one."""
    monkeypatch.setenv("TFMED_DATA", str(tmp_path))
    path = makers.npz(tmp_path / "pneumoniamnist.npz", {"train": 4, "val": 2, "test": 2}, (28, 28))
    monkeypatch.setitem(medmnist.sets()["pneumoniamnist"]["md5"], "28", md5(path))
    return tmp_path


def test_a_set_is_found_in_the_data_folder(home: Path) -> None:
    dataset = data.open("medmnist:pneumoniamnist")
    assert dataset.name == "pneumoniamnist"
    assert dataset.classes == ("normal", "pneumonia")
    assert dataset.facts["licence"] == "CC BY 4.0"
    assert "MedMNIST v2" in dataset.facts["citation"]
    assert dataset.facts["source"] == "medmnist:pneumoniamnist"


def test_it_may_lie_in_a_folder_of_its_own(home: Path) -> None:
    (home / "medmnist").mkdir()
    (home / "pneumoniamnist.npz").rename(home / "medmnist" / "pneumoniamnist.npz")
    assert len(data.open("medmnist:pneumoniamnist:28")) == 8


def test_a_file_of_another_checksum_is_refused_with_both(home: Path) -> None:
    official = medmnist.sets()["pneumoniamnist"]["md5"]["28"]
    path = makers.npz(home / "pneumoniamnist.npz", {"train": 6}, (28, 28))
    with pytest.raises(DataError) as caught:
        data.open("medmnist:pneumoniamnist")
    assert official in str(caught.value)
    assert md5(path) in str(caught.value)


def test_what_is_not_there_is_downloaded_from_its_address(home, monkeypatch) -> None:
    asked = []

    def fetch(url: str, name: Path, checksum: str) -> Path:
        asked.append((url, name, checksum))
        return home / "pneumoniamnist.npz"

    monkeypatch.setattr(medmnist, "fetch", fetch)
    assert data.open("medmnist:breastmnist:64").name == "breastmnist_64"
    url = "https://zenodo.org/records/10519652/files/breastmnist_64.npz?download=1"
    assert asked == [
        (url, Path("medmnist/breastmnist_64.npz"), medmnist.sets()["breastmnist"]["md5"]["64"])
    ]


def test_unknown_sets_and_sizes_name_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pneumoniamnist'"):
        data.open("medmnist:pneumonia_mnist")
    with pytest.raises(ConfigError, match="has no size '224'; it has 28, 64"):
        data.open("medmnist:organmnist3d:224")


@pytest.mark.parametrize("name", medmnist.sets())
def test_facts_are_whole(name: str) -> None:
    facts = medmnist.sets()[name]
    assert facts["licence"].startswith("CC BY")
    assert set(facts["examples"]) == {"train", "val", "test"}
    assert len(set(facts["classes"])) == len(facts["classes"]) > 1
    assert facts["dimensions"] == (3 if name.endswith("3d") else 2)
    assert "28" in facts["md5"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", checksum) for checksum in facts["md5"].values())
