"""Series and studies out of a tree of DICOM files."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest

from tfmed import data, io
from tfmed.data import dicomdir
from tfmed.errors import DataError


def tree(folder: Path) -> dict[str, np.ndarray]:
    """Two classes of three patients, each with a series of four slices."""
    volumes = {}
    for label in ("normal", "nodule"):
        for number in range(3):
            patient = f"{label}{number}"
            volume = makers.noise((4, 6, 6), len(volumes) + 1, dtype="int16")
            makers.series(folder / label / patient, volume, makers.Slice(patient=patient))
            volumes[f"{label}/{patient}"] = volume
    return volumes


def test_a_series_is_one_example_with_its_slices_in_order(tmp_path: Path) -> None:
    volumes = tree(tmp_path)
    dataset = data.open(tmp_path, unit="series")
    assert sorted(dataset.table["id"]) == sorted(volumes)
    for row in dataset.table.itertuples():
        pixels = io.read_series(row.files).pixels
        np.testing.assert_array_equal(pixels[..., 0], volumes[row.id])
        assert row.path == row.files[0]
        assert row.patient_known
        assert row.label == row.id.split("/")[0]
    assert dataset.facts["unit"] == "one example is a series"


def test_without_positions_the_instance_number_orders(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        about = makers.Slice(number=number, extra={"ImagePositionPatient": None})
        makers.dicom(tmp_path / f"{number}.dcm", makers.noise((4, 4), number), about)
    files = data.open(tmp_path, unit="series").table["files"][0]
    assert [Path(path).name for path in files] == ["1.dcm", "2.dcm", "3.dcm"]


def test_the_largest_series_stands_for_its_study(tmp_path: Path) -> None:
    for name, slices in (("scout", 1), ("chest", 3), ("bone", 2)):
        about = makers.Slice(study=makers.uid("study"), series=makers.uid(name))
        volume = makers.noise((slices, 4, 4), slices, dtype="int16")
        makers.series(tmp_path / name, volume, about)
    dataset = data.open(tmp_path, unit="study")
    assert list(dataset.table["id"]) == ["chest"]
    assert "2 smaller series were left out" in dataset.facts["unit"]


def test_files_that_do_not_fit_a_series_are_rejects(tmp_path: Path) -> None:
    makers.series(tmp_path, makers.noise((3, 6, 6), 1, dtype="int16"))
    makers.dicom(tmp_path / "scout.dcm", makers.noise((9, 6)), makers.Slice(number=9))
    makers.raster(tmp_path / "photo.png", makers.noise((6, 6)))
    dataset = data.open(tmp_path, unit="series")
    assert len(dataset.table["files"][0]) == 3
    said = {Path(row.path).name: row.reason for row in dataset.rejects.itertuples()}
    assert said["scout.dcm"] == "its size is not that of its series"
    assert said["photo.png"] == "not a DICOM file"


def test_a_series_in_two_classes_is_a_reject(tmp_path: Path) -> None:
    tree(tmp_path)
    stray = makers.Slice(patient="normal0", number=9, position_mm=(0, 0, 99))
    makers.dicom(tmp_path / "nodule" / "stray.dcm", makers.noise((6, 6), dtype="int16"), stray)
    dataset = data.open(tmp_path, unit="series")
    assert len(dataset) == 5
    assert set(dataset.rejects["reason"]) == {"the images of its series have different labels"}
    assert len(dataset.rejects) == 5


def test_series_of_files_that_are_no_dicom_is_an_error(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1)
    with pytest.raises(DataError, match="no readable DICOM to group"):
        data.open(tmp_path, unit="series")


def test_headers_come_in_order_and_a_bad_file_gives_a_reason(tmp_path: Path) -> None:
    good = makers.dicom(tmp_path / "a", makers.noise((4, 4)), makers.Slice(patient="A"))
    (tmp_path / "b").write_bytes(b"")
    headers = dicomdir.read_headers([str(tmp_path / "b"), str(good)])
    assert isinstance(headers[0], str)
    assert headers[1].patient == "A"
