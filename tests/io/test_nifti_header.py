"""What a NIfTI header tells of layout and place, and what it cannot mean."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from makers_nifti import TURNS, affine_of, edit, save, voxels

from tfmed.errors import ReadError
from tfmed.io import nifti, read


@pytest.mark.parametrize(("order", "signs"), TURNS)
@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 5, 6), (4, 1, 6), (4, 5, 1)])
def test_a_header_says_how_plain_bytes_become_pixels(
    tmp_path: Path, order: tuple[int, ...], signs: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    path = save(tmp_path / "a.nii", voxels(shape), affine_of(order, signs))
    header = nifti.read_header(path)
    assert header.native
    stored = np.frombuffer(path.read_bytes(), header.dtype, offset=header.offset)
    turned = stored.reshape(header.shape[2::-1]).transpose(header.order)
    pixels = np.flip(turned, header.flips)[..., np.newaxis]
    assert pixels.shape[:3] == header.size
    image = read(path)
    assert np.array_equal(pixels[0] if 1 in shape else pixels, image.pixels)
    # Wherever the axes went, a voxel stays where it was in the patient.
    place = (0, *(size - 1 for size in header.size[1:]))
    index = np.argwhere(np.asarray(nibabel.load(path).dataobj) == pixels[place])
    points = [nibabel.load(path).affine @ (*voxel, 1) for voxel in index]
    assert image.affine is not None
    assert any(np.allclose(image.affine @ (*place, 1), point) for point in points)


@pytest.mark.parametrize(("unit", "millimetres"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
def test_lengths_are_told_in_mm(tmp_path: Path, unit: int, millimetres: float) -> None:
    path = save(tmp_path / "a.nii", voxels(), np.diag([2.0, 3.0, 4.0, 1.0]), xyzt_units=unit)
    image = read(path)
    assert np.allclose(image.spacing_mm or (), np.array((4, 3, 2)) * millimetres)
    assert image.affine is not None
    assert np.allclose(image.affine @ (0, 0, 1, 1), (2 * millimetres, 0, 0, 1))
    if unit:
        other = SimpleITK.ReadImage(path)
        assert np.allclose(image.spacing_mm or (), other.GetSpacing()[::-1])


def test_without_sform_and_qform_the_place_in_the_patient_is_unknown(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", voxels(), np.diag([2.0, 3.0, 4.0, 1.0]))
    header = nibabel.load(path).header
    edit(path, header, sform_code=0, qform_code=0)
    image = read(path)
    canonical = nibabel.as_closest_canonical(nibabel.load(path))
    assert np.array_equal(image.pixels[..., 0], np.asarray(canonical.dataobj).T)
    assert image.affine is None
    assert image.spacing_mm == (4.0, 3.0, 2.0)
    edit(path, header, sform_code=0, qform_code=0, pixdim=[1, 2, 0, 4, 0, 0, 0, 0])
    assert read(path).spacing_mm is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"srow_x": [0, 0, 0, 0]}, "its sform, .* is singular"),
        ({"srow_x": [np.nan, 0, 0, 0]}, "its sform, .* not finite"),
        ({"sform_code": 0, "qform_code": 1, "pixdim": [1, 0, 2, 2, 0, 0, 0, 0]}, "its qform"),
        ({"scl_slope": np.inf}, "slope or intercept is not finite"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "slope or intercept is not finite"),
        ({"datatype": 32, "bitpix": 64}, "no integer, real number or colour"),
        ({"datatype": 16}, "its bits a voxel"),
        ({"dim": [3, 4, 5, 7, 1, 1, 1, 1]}, "cut short"),
        ({"dim": [3, 4, 5, 5, 1, 1, 1, 1]}, "more bytes than its header promises"),
        ({"dim": [3, 4, 0, 6, 1, 1, 1, 1]}, "axes of"),
        ({"dim": [3, 4, -5, 6, 1, 1, 1, 1]}, "axes of"),
        ({"dim": [5, 4, 5, 2, 1, 3, 1, 1]}, "two to four"),
        ({"dim": [9, 4, 5, 6, 1, 1, 1, 1]}, "axes of"),
        ({"dim": [3, 20000, 5, 6, 1, 1, 1, 1]}, "axes of"),
        ({"dim": [4, 16384, 16384, 16384, 9999, 1, 1, 1]}, "up to 2 GiB can be read"),
        ({"vox_offset": 100}, "within the header"),
        ({"vox_offset": np.nan}, "header cannot be parsed"),
        ({"vox_offset": 1e30}, "cut short"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_header_cannot_mean_is_told(
    tmp_path: Path, fields: dict[str, Any], reason: str, packed: bool
) -> None:
    path = save(tmp_path / "a.nii", voxels(), **fields)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ReadError, match=reason):
        read(path)
