"""Series and studies out of a tree of DICOM files."""

from __future__ import annotations

from pathlib import Path

import makers
import makers_dicom
import numpy as np
import pytest

from tfmed import data, io
from tfmed.data.auditing import audit
from tfmed.data.sources import dicomdir
from tfmed.errors import ConfigError, DataError


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
    assert list(dataset.rejects["reason"]) == ["the 5 images of its series have different labels"]


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


def uneven(folder: Path) -> None:
    """Three series: an even one, one that lacks a slice, and one in two phases."""
    makers_dicom.slices(folder / "even", makers.noise((4, 6, 6)), about=patient("A"))
    volume = makers.noise((4, 6, 6), 1)
    makers_dicom.slices(folder / "gap", volume, steps_mm=[0, 2, 6, 8], about=patient("B"))
    makers_dicom.slices(folder / "phases", volume, steps_mm=[0, 0, 2, 2], about=patient("C"))


def patient(name: str) -> makers.Slice:
    return makers.Slice(patient=name, spacing_mm=(0.5, 0.5))


def test_uneven_series_are_rejects_with_what_how_many_and_where(tmp_path: Path) -> None:
    uneven(tmp_path)
    dataset = data.open(tmp_path, unit="series")
    assert list(dataset.table["id"]) == ["even"]
    assert len(dataset.rejects) == 2
    said = dict(zip(dataset.rejects["path"].map(lambda p: Path(p).parent.name),
                    dataset.rejects["reason"], strict=True))  # fmt: skip
    start = "its series of 4 files is no even volume: "
    assert said["gap"] == (
        f"{start}1 slice is missing between slices 2 and 3 (4 mm apart); the others are 2 mm apart"
    )
    assert said["phases"].startswith(f"{start}2 positions hold 2 slices each")


def test_uneven_series_are_kept_with_one_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    uneven(tmp_path)
    dataset = data.open(tmp_path, unit="series", on_geometry="warn")
    assert list(dataset.table["id"]) == ["even", "gap", "phases"]
    assert dataset.facts["geometry"].startswith("2 of 3 series are no even volumes")
    assert " ".join(capfd.readouterr().err.split()).count("are no even volumes") == 1
    audited = audit(dataset, workers=0)
    assert list(audited.table["depth"]) == [4, 4, 4]
    assert not len(audited.rejects)


def test_an_uneven_series_does_not_stand_for_a_study(tmp_path: Path) -> None:
    for name, steps_mm in (("chest", [0, 2, 4]), ("scout", [0, 0, 0, 0])):
        about = makers.Slice(study=makers.uid("study"), series=makers.uid(name))
        volume = makers.noise((len(steps_mm), 4, 4))
        makers_dicom.slices(tmp_path / name, volume, steps_mm=steps_mm, about=about)
    dataset = data.open(tmp_path, unit="study")
    assert list(dataset.table["id"]) == ["chest"]
    assert not len(dataset.rejects)


def test_an_unknown_way_with_geometry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown on_geometry 'wran'"):
        data.open(tmp_path, on_geometry="wran")
