"""Series as volumes, against SimpleITK and by hand; and what is no even volume."""

from __future__ import annotations

from pathlib import Path

import makers
import makers_dicom
import numpy as np
import pytest
import SimpleITK as sitk

from tfmed.errors import GeometryError
from tfmed.io import dicom, dicom_stack, read_series
from tfmed.io.dicom_geometry import Plane


def by_simpleitk(image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Voxels `[D, H, W]`, and the way from (slice, row, column) to RAS+ mm."""
    turn = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn[:, ::-1], image.GetOrigin()
    return sitk.GetArrayFromImage(image), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def series_by_simpleitk(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    return by_simpleitk(reader.Execute())


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("plane", makers_dicom.PLANES)
def test_volume_and_affine_equal_simpleitk(tmp_path: Path, plane: str, turned: bool) -> None:
    volume = makers.noise((5, 6, 4), high=4096, dtype="int16")
    files = makers_dicom.slices(tmp_path, volume, plane)
    files = files[::-1] if turned else files
    image = read_series(files)
    voxels, affine = series_by_simpleitk(files)
    np.testing.assert_array_equal(image.pixels[..., 0], voxels)
    np.testing.assert_allclose(image.affine, affine, atol=1e-6)
    assert image.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    assert image.frames == 5


def test_each_slice_of_pet_has_its_own_slope(tmp_path: Path) -> None:
    volume = makers.noise((4, 6, 5), high=30000, dtype="int16")
    slopes = [0.37, 0.011, 1.0, 2.5]
    changes = {index: {"slope": slope} for index, slope in enumerate(slopes)}
    about = makers.Slice(modality="PT", spacing_mm=(4.0, 4.0), extra={"Units": "BQML"})
    files = makers_dicom.slices(tmp_path, volume, changes=changes, about=about)
    image = read_series(files)
    voxels, affine = series_by_simpleitk(files)
    np.testing.assert_array_equal(image.pixels[..., 0], voxels.astype(np.float32))
    np.testing.assert_allclose(image.affine, affine, atol=1e-6)
    assert image.units == "BQML"


@pytest.mark.parametrize("plane", makers_dicom.PLANES)
def test_the_affine_of_one_file_equals_simpleitk(tmp_path: Path, plane: str) -> None:
    (path,) = makers_dicom.slices(tmp_path, makers.noise((1, 6, 5)), plane)
    expected = by_simpleitk(sitk.ReadImage(str(path)))[1]
    np.testing.assert_allclose(dicom.read(path).affine, expected, atol=1e-6)


@pytest.mark.parametrize("plane", makers_dicom.PLANES)
def test_an_enhanced_file_has_the_affine_of_its_frames(tmp_path: Path, plane: str) -> None:
    path = makers_dicom.enhanced(tmp_path / "a.dcm", makers.noise((4, 6, 5)), plane)
    image = read_series([path])
    assert image.affine is not None
    assert image.spacing_mm == pytest.approx((3.0, 0.75, 0.5))
    place = np.array([-12.0, 7.5, 100.0]) + 2 * 3.0 * makers_dicom.normal(plane)
    assert (image.affine @ [2, 0, 0, 1])[:3] == pytest.approx(place * [-1, -1, 1])
    one = dicom.read(path, 2)
    assert one.spacing_mm == (0.75, 0.5)
    assert one.affine is not None
    assert one.affine[:3, 3] == pytest.approx(place * [-1, -1, 1])


def test_a_frame_that_an_enhanced_file_lacks_is_told(tmp_path: Path) -> None:
    volume = makers.noise((4, 6, 5))
    path = makers_dicom.enhanced(tmp_path / "a.dcm", volume, steps_mm=[0, 3, 6, 12])
    with pytest.raises(GeometryError, match=r"a.dcm: 1 slice is missing between slices 3 and 4"):
        read_series([path])
    image = read_series([path], on_geometry="ignore")
    assert image.spacing_mm is None
    assert np.array_equal(image.pixels[..., 0], volume)


TURNED = {"extra": {"ImageOrientationPatient": list(makers_dicom.PLANES["coronal"])}}
FAULTS = [
    (
        [0, 2, 4, 10, 12],
        {},
        r"2 slices are missing between slices 3 and 4 \(6 mm apart\); the others",
    ),
    ([0, 2, 4, 4, 6], {}, r"one position: slices 3 to 4 at 21 mm"),
    ([0, 0, 3, 3, 3], {}, r"slices 1 to 2 at 17 mm, slices 3 to 5 at 20 mm"),
    ([0, 2, 4.9, 6, 8], {}, r"unevenly spaced, 1.1 to 2.9 mm apart \(slice 3 lies 0.72 mm off"),
    ([1, 1, 1, 1, 1], {}, r"all 5 slices lie at one position"),
    (None, {4: TURNED}, r"1 of 5 slices has another orientation than the rest \(slice 5\)"),
    (None, {1: {"extra": {"ImagePositionPatient": None}}}, r"1 of 5 slices has no position"),
    (None, {0: {"spacing_mm": (9.0, 9.0)}}, r"another pixel spacing than the first"),
]


@pytest.mark.parametrize(("steps_mm", "changes", "words"), FAULTS)
def test_what_is_no_even_volume_is_refused_in_words(
    tmp_path: Path, steps_mm: list[float] | None, changes: dict, words: str
) -> None:
    volume = makers.noise((5, 4, 4))
    files = makers_dicom.slices(tmp_path, volume, steps_mm=steps_mm, changes=changes)
    with pytest.raises(GeometryError, match=words) as caught:
        read_series(files)
    assert "P1" not in str(caught.value)
    kept = read_series(files, on_geometry="ignore")
    assert (kept.spacing_mm, kept.affine) == (None, None)
    np.testing.assert_array_equal(kept.pixels[..., 0], volume)


def test_phases_at_the_same_places_are_told_as_such() -> None:
    planes = [
        Plane((0, 0, 2.0 * index), makers_dicom.PLANES["axial"])
        for index in range(4)
        for _ in range(3)
    ]
    words = dicom_stack.fault(planes, [(1, 1)] * 12)
    assert words.startswith("4 positions hold 3 slices each (phases or echoes?)")


def test_a_tilted_gantry_is_told_with_its_angle() -> None:
    # Each slice is 1 mm up and 0.3 mm back: arctan 0.3 is 16.7 degrees.
    planes = [Plane((0, 0.3 * i, 1.0 * i), makers_dicom.PLANES["axial"]) for i in range(20)]
    assert "16.7 degrees" in dicom_stack.fault(planes, [(0.5, 0.5)] * 20)


def test_rounded_positions_are_even() -> None:
    # Scanners write 0.625 mm as 0.6, 1.3, 1.9, 2.5 ...
    planes = [Plane((0, 0, round(0.625 * i, 1)), makers_dicom.PLANES["axial"]) for i in range(50)]
    assert dicom_stack.fault(planes, [(0.5, 0.5)] * 50) == ""


def test_slices_out_of_order_are_refused(tmp_path: Path) -> None:
    files = makers_dicom.slices(tmp_path, makers.noise((4, 4, 4)))
    with pytest.raises(GeometryError, match="not in the order of their places"):
        read_series([files[0], files[2], files[1], files[3]])


def test_pictures_without_places_are_no_faulty_volume(tmp_path: Path) -> None:
    about = makers.Slice(modality="US")
    changes = {index: {"extra": {"ImagePositionPatient": None}} for index in range(3)}
    files = makers_dicom.slices(tmp_path, makers.noise((3, 4, 4)), changes=changes, about=about)
    image = read_series(files)
    assert image.pixels.shape == (3, 4, 4, 1)
    assert image.spacing_mm is None
