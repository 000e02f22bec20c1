"""DICOM reading against pydicom's own decoding, by hand-worked values, and on damaged files."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pydicom
import pytest
from makers_dicom import oracle

from tfmed.errors import ReadError, TfmedError
from tfmed.image import Image
from tfmed.io import dicom

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


def test_slope_and_intercept_by_hand(tmp_path: Path) -> None:
    stored = np.array([[0, 1], [2, 4095]], np.uint16)
    about = makers.Slice(bits=12, slope=2.0, intercept=-1024.0)
    image = dicom.read(makers.dicom(tmp_path / "a.dcm", stored, about))
    assert image.pixels[..., 0].tolist() == [[-1024, -1022], [-1020, 7166]]
    assert image.pixels.dtype == np.int16
    assert (image.units, image.bits, image.modality) == ("HU", 12, "CT")
    assert image.spacing_mm == (0.5, 0.5)


def test_a_fractional_slope_gives_float32(tmp_path: Path) -> None:
    stored = np.array([[0, 3]], np.uint16)
    image = dicom.read(makers.dicom(tmp_path / "a.dcm", stored, makers.Slice(slope=0.5)))
    assert image.pixels.dtype == np.float32
    assert image.pixels[0, :, 0].tolist() == [0.0, 1.5]


def test_monochrome1_is_turned_about_the_middle_of_the_stored_range(tmp_path: Path) -> None:
    stored = np.array([[0, 1000, 4095]], np.uint16)
    about = makers.Slice(
        modality="DX", bits=12, photometric="MONOCHROME1", slope=2.0, intercept=10.0,
        window=(10.0, 1011.0),
    )  # fmt: skip
    image, header = dicom.load(makers.dicom(tmp_path / "a.dcm", stored, about))
    assert dicom.inversion_sum(header) == 10 + (4095 * 2 + 10)
    assert image.pixels[0, :, 0].tolist() == [8200, 6200, 10]
    assert image.window == (8210 - 1010.0, 8210 - 10.0)


def test_a_signed_monochrome1_is_turned_within_its_range(tmp_path: Path) -> None:
    stored = np.array([[-128, 0, 127]], np.int8)
    about = makers.Slice(modality="XA", bits=8, photometric="MONOCHROME1")
    image = dicom.read(makers.dicom(tmp_path / "a.dcm", stored, about))
    assert image.pixels[0, :, 0].tolist() == [127, -1, -128]


@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_physical_units_are_never_turned(tmp_path: Path, modality: str) -> None:
    stored = np.array([[1, 2]], np.int16)
    extra = {"Units": "BQML"} if modality == "PT" else {}
    about = makers.Slice(modality=modality, photometric="MONOCHROME1", extra=extra)
    image = dicom.read(makers.dicom(tmp_path / "a.dcm", stored, about))
    assert image.physical
    assert image.pixels[0, :, 0].tolist() == [1, 2]


def test_overlay_bits_above_the_stored_ones_are_no_part_of_the_value(tmp_path: Path) -> None:
    stored = np.array([[0x0123, 0xF123]], np.uint16)
    path = makers.dicom(tmp_path / "a.dcm", stored, makers.Slice(modality="MR", bits=12))
    assert dicom.read(path).pixels[0, :, 0].tolist() == [0x123, 0x123]
    assert np.array_equal(dicom.read(path).pixels[..., 0], oracle(path))


def test_a_modality_lut_is_applied(tmp_path: Path) -> None:
    item = pydicom.Dataset()
    item.LUTDescriptor = [3, 1, 16]
    item.LUTData = np.array([10, 20, 500], "<u2").tobytes()
    item["LUTData"].VR = "OW"
    item.ModalityLUTType = "US"
    extra = {"ModalityLUTSequence": [item]}
    about = makers.Slice(modality="DX", slope=None, intercept=None, extra=extra)
    stored = np.array([[0, 1, 2, 3, 9]], np.uint16)
    path = makers.dicom(tmp_path / "a.dcm", stored, about)
    assert dicom.read(path).pixels[0, :, 0].tolist() == [10, 10, 20, 500, 500]
    assert not dicom.read_header(path).native


def test_each_frame_has_the_slope_and_place_of_its_functional_group(tmp_path: Path) -> None:
    groups = []
    for index in range(3):
        group, change, plane = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        change.RescaleSlope, change.RescaleIntercept, change.RescaleType = index + 1, 10, "HU"
        plane.ImagePositionPatient = [0, 0, 3.0 * index]
        group.PixelValueTransformationSequence = [change]
        group.PlanePositionSequence = [plane]
        groups.append(group)
    shared, measures, turn = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing = [0.5, 0.25]
    turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [turn]
    extra = {
        "PerFrameFunctionalGroupsSequence": groups,
        "SharedFunctionalGroupsSequence": [shared],
    }
    about = makers.Slice(slope=None, intercept=None, spacing_mm=None, extra=extra)
    path = makers.dicom(tmp_path / "a.dcm", np.full((3, 1, 2), 5, np.uint16), about)
    image, header = dicom.load(path)
    assert image.pixels[:, 0, 0, 0].tolist() == [15, 20, 25]
    assert dicom.read(path, 2).pixels[0, 0, 0] == 25
    assert image.spacing_mm == (3.0, 0.5, 0.25)
    assert image.units == "HU"
    assert not header.native


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"])
def test_one_frame_of_several_is_that_frame(tmp_path: Path, syntax: str) -> None:
    stored = makers.noise((3, 8, 6), high=4096, dtype="uint16")
    path = makers.dicom(tmp_path / "a.dcm", stored, makers.Slice(syntax=syntax))
    assert dicom.read(path).pixels.shape == (3, 8, 6, 1)
    for frame in range(3):
        assert np.array_equal(dicom.read(path, frame).pixels[..., 0], stored[frame])
    with pytest.raises(ReadError, match="frame 3 was asked for, it has 3"):
        dicom.read(path, 3)


def test_colour_stays_colour(tmp_path: Path) -> None:
    stored = makers.noise((5, 4, 3))
    image = dicom.read(makers.dicom(tmp_path / "a.dcm", stored, makers.Slice(modality="US")))
    assert np.array_equal(image.pixels, stored)


def test_a_native_file_is_what_its_header_says_at_its_offset(tmp_path: Path) -> None:
    stored = makers.noise((7, 5), high=4096, dtype="uint16")
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"):
        about = makers.Slice(bits=12, syntax=syntax)
        path = makers.dicom(tmp_path / "a.dcm", stored, about)
        header = dicom.read_header(path)
        raw = path.read_bytes()[header.pixel_offset :]
        assert header.native
        assert np.array_equal(np.frombuffer(raw, "<u2").reshape(7, 5), stored)


def test_interleaved_colours_of_8_bits_are_native(tmp_path: Path) -> None:
    stored = makers.noise((5, 4, 3))
    path = makers.dicom(tmp_path / "a.dcm", stored, makers.Slice(modality="XC", bits=8))
    header = dicom.read_header(path)
    raw = path.read_bytes()[header.pixel_offset :]
    assert header.native
    assert np.array_equal(np.frombuffer(raw, "u1").reshape(5, 4, 3), stored)
    data = pydicom.dcmread(path)
    data.PlanarConfiguration = 1
    data.PixelData = stored.transpose(2, 0, 1).tobytes()
    data.save_as(path)
    assert not dicom.read_header(path).native
    assert np.array_equal(dicom.read(path).pixels, stored)


def test_the_header_tells_of_patient_and_device(tmp_path: Path) -> None:
    extra = {
        "ManufacturerModelName": "Model 1", "BodyPartExamined": "CHEST", "ViewPosition": "PA",
        "PatientSex": "F", "PatientAge": "018M",
    }  # fmt: skip
    header = dicom.read_header(
        makers.dicom(tmp_path / "a.dcm", makers.noise((4, 4)), makers.Slice(extra=extra))
    )
    assert (header.device, header.body_part, header.view) == ("Model 1", "CHEST", "PA")
    assert (header.sex, header.age_years) == ("F", 1.5)
    extra = {"PatientBirthDate": "19500101", "StudyDate": "20200101"}
    path = makers.dicom(tmp_path / "b.dcm", makers.noise((4, 4)), makers.Slice(extra=extra))
    assert dicom.read_header(path).age_years == pytest.approx(70, abs=0.01)
    path = makers.dicom(tmp_path / "c.dcm", makers.noise((4, 4)))
    assert np.isnan(dicom.read_header(path).age_years)


def test_names_in_other_alphabets_are_read(tmp_path: Path) -> None:
    extra = {"SpecificCharacterSet": "ISO_IR 192", "Manufacturer": "Gerät"}
    about = makers.Slice(patient="Ж1", extra=extra)
    header = dicom.read_header(makers.dicom(tmp_path / "a.dcm", makers.noise((4, 4)), about))
    assert (header.patient, header.manufacturer) == ("Ж1", "Gerät")


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"RescaleSlope": 0}, "slope is 0"),
        ({"RescaleIntercept": None}, "missing"),
        ({"Rows": 4}, "bytes of pixel data where the header describes"),
        ({"Rows": 9}, "cut short"),
        ({"Rows": 0}, "sides from 1"),
        ({"Columns": 60000}, "sides from 1"),
        ({"NumberOfFrames": 2000000000}, "2 GiB"),
        ({"PixelData": None}, "no image"),
        ({"HighBit": 11, "BitsStored": 8}, "not the low ones"),
        ({"PhotometricInterpretation": "HSV"}, "cannot be read"),
    ],
)
def test_a_header_that_cannot_be_is_refused(
    tmp_path: Path, extra: dict[str, object], reason: str
) -> None:
    stored = makers.noise((8, 8), high=4096, low=1, dtype="uint16")
    path = makers.dicom(tmp_path / "a.dcm", stored, makers.Slice(extra=extra))
    with pytest.raises(ReadError, match=reason):
        dicom.read(path)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = makers.dicom(tmp_path / "a.dcm", makers.noise((2, 2)), makers.Slice(bits=8))
    data = pydicom.dcmread(path)
    del data.PixelData
    data.BitsAllocated, data.FloatPixelData = 32, np.array([1, 2, np.nan, 4], "<f4").tobytes()
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(data, keyword)
    data.save_as(path)
    with pytest.raises(ReadError, match="not finite"):
        dicom.read(path)


def test_a_reason_tells_nothing_of_the_patient(tmp_path: Path) -> None:
    path = makers.dicom(tmp_path / "a.dcm", makers.noise((8, 8)), makers.Slice(patient="SECRET"))
    header = dicom.read_header(path)
    assert header.patient == "SECRET"
    assert "SECRET" not in repr(header)
    assert header.study not in repr(header)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ReadError) as caught:
        dicom.read(path)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm"]
)
def test_random_damage_gives_an_image_or_a_read_error(tmp_path: Path, name: str) -> None:
    data = (BUNDLED / name).read_bytes()
    rng = np.random.default_rng(sum(name.encode()))
    path = tmp_path / "damaged.dcm"
    for trial in range(50):
        damaged = bytearray(data)
        if trial % 5 == 0:
            damaged = damaged[: int(rng.integers(1, len(data)))]
        else:
            # The header is a small part of a file, and the part where damage tells.
            end = min(len(data), 2000) if trial % 2 else len(data)
            for place in rng.integers(0, end, size=int(rng.integers(1, 9))):
                damaged[place] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            image = dicom.read(path)
        except TfmedError as error:
            assert isinstance(error, ReadError)
        else:
            assert isinstance(image, Image)
            assert np.isfinite(image.pixels).all()
