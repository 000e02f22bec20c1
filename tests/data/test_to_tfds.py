"""Data sets written as TFDS data sets, and read by TFDS alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import makers
import numpy as np
import pandas as pd
import pytest
from makers_tfds import read_back

from tfmed import data
from tfmed.data import Dataset, archives, to_tfds
from tfmed.data.auditing import audit
from tfmed.errors import DataError, MissingExtra
from tfmed.io import read, read_series

SPLITS = {"train": "train", "validation": "val", "test": "test"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "of_tfds"))
    return tmp_path / "home"


def ct(folder: Path, patients: int = 3) -> Dataset:
    """Two CT slices a patient, in HU, with a table of labels."""
    rows = []
    for patient in range(patients):
        for number in range(2):
            about = makers.Slice(
                patient=f"HOSPITAL-{patient}",
                intercept=-1024.0,
                window=(-160.0, 240.0),
                number=number,
                extra={"RescaleType": "HU"},
            )
            pixels = makers.noise((9, 7), 10 * patient + number, 0, 3000, "uint16")
            makers.dicom(folder / f"p{patient}_{number}.dcm", pixels, about)
            rows.append(f"p{patient}_{number}.dcm,{('clear', 'mass')[patient % 2]}")
    (folder / "labels.csv").write_text("\n".join(["path,label", *rows]))
    return data.open(folder / "labels.csv")


def pairs(table: pd.DataFrame) -> set[frozenset[int]]:
    """Which rows are of one patient, by the order of their pixels' digests."""
    ordered = table.sort_values("digest").reset_index(drop=True)
    return {frozenset(rows) for rows in ordered.groupby("patient").groups.values()}


def test_tfds_reads_the_pixels_labels_and_splits_without_tfmed(tmp_path: Path) -> None:
    makers.class_folders(tmp_path / "chest_xray", count=3, parts=("train", "val", "test"))
    dataset = audit(data.open(tmp_path / "chest_xray"), workers=0)
    written = to_tfds.write(dataset, tmp_path / "out", workers=0)
    folder = tmp_path / "out" / "chest_xray" / "1.0.0"
    assert written.facts["tfds"] == str(folder)
    assert list(folder.parent.iterdir()) == [folder], "nothing else is left beside it"
    examples = read_back(folder)
    assert set(examples) == set(SPLITS)
    for split, part in SPLITS.items():
        rows = dataset.part(part).table
        wanted = {
            (read(path).pixels.tobytes(), dataset.classes.index(label))
            for path, label in zip(rows["path"], rows["label"], strict=True)
        }
        got = {(one["image"].tobytes(), int(one["label"])) for one in examples[split]}
        assert len(examples[split]) == len(rows)
        assert got == wanted
    code = (
        "import sys; sys.modules['tfmed'] = None\n"
        "import tensorflow_datasets as tfds\n"
        f"builder = tfds.builder_from_directory({str(folder)!r})\n"
        "print(builder.info.splits['train'].num_examples, builder.info.features['label'].names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "6 ['normal', 'pneumonia']\n"


def test_hounsfield_units_are_kept_with_what_is_known_of_them(tmp_path: Path) -> None:
    dataset = audit(ct(tmp_path / "ct"), workers=0)
    written = to_tfds.write(dataset, tmp_path / "out", workers=0)
    examples = read_back(written.facts["tfds"])["train"]
    images = {read(path).pixels.tobytes() for path in dataset.table["path"]}
    assert {one["image"].tobytes() for one in examples} == images
    for one in examples:
        assert one["image"].dtype == np.int32, "as read: -1024 to 64511"
        assert one["image"].shape == (9, 7, 1)
        np.testing.assert_array_equal(one["spacing_mm"], [0.5, 0.5])
        np.testing.assert_array_equal(one["window"], read(dataset.table["path"][0]).window)
        assert (one["units"], one["modality"]) == (b"HU", b"CT")


def test_no_identifier_of_a_patient_leaves(tmp_path: Path) -> None:
    dataset = audit(ct(tmp_path / "ct"), workers=0)
    assert dataset.table["patient"].str.startswith("HOSPITAL").all()
    exports = [to_tfds.write(dataset, tmp_path / name, workers=0) for name in ("one", "two")]
    names = []
    for export in exports:
        folder = Path(export.facts["tfds"])
        content = b"".join(path.read_bytes() for path in folder.iterdir())
        for secret in (b"HOSPITAL", b"p0_0", b"Doe", str(tmp_path).encode()):
            assert secret not in content
        examples = read_back(folder)["train"]
        patients = pd.Series([one["patient"] for one in examples])
        assert list(patients.value_counts()) == [2, 2, 2], "a patient's images stay together"
        names.append({one[key] for one in examples for key in ("patient", "id")})
        assert {len(name) for name in names[-1]} == {32}
    assert not names[0] & names[1], "two exports cannot be joined"


def test_what_tfmed_reads_back_is_what_it_wrote(tmp_path: Path) -> None:
    dataset = audit(ct(tmp_path / "ct", 6), workers=0)
    parts = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    dataset = dataset.with_table(dataset.table.assign(split=parts))
    to_tfds.write(dataset, tmp_path / "out", workers=0)
    again = audit(data.open(f"tfds:{tmp_path / 'out'}"), workers=0)
    told = ["digest", "label", "split", "row_spacing_mm", "patient_known", "units", "modality"]
    before = dataset.table[told].sort_values("digest").reset_index(drop=True)
    pd.testing.assert_frame_equal(
        again.table[told].sort_values("digest").reset_index(drop=True), before, check_dtype=False
    )
    assert again.classes == dataset.classes
    assert pairs(again.table) == pairs(dataset.table)


def test_volumes_of_several_sizes_are_tensors(tmp_path: Path) -> None:
    for patient, depth in ((0, 3), (1, 5)):
        volume = makers.noise((depth, 9, 7), patient, 0, 3000, "uint16")
        about = makers.Slice(patient=f"P{patient}", intercept=-1000.0)
        makers.series(tmp_path / "ct" / ("clear", "mass")[patient] / "scan", volume, about)
    dataset = audit(data.open(tmp_path / "ct", unit="series"), workers=0)
    examples = read_back(to_tfds.write(dataset, tmp_path / "out", workers=0).facts["tfds"])["train"]
    wanted = {read_series(list(files)).pixels.tobytes() for files in dataset.table["files"]}
    assert {one["image"].tobytes() for one in examples} == wanted
    assert {one["image"].shape for one in examples} == {(3, 9, 7, 1), (5, 9, 7, 1)}
    for one in examples:
        np.testing.assert_array_equal(one["spacing_mm"], [2.0, 0.5, 0.5])
        assert not one["clip"]


def test_images_of_8_and_16_bits_share_16(tmp_path: Path) -> None:
    makers.raster(tmp_path / "x" / "a" / "1.png", makers.noise((8, 6), 1))
    makers.raster(tmp_path / "x" / "b" / "2.png", makers.noise((5, 6), 2, 0, 60000, "uint16"))
    written = to_tfds.write(data.open(tmp_path / "x"), tmp_path / "out", workers=0)
    images = [one["image"] for one in read_back(written.facts["tfds"])["train"]]
    assert {image.dtype.name for image in images} == {"uint16"}
    wanted = {tuple(read(path).pixels.ravel().tolist()) for path in written.table["path"]}
    assert {tuple(image.ravel().tolist()) for image in images} == wanted


def test_several_labels_and_unknown_ones_come_back(tmp_path: Path) -> None:
    values = makers.noise((4, 8, 6), 1)
    labels = np.array([[1, 0, 1], [0, -1, 0], [0, 0, 0], [-1, -1, -1]], np.int8)
    np.savez(tmp_path / "findings.npz", train_images=values, train_labels=labels)
    dataset = data.open(tmp_path / "findings.npz")
    written = to_tfds.write(dataset, tmp_path / "out")
    again = data.open(f"tfds:{written.facts['tfds']}")
    assert again.multi_label
    assert again.classes == ("0", "1", "2")
    found = {
        read(path).pixels.tobytes(): (label, unknown)
        for path, label, unknown in zip(
            again.table["path"], again.table["label"], again.table["unknown"], strict=True
        )
    }
    wanted = zip(dataset.table["label"], dataset.table["unknown"], strict=True)
    images = archives.images(tmp_path / "findings.npz", "train_images")
    assert found == {image.tobytes(): one for image, one in zip(images, wanted, strict=True)}


def test_images_without_labels_have_none(tmp_path: Path) -> None:
    for number in range(2):
        makers.raster(tmp_path / "x" / f"{number}.png", makers.noise((8, 6), number))
    written = to_tfds.write(data.open(tmp_path / "x"), tmp_path / "out", workers=0)
    assert "label" not in read_back(written.facts["tfds"])["train"][0]
    assert not data.open(f"tfds:{written.facts['tfds']}").labelled


@pytest.mark.parametrize("beam", [False, True])
def test_a_file_that_breaks_costs_itself_alone(tmp_path: Path, beam: bool) -> None:
    makers.class_folders(tmp_path / "x", count=3)
    dataset = audit(data.open(tmp_path / "x"), workers=0)
    Path(dataset.table["path"][1]).write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    makers.raster(Path(dataset.table["path"][4]), makers.noise((3, 3), 1))
    written = to_tfds.write(dataset, tmp_path / "out", beam=beam, workers=0)
    assert sorted(written.table["id"]) == sorted(dataset.table["id"].drop([1, 4]))
    assert list(written.rejects["path"]) == list(dataset.table["path"][[1, 4]])
    assert written.rejects["reason"][1] == "it is not the image that the audit saw"
    assert len(read_back(written.facts["tfds"])["train"]) == 4
    with pytest.raises(DataError, match="no example of a part of x can be read"):
        for path in dataset.table["path"]:
            Path(path).write_bytes(b"gone")
        to_tfds.write(dataset, tmp_path / "none", beam=beam, workers=0)
    assert not list((tmp_path / "none" / "x").iterdir())


def test_with_beam_the_examples_are_the_same(tmp_path: Path) -> None:
    dataset = audit(ct(tmp_path / "ct", 4), workers=0)
    found = []
    for beam in (False, True):
        written = to_tfds.write(dataset, tmp_path / str(beam), beam=beam, workers=0)
        assert len(written) == len(dataset)
        examples = read_back(written.facts["tfds"])
        assert list(examples) == ["train"]
        found.append(
            {
                (one["image"].tobytes(), int(one["label"]), one["units"], tuple(one["spacing_mm"]))
                for one in examples["train"]
            }
        )
        patients = pd.Series([one["patient"] for one in examples["train"]])
        assert list(patients.value_counts()) == [2] * 4
    assert found[0] == found[1]
    assert len(found[0]) == 8


def test_worker_processes_write_the_same(tmp_path: Path) -> None:
    dataset = audit(ct(tmp_path / "ct"), workers=0)
    found = [
        {one["image"].tobytes() for one in read_back(written.facts["tfds"])["train"]}
        for written in (
            to_tfds.write(dataset, tmp_path / "none", workers=0),
            to_tfds.write(dataset, tmp_path / "two", workers=2),
        )
    ]
    assert found[0] == found[1]


def test_a_write_that_is_stopped_leaves_what_was_there(tmp_path: Path, monkeypatch) -> None:
    dataset = audit(ct(tmp_path / "ct"), workers=0)
    folder = Path(to_tfds.write(dataset, tmp_path / "out", workers=0).facts["tfds"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    whole, calls = to_tfds.encode, []

    def stopped(row, form):
        calls.append(row)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(row, form)

    monkeypatch.setattr(to_tfds, "encode", stopped)
    with pytest.raises(KeyboardInterrupt):
        to_tfds.write(dataset, tmp_path / "out", workers=0)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]
    monkeypatch.undo()
    to_tfds.write(dataset, tmp_path / "out", workers=0)
    assert {path.name for path in folder.iterdir()} == set(before)


def test_beam_that_is_not_installed_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'tfmed\[beam\]'"):
        to_tfds.write(ct(tmp_path / "ct"), tmp_path / "out", beam=True)


@pytest.mark.parametrize(
    ("name", "known"),
    [("Chest X-ray (2)", "chest_x_ray_2"), ("2024 CT", "data_2024_ct"), ("ü", "data")],
)
def test_names_are_made_as_tfds_takes_them(name: str, known: str) -> None:
    assert to_tfds._name(name) == known
