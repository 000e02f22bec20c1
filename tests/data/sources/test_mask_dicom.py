"""Series of DICOM with DICOM SEG: which belongs to which, and what they draw."""

from __future__ import annotations

import shutil
from pathlib import Path

import makers
import makers_dicom
import makers_masks
import numpy as np
import pydicom
import pytest

from tfmed import data
from tfmed.data import auditing, case_reading
from tfmed.errors import ConfigError, DataError, GeometryError

SHAPE = (5, 12, 16)


def series(folder: Path, patient: str = "P1", plane: str = "axial", **extra: object) -> list[Path]:
    """Five slices, with a frame of reference of the patient's own."""
    space = {"FrameOfReferenceUID": makers.uid(patient, "space"), **extra}
    about = makers.Slice(
        patient=patient, series=makers.uid(folder), spacing_mm=(0.75, 0.5), extra=space
    )
    return makers_dicom.slices(
        folder, makers.noise(SHAPE, len(patient), 0, 900, "int16"), plane, about=about
    )


def truth() -> dict[str, np.ndarray]:
    """A liver on slices 1 to 3, and in it a lesion on slice 2."""
    liver, lesion = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    liver[1:4, 2:9, 3:12] = True
    lesion[2, 4:6, 5:8] = True
    return {"Liver": liver, "Lesion": lesion}


def expected() -> np.ndarray:
    return truth()["Liver"].astype(np.uint8) + truth()["Lesion"]


def opened(folder: Path, **options: object) -> data.Dataset:
    return data.open(folder, truth="mask", **options)  # type: ignore[arg-type]


def case(dataset: data.Dataset, row: int = 0) -> case_reading.Case:
    example = dataset.table.iloc[row].to_dict()
    return case_reading.read(example, dataset.facts["masks"])


@pytest.mark.parametrize("plane", ["axial", "sagittal"])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_of_each_type_are_drawn_on_the_slices_of_the_series(
    tmp_path: Path, kind: str, plane: str
) -> None:
    paths = series(tmp_path / "ct", plane=plane)
    drawn = truth()
    if kind == "LABELMAP":
        drawn["Liver"] = drawn["Liver"] & ~drawn["Lesion"]
    if kind == "FRACTIONAL":  # half and more belong to it
        drawn = {name: values * 0.5 + ~values * 0.49 for name, values in drawn.items()}
    makers_masks.seg(tmp_path / "seg" / "a.dcm", paths, drawn, kind)
    dataset = opened(tmp_path)
    assert dataset.classes == ("background", "Liver", "Lesion")
    assert dataset.facts["masks"]["kind"] == "dicom seg"
    found = case(dataset)
    assert found.mask is not None and found.mask.dtype == np.uint8
    assert found.pixels.shape == (*SHAPE, 1) and found.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    # The series may be stacked the other way round than its files' names say.
    order = [paths.index(Path(path)) for path in dataset.table["files"].iloc[0]]
    np.testing.assert_array_equal(found.mask, expected()[order])


def test_frames_without_a_place_lie_on_the_image_that_they_name(tmp_path: Path) -> None:
    paths = series(tmp_path / "ct")
    makers_masks.seg(tmp_path / "a.dcm", paths, truth(), places=False)
    np.testing.assert_array_equal(case(opened(tmp_path)).mask, expected())


def test_a_segmentation_finds_its_series_by_uid_or_by_the_only_one_of_its_space(
    tmp_path: Path,
) -> None:
    first, second = series(tmp_path / "a", "P1"), series(tmp_path / "b", "P22")
    makers_masks.seg(tmp_path / "segs" / "1.dcm", first, truth())
    makers_masks.seg(tmp_path / "segs" / "2.dcm", second, truth(), reference=False)
    dataset = opened(tmp_path)
    assert [Path(one[0]).name for one in dataset.table["mask"]] == ["1.dcm", "2.dcm"]
    assert not len(dataset.rejects)


def test_series_and_segmentations_may_lie_in_images_and_masks_of_parts(tmp_path: Path) -> None:
    for part, patient in (("train", "P1"), ("test", "P22")):
        paths = series(tmp_path / part / "images" / patient, patient)
        makers_masks.seg(tmp_path / part / "masks" / f"{patient}.dcm", paths, truth())
    dataset = opened(tmp_path)
    assert sorted(dataset.table["split"]) == ["test", "train"] and dataset.answered.all()


def test_two_series_of_one_space_leave_it_open_which_is_meant(tmp_path: Path) -> None:
    first = series(tmp_path / "a", "P1")
    series(tmp_path / "b", "P1")
    other = series(tmp_path / "c", "P22")
    makers_masks.seg(tmp_path / "segs" / "1.dcm", first, truth(), reference=False)
    makers_masks.seg(tmp_path / "segs" / "2.dcm", other, truth())
    dataset = opened(tmp_path)
    assert dataset.table["mask"].notna().sum() == 1
    assert "fits 2 series of one frame of reference" in dataset.rejects["reason"].iloc[0]


def test_several_files_of_one_series_are_joined_unless_they_draw_one_thing_twice(
    tmp_path: Path,
) -> None:
    paths = series(tmp_path / "ct")
    makers_masks.seg(tmp_path / "liver.dcm", paths, {"Liver": truth()["Liver"]})
    makers_masks.seg(tmp_path / "zlesion.dcm", paths, {"Lesion": truth()["Lesion"]})
    np.testing.assert_array_equal(case(opened(tmp_path)).mask, expected())
    makers_masks.seg(tmp_path / "again.dcm", paths, {"Liver": truth()["Liver"]})
    assert "one label" in opened(tmp_path).rejects["reason"].iloc[0]


def test_wished_classes_choose_segments_and_their_order(tmp_path: Path) -> None:
    makers_masks.seg(tmp_path / "a.dcm", series(tmp_path / "ct"), truth())
    dataset = opened(tmp_path, classes=("Lesion",))
    assert dataset.classes == ("background", "Lesion")
    np.testing.assert_array_equal(case(dataset).mask, truth()["Lesion"])
    with pytest.raises(ConfigError, match="'Leson' is no segment; did you mean 'Lesion'"):
        opened(tmp_path, classes=("Leson",))


def test_frames_off_the_slices_are_refused_and_become_rejects(tmp_path: Path) -> None:
    makers_masks.seg(tmp_path / "a.dcm", series(tmp_path / "ct"), truth(), shift_mm=0.4)
    makers_masks.seg(tmp_path / "b.dcm", series(tmp_path / "mr", "P22"), truth())
    dataset = opened(tmp_path)
    with pytest.raises(GeometryError, match=r"lies 0\.4 mm away"):
        case(dataset)
    whole = auditing.audit(dataset, workers=0)
    assert len(whole) == 1 and "0.4 mm away" in whole.rejects["reason"].iloc[0]
    liver, lesion = truth()["Liver"], truth()["Lesion"]
    counts = [(~liver).sum(), liver.sum() - lesion.sum(), lesion.sum()]
    assert list(whole.table["class_voxels"][0]) == counts


def test_another_size_or_spacing_is_refused(tmp_path: Path) -> None:
    paths = series(tmp_path / "ct")
    makers_masks.seg(tmp_path / "a.dcm", paths, truth(), Rows=16, Columns=12)
    with pytest.raises(DataError, match=r"its shape is \(16, 12\), its images' \(12, 16\)"):
        case(opened(tmp_path))


def test_a_tree_without_segmentations_says_what_is_missing(tmp_path: Path) -> None:
    paths = series(tmp_path / "ct")
    with pytest.raises(DataError, match="holds DICOM and no DICOM SEG"):
        opened(tmp_path)
    other = series(tmp_path.parent / "elsewhere", "P22")
    makers_masks.seg(tmp_path / "a.dcm", other, truth())
    with pytest.raises(DataError, match=r"no DICOM SEG of .* belongs to one of its 1 series"):
        opened(tmp_path)
    assert paths


def test_a_multi_frame_image_has_the_segments_of_its_frames(tmp_path: Path) -> None:
    volume = makers.noise(SHAPE, 4, 0, 900, "int16")
    path = makers_dicom.enhanced(tmp_path / "mr.dcm", volume)
    frames = makers_dicom.slices(
        tmp_path / "unused", volume, steps_mm=[3.0 * n for n in range(len(volume))]
    )
    first = pydicom.dcmread(path)
    for frame, source in zip(first.PerFrameFunctionalGroupsSequence, frames, strict=True):
        single = pydicom.dcmread(source)
        single.ImagePositionPatient = frame.PlanePositionSequence[0].ImagePositionPatient
        single.SeriesInstanceUID = first.SeriesInstanceUID
        single.save_as(source)
    makers_masks.seg(tmp_path / "seg.dcm", frames, truth())
    shutil.rmtree(tmp_path / "unused")
    np.testing.assert_array_equal(case(opened(tmp_path)).mask, expected())


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_what_highdicom_writes_is_read(tmp_path: Path, kind: str) -> None:
    highdicom = pytest.importorskip("highdicom")
    from pydicom.sr.codedict import codes

    blank = ("StudyDate", "StudyTime", "PatientBirthDate", "PatientSex", "AccessionNumber")
    told = dict.fromkeys((*blank, "StudyID"), "") | {"SliceThickness": 2.5}
    paths = series(tmp_path / "ct", plane="coronal", **told)
    drawn = np.stack(list(truth().values()), axis=-1)
    pixels = {"BINARY": drawn.astype(np.uint8), "FRACTIONAL": drawn * 0.8, "LABELMAP": expected()}[
        kind
    ]
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(truth(), start=1)
    ]
    written = highdicom.seg.Segmentation(
        [pydicom.dcmread(path) for path in paths],
        pixels,
        kind,
        segments,
        series_instance_uid=highdicom.UID(),
        series_number=2,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="tfmed",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
    )
    written.save_as(tmp_path / "seg.dcm")
    dataset = opened(tmp_path)
    order = [paths.index(Path(path)) for path in dataset.table["files"].iloc[0]]
    np.testing.assert_array_equal(case(dataset).mask, expected()[order])
