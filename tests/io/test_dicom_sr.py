"""Measurements as DICOM SR, read back by highdicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import makers_dicom_out as makers_out
import numpy as np
import pydicom
import pytest

from tfmed.errors import DataError
from tfmed.io import dicom_seg_out, dicom_sr
from tfmed.measure import definitions

highdicom = pytest.importorskip("highdicom")

CLASSES = ("background", "liver", "pale area", "kidney")
LIVER = {"class": "liver", "value": 1, "objects": 1, "volume_mm3": 1 / 3, "intensity_mean": -41.25}
LIVER |= {"longest_diameter_mm": 12.5, "perpendicular_diameter_mm": None}
AREA = {"class": "pale area", "value": 2, "objects": 2, "volume_mm3": 11.25}
NOTHING = {"class": "kidney", "value": 3, "objects": 0, "volume_mm3": None}


def written(folder: Path, rows: list[dict[str, Any]], units: str = "HU") -> Path:
    paths, seg, out = makers_out.ct(folder / "ct"), folder / "seg.dcm", folder / "sr.dcm"
    dicom_seg_out.write(seg, makers_out.labels(), paths, CLASSES)
    dicom_sr.write(out, seg, paths, rows, units)
    return out


def told(group: Any) -> dict[str, tuple[float, str]]:
    return {one.name.meaning: (one.value, one.unit.value) for one in group.get_measurements()}


def test_each_segment_is_a_group_with_its_measurements_in_full(tmp_path: Path) -> None:
    out = written(tmp_path, [LIVER, AREA, NOTHING])
    assert makers_out.errors(out) == []
    report = highdicom.sr.srread(out)
    liver, area = report.content.get_volumetric_roi_measurement_groups()
    assert told(liver) == {
        "Volume": (1 / 3, "mm3"),
        "Long axis": (12.5, "mm"),
        "Number of connected parts": (1.0, "1"),
        "Voxel value": (-41.25, "[hnsf'U]"),
    }
    assert told(area)["Volume"] == (11.25, "mm3")
    assert liver.finding_type.value == "10200004" and liver.tracking_identifier == "liver"


def test_groups_refer_to_the_segment_and_to_the_images_under_it(tmp_path: Path) -> None:
    report = pydicom.dcmread(written(tmp_path, [LIVER]))
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    content = report.to_json()
    shown = np.flatnonzero((makers_out.labels() == 1).any(axis=(1, 2)))
    paths = sorted((tmp_path / "ct").iterdir())
    assert seg.SOPInstanceUID in content
    for number in shown:
        assert pydicom.dcmread(paths[number]).SOPInstanceUID in content
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == seg.StudyInstanceUID == report.StudyInstanceUID
    assert report.PatientID == "P1" and report.VerificationFlag == "UNVERIFIED"


def test_values_of_other_units_than_hounsfield_have_none(tmp_path: Path) -> None:
    report = highdicom.sr.srread(written(tmp_path, [LIVER], ""))
    (liver,) = report.content.get_volumetric_roi_measurement_groups()
    assert told(liver)["Voxel value"] == (-41.25, "1")


def test_frames_of_one_file_can_be_reported(tmp_path: Path) -> None:
    path, seg, out = makers_out.mr(tmp_path / "mr.dcm"), tmp_path / "s.dcm", tmp_path / "sr.dcm"
    dicom_seg_out.write(seg, makers_out.labels(), [path], CLASSES)
    dicom_sr.write(out, seg, [path], [LIVER, AREA])
    assert makers_out.errors(out) == []


def test_a_flat_image_is_a_planar_region(tmp_path: Path) -> None:
    path, seg = makers_out.radiograph(tmp_path / "dx.dcm"), tmp_path / "seg.dcm"
    out = tmp_path / "sr.dcm"
    dicom_seg_out.write(seg, makers_out.labels()[2], [path], CLASSES)
    rows = [{"class": "liver", "value": 1, "objects": 1, "area_mm2": 2.5, "perimeter_mm": 7.0}]
    dicom_sr.write(out, seg, [path], rows)
    assert makers_out.errors(out) == []
    (liver,) = highdicom.sr.srread(out).content.get_planar_roi_measurement_groups()
    found = told(liver)
    assert found["Area"] == (2.5, "mm2") and found["Perimeter"] == (7.0, "mm")


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to report"):
        written(tmp_path, [NOTHING])


def test_every_figure_of_the_report_is_a_column_and_every_code_fits() -> None:
    known = {
        name
        for axes in (2, 3)
        for name in definitions.units(definitions.STRUCTURES, "mm", axes).values()
    }
    assert set(dicom_sr.MEASUREMENTS) <= known
    for one in dicom_sr.MEASUREMENTS.values():
        assert len(one.name.value) <= 16 and len(one.name.meaning) <= 64


def test_codes_of_standard_schemes_are_those_of_the_standard() -> None:
    from pydicom.sr._concepts_dict import concepts

    for one in dicom_sr.MEASUREMENTS.values():
        for code in (one.name, one.derivation, one.method):
            if code is None or code.scheme_designator == "99TFMED":
                continue
            known = concepts[code.scheme_designator].values()
            meanings = [entry[code.value][0] for entry in known if code.value in entry]
            assert code.meaning.casefold() in [one.casefold() for one in meanings]
