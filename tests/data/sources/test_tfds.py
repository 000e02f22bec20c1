"""TFDS data sets as a source: parts, and what is told when one is not there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from makers_tfds import picture_features, pictures, prepared

from tfmed import data
from tfmed.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "of_tfds"))
    return tmp_path / "home"


def test_splits_beside_the_usual_ones_are_left_alone(tmp_path: Path) -> None:
    splits = {"train": pictures(2), "test": pictures(2, 2), "extra": pictures(2, 4)}
    dataset = data.open(f"tfds:{prepared(tmp_path, picture_features(), splits)}")
    assert list(dataset.table["split"]) == ["train", "train", "test", "test"]


def test_without_a_usual_split_all_are_read_and_have_no_part(tmp_path: Path) -> None:
    splits = {"site_a": pictures(2), "site_b": pictures(2, 2)}
    dataset = data.open(f"tfds:{prepared(tmp_path, picture_features(), splits)}")
    assert list(dataset.table["split"]) == [""] * 4
    assert dataset.table["id"][3] == "site_b/000001"


def test_names_that_tfds_does_not_know_are_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'colorectal_histology'"):
        data.open("tfds:colorectal_histolgy")
    with pytest.raises(ConfigError, match=r"only: 2\.0\.0"):
        data.open("tfds:patch_camelyon:9.9.9")
    with pytest.raises(ConfigError, match="BuilderConfig foo not found"):
        data.open("tfds:colorectal_histology/foo")
    with pytest.raises(ConfigError, match="expected tfds:NAME"):
        data.open("tfds:")


def test_folders_without_a_data_set_or_with_several_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"there is no dataset_info\.json"):
        data.open(f"tfds:{tmp_path / 'empty'}")
    with pytest.raises(ConfigError, match=r"there is no folder /.*nowhere"):
        data.open(f"tfds:{tmp_path / 'nowhere'}")
    for name in ("a", "b"):
        prepared(tmp_path / "two" / name, picture_features(), {"train": pictures(2)})
    with pytest.raises(ConfigError, match=r"several TFDS data sets: a/made/1.0.0, b/made/1.0.0"):
        data.open(f"tfds:{tmp_path / 'two'}")


def test_no_network_is_told_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(DataError, match=r"there is no way to zenodo\.org") as caught:
        data.open("tfds:colorectal_histology")
    assert str(home / "tfds" / "prepared" / "colorectal_histology") in str(caught.value)


def test_what_is_downloaded_by_hand_says_how(home: Path) -> None:
    with pytest.raises(DataError, match="You must register and agree to user agreement"):
        data.open("tfds:chexpert")


def test_random_access_records_need_no_tensorflow(tmp_path: Path) -> None:
    folder = prepared(tmp_path, picture_features(), {"train": pictures(2)})
    code = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from tfmed import data\n"
        "assert 'tensorflow_datasets' not in sys.modules\n"
        f"data.open({f'tfds:{folder}'!r})\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
