"""Label maps as DICOM SEG, written and read back by highdicom and by ourselves."""

from __future__ import annotations

import sys
from pathlib import Path

import makers_dicom_out as makers_out
import numpy as np
import pydicom
import pytest

from tfmed.errors import GeometryError, MissingExtra, ReadError
from tfmed.io import dicom_seg, dicom_seg_out, dicom_seg_slices, read_series
from tfmed.io.dicom_codes import local, structure

highdicom = pytest.importorskip("highdicom")

CLASSES = ("background", "liver", "pale area", "kidney")
LONG = "an area of a name that is longer than any label of a segment may be"


def example(paths: list[Path]) -> dict[str, object]:
    return {"path": str(paths[0]), "files": [str(path) for path in paths]}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("plane", ["axial", "sagittal", "oblique"])
def test_highdicom_finds_each_slice_where_its_image_is(
    tmp_path: Path, plane: str, turned: bool
) -> None:
    paths = makers_out.ct(tmp_path / "ct", plane)[:: -1 if turned else 1]
    drawn, out = makers_out.labels(), tmp_path / "seg.dcm"
    dicom_seg_out.write(out, drawn, paths, CLASSES)
    assert makers_out.errors(out) == []
    found = highdicom.seg.segread(out)
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in paths]
    frames = found.get_pixels_by_source_instance(uids, combine_segments=True)
    np.testing.assert_array_equal(frames, drawn)
    volume = found.get_volume(combine_segments=True)
    # highdicom's affine is LPS; the slices without any voxel are left out at both ends.
    for corner in ((0, 0, 0), (1, 3, 5)):
        at = volume.map_indices_to_reference(np.array([corner]))[0]
        place = np.linalg.inv(read_series(paths).affine) @ [-at[0], -at[1], at[2], 1]
        slice_, row, column = np.rint(place[:3]).astype(int)
        np.testing.assert_allclose(place[:3], [slice_, row, column], atol=1e-4)
        assert drawn[slice_, row, column] == volume.array[corner]


def test_a_class_is_found_again_by_a_label_that_was_cut(tmp_path: Path) -> None:
    paths, drawn, out = makers_out.ct(tmp_path / "ct"), makers_out.labels(), tmp_path / "seg.dcm"
    classes = ("background", LONG, "liver")
    dicom_seg_out.write(out, drawn, paths, classes)
    again = dicom_seg_slices.label_map([str(out)], example(paths), classes, drawn.shape, None)
    np.testing.assert_array_equal(again, drawn)


def test_our_readers_give_the_map_back(tmp_path: Path) -> None:
    paths, drawn, out = makers_out.ct(tmp_path / "ct"), makers_out.labels(), tmp_path / "seg.dcm"
    dicom_seg_out.write(out, drawn, paths, CLASSES)
    image = read_series(paths)
    again = dicom_seg_slices.label_map(
        [str(out)], example(paths), CLASSES, drawn.shape, image.spacing_mm
    )
    np.testing.assert_array_equal(again, drawn)
    alone = dicom_seg.read(out)
    np.testing.assert_array_equal(alone.labels, drawn[1:5])
    assert alone.names == dict(enumerate(CLASSES[1:], start=1))
    assert alone.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    np.testing.assert_allclose(alone.affine[:, 1:3], image.affine[:, 1:3], atol=1e-9)
    np.testing.assert_allclose(alone.affine @ [0, 2, 3, 1], image.affine @ [1, 2, 3, 1], atol=1e-6)
    assert dicom_seg.is_seg(out) and not dicom_seg.is_seg(paths[0])


def test_frames_of_one_file_are_segmented_frame_by_frame(tmp_path: Path) -> None:
    path, drawn, out = makers_out.mr(tmp_path / "mr.dcm"), makers_out.labels(), tmp_path / "seg.dcm"
    dicom_seg_out.write(out, drawn, [path], CLASSES[:3])
    assert makers_out.errors(out) == []
    uid = pydicom.dcmread(path).SOPInstanceUID
    frames = highdicom.seg.segread(out).get_pixels_by_source_frame(
        uid,
        list(range(1, len(drawn) + 1)),
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(frames, drawn)
    source = {"path": str(path), "files": None}
    again = dicom_seg_slices.label_map([str(out)], source, CLASSES, drawn.shape, (3.0, 0.75, 0.5))
    np.testing.assert_array_equal(again, drawn)


def test_a_single_image_without_a_place_is_segmented(tmp_path: Path) -> None:
    path, drawn = makers_out.radiograph(tmp_path / "dx.dcm"), makers_out.labels()[2]
    out = tmp_path / "seg.dcm"
    dicom_seg_out.write(out, drawn, [path], CLASSES[:3])
    assert makers_out.errors(out) == []
    alone = dicom_seg.read(out)
    np.testing.assert_array_equal(alone.labels, drawn)
    assert alone.spacing_mm == pytest.approx((0.2, 0.1)) and alone.affine is None


def test_a_map_of_background_alone_is_written_with_all_its_slices(tmp_path: Path) -> None:
    paths, out = makers_out.ct(tmp_path / "ct"), tmp_path / "seg.dcm"
    dicom_seg_out.write(out, np.zeros(makers_out.SHAPE, np.uint8), paths, CLASSES[:2])
    assert makers_out.errors(out) == []
    alone = dicom_seg.read(out)
    assert alone.labels.shape == makers_out.SHAPE and not alone.labels.any()


def test_segments_say_what_they_are_and_who_drew_them(tmp_path: Path) -> None:
    paths, out = makers_out.ct(tmp_path / "ct"), tmp_path / "seg.dcm"
    dicom_seg_out.write(out, makers_out.labels(), paths, CLASSES)
    data = pydicom.dcmread(out)
    first, second, _ = data.SegmentSequence
    kinds = [one.SegmentedPropertyTypeCodeSequence[0] for one in (first, second)]
    assert [(one.CodeValue, one.CodingSchemeDesignator) for one in kinds] == [
        ("10200004", "SCT"),
        ("pale area", "99TFMED"),
    ]
    assert first.SegmentAlgorithmType == "AUTOMATIC" and first.SegmentAlgorithmName == "tfmed"
    assert "not a medical device" in data.ManufacturerModelName


def test_of_the_patient_comes_what_the_standard_demands_and_no_more(tmp_path: Path) -> None:
    paths, out = makers_out.ct(tmp_path / "ct"), tmp_path / "seg.dcm"
    for path in paths:
        data = pydicom.dcmread(path)
        data.PatientAddress, data.ImageComments = "SECRET", "SECRET"
        data.OperatorsName, data.InstitutionName = "SECRET", "SECRET"
        data.PatientComments, data.OtherPatientIDs = "SECRET", "SECRET"
        data.save_as(path)
    dicom_seg_out.write(out, makers_out.labels(), paths, CLASSES)
    assert b"SECRET" not in out.read_bytes()
    assert pydicom.dcmread(out).PatientID == "P1"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("liver", "10200004"),
        ("Tumour", "108369006"),
        ("vessel", "59820001"),
        ("lymph_node", "59441001"),
        ("left", "left"),
    ],
)
def test_names_of_the_standards_lists_have_its_codes(name: str, code: str) -> None:
    assert structure(name)[1].value == code


def test_codes_of_our_own_fit_into_their_attributes() -> None:
    long = local("a very long name of a class, längər than any code may be " * 2)
    assert len(long.value) == 16 and len(long.meaning) == 64
    assert long.value != local("another very long name of a class").value


def test_what_does_not_fit_or_cannot_be_referred_to_is_refused(tmp_path: Path) -> None:
    paths, out = makers_out.ct(tmp_path / "ct"), tmp_path / "seg.dcm"
    with pytest.raises(GeometryError, match=r"images are \(6, 12, 16\), their mask's shape"):
        dicom_seg_out.write(out, makers_out.labels()[:3], paths, CLASSES)
    data = pydicom.dcmread(paths[0])
    del data.StudyInstanceUID
    data.save_as(paths[0])
    with pytest.raises(ReadError, match="it has no StudyInstanceUID"):
        dicom_seg_out.write(out, makers_out.labels(), paths, CLASSES)
    assert not out.exists()


def test_frames_that_lie_unevenly_are_no_volume_of_their_own(tmp_path: Path) -> None:
    paths, out = makers_out.ct(tmp_path / "ct"), tmp_path / "seg.dcm"
    dicom_seg_out.write(out, makers_out.labels(), paths, (*CLASSES[:2], "lesion"))
    data = pydicom.dcmread(out)
    place = data.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    place.ImagePositionPatient = [*place.ImagePositionPatient[:2], 20.9]
    data.save_as(out)
    with pytest.raises(GeometryError, match="unevenly"):
        dicom_seg.read(out)


def test_without_highdicom_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    monkeypatch.setattr(dicom_seg_out, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"tfmed\[dicom\]"):
        dicom_seg_out.write(tmp_path / "a.dcm", makers_out.labels(), [], CLASSES)
