"""Cases: an image and its label map on one grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import makers
import makers_masks
import makers_nifti
import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from tfmed.data import case_reading
from tfmed.errors import DataError, GeometryError, ReadError

LABELS = {"kind": "labels", "values": [0, 1, 7]}


def example(image: Path, *masks: Path) -> dict[str, Any]:
    return {"path": str(image), "files": None, "frame": -1, "mask": tuple(map(str, masks)) or None}


def volume(folder: Path, affine: np.ndarray, **fields: Any) -> tuple[Path, Path]:
    """An image and its mask, 1 where the image is above 100, 7 in a corner."""
    values = makers_nifti.voxels((5, 6, 7))
    labels = (values > 100).astype(np.uint8)
    labels[0, 0, 0] = 7
    image = makers_nifti.save(folder / "image.nii.gz", values, affine)
    return image, makers_nifti.save(folder / "mask.nii.gz", labels, fields.get("mask", affine))


@pytest.mark.parametrize(("order", "signs"), makers_nifti.TURNS[::7])
def test_a_mask_is_turned_as_its_image(tmp_path: Path, order: Any, signs: Any) -> None:
    image, mask = volume(tmp_path, makers_nifti.affine_of(order, signs))
    case = case_reading.read(example(image, mask), LABELS)
    assert case.mask is not None and case.mask.dtype == np.uint8
    expected = (case.pixels[..., 0] > 100).astype(np.uint8)
    corner = case.mask == 2
    assert corner.sum() == 1
    np.testing.assert_array_equal(case.mask[~corner], expected[~corner])
    # The corner lies where SimpleITK puts the file's first voxel (LPS).
    place = case.affine @ [*np.argwhere(corner)[0], 1]  # type: ignore[operator]
    origin = SimpleITK.ReadImage(str(mask)).GetOrigin()
    np.testing.assert_allclose(place[:3], np.multiply(origin, (-1, -1, 1)), atol=1e-4)


def test_a_mask_stored_otherwise_in_the_same_space_is_the_same(tmp_path: Path) -> None:
    image, mask = volume(tmp_path, makers_nifti.affine_of((0, 1, 2), (1, 1, 1)))
    before = case_reading.read(example(image, mask), LABELS).mask
    turned = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(mask)), "PIR")
    SimpleITK.WriteImage(turned, str(tmp_path / "turned.nii.gz"))
    after = case_reading.read(example(image, tmp_path / "turned.nii.gz"), LABELS).mask
    np.testing.assert_array_equal(before, after)


def test_an_image_without_a_mask_is_a_case_too(tmp_path: Path) -> None:
    case = case_reading.read(example(makers_masks.image(tmp_path / "a.png")), LABELS)
    assert case.mask is None and case.pixels.shape == (16, 20, 1) and case.spacing_mm is None
    case = case_reading.read({"path": str(tmp_path / "a.png"), "modality": "US"}, None)
    assert (case.mask, case.modality) == (None, "US")


def test_values_become_the_numbers_of_classes(tmp_path: Path) -> None:
    image = makers_masks.image(tmp_path / "a.png")
    mask = makers_masks.mask(tmp_path / "m.png", 200, 50)
    about = {"kind": "labels", "values": [0, 50, 200]}
    found = case_reading.read(example(image, mask), about).mask
    assert found is not None
    assert (found[2, 0], found[2, 4], found[0, 0], found.dtype) == (2, 1, 0, np.uint8)


def test_a_mask_of_strange_values_or_of_another_shape_is_refused(tmp_path: Path) -> None:
    image = makers_masks.image(tmp_path / "a.png")
    for mask, said in (
        (makers_masks.mask(tmp_path / "b.png", 1, 2), "it holds 2, and the classes are 0, 1, 7"),
        (makers_masks.mask(tmp_path / "c.png", 1, size=(16, 16)), r"its shape is \(16, 16\), its"),
    ):
        with pytest.raises(DataError, match=said):
            case_reading.read(example(image, mask), LABELS)


def test_a_file_of_one_class_holds_one_value(tmp_path: Path) -> None:
    image = makers_masks.image(tmp_path / "a.png")
    mask = makers_masks.mask(tmp_path / "b.png", 128, 255)
    about = {"kind": "one file a class", "values": [0, 1]}
    with pytest.raises(DataError, match="it holds 128, 255 beside 0"):
        case_reading.read(example(image, mask), about)


def test_masks_of_another_spacing_or_place_are_refused(tmp_path: Path) -> None:
    affine = makers_nifti.affine_of((0, 1, 2), (1, 1, 1))
    for change, said in (
        (np.diag([1, 1, 1.01, 1.0]), r"its spacing is 3\.535 2 0\.5 mm, its image's 3\.5 2 0\.5"),
        (np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.2], [0, 0, 0, 1.0]]), r"0\.2 mm away"),
    ):
        image, mask = volume(tmp_path, affine, mask=change @ affine)
        with pytest.raises(GeometryError, match=said):
            case_reading.read(example(image, mask), LABELS)


def test_a_mask_without_a_place_in_space_is_refused(tmp_path: Path) -> None:
    affine = makers_nifti.affine_of((0, 1, 2), (1, 1, 1))
    image, _ = volume(tmp_path, affine)
    bare = makers_nifti.save(
        tmp_path / "bare.nii",
        np.zeros((5, 6, 7), np.uint8),
        affine,
        sform_code=0,
        qform_code=0,
    )
    with pytest.raises(GeometryError, match="it has neither sform nor qform"):
        case_reading.read(example(image, bare), LABELS)


def test_a_palette_over_a_dicom_image_needs_no_spacing(tmp_path: Path) -> None:
    image = makers.dicom(tmp_path / "a.dcm", makers.noise((16, 20), 1, 0, 900, "uint16"))
    mask = makers_masks.mask(tmp_path / "m.png", 1, palette=True)
    case = case_reading.read(example(image, mask), {"kind": "palette", "values": [0, 1]})
    assert case.spacing_mm == (0.5, 0.5) and case.units == "HU"
    assert case.mask is not None and case.mask.sum() == 16


def test_a_mask_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    image = makers_masks.image(tmp_path / "a.png")
    Pillow.fromarray(makers.noise((16, 20, 3))).save(tmp_path / "m.png")
    with pytest.raises(ReadError, match="a colour picture"):
        case_reading.read(example(image, tmp_path / "m.png"), LABELS)
