"""NIfTI against nibabel and SimpleITK: orientation, spacing, affine, values, damage."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import makers
import nibabel
import numpy as np
import pytest
import SimpleITK
from makers_nifti import TURNS, affine_of, save, voxels

from tfmed.errors import ReadError
from tfmed.io import nifti, read

OBLIQUE = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(("order", "signs"), TURNS)
@pytest.mark.parametrize("tilted", [False, True])
def test_orientation_spacing_and_affine_are_those_of_nibabel_and_simpleitk(
    tmp_path: Path, order: tuple[int, ...], signs: tuple[int, ...], tilted: bool
) -> None:
    affine = affine_of(order, signs)
    if tilted:
        affine[:3, :3] = OBLIQUE @ affine[:3, :3]
    path = save(tmp_path / "a.nii", voxels(), affine)
    image = read(path)
    canonical = nibabel.as_closest_canonical(nibabel.load(path))
    assert np.array_equal(image.pixels[..., 0], np.asarray(canonical.dataobj).T)
    assert image.affine is not None
    assert np.allclose(image.affine[:, [2, 1, 0, 3]], canonical.affine, rtol=0, atol=1e-6)
    assert np.allclose(image.spacing_mm or (), canonical.header.get_zooms()[::-1], atol=1e-6)
    other = SimpleITK.DICOMOrient(SimpleITK.ReadImage(path), "RAS")
    assert np.array_equal(image.pixels[..., 0], SimpleITK.GetArrayFromImage(other))
    assert np.allclose(image.spacing_mm or (), other.GetSpacing()[::-1], atol=1e-5)
    corner = image.affine @ (1, 2, 3, 1)
    left_posterior = other.TransformIndexToPhysicalPoint((3, 2, 1))
    assert np.allclose(corner[:3] * (-1, -1, 1), left_posterior, atol=1e-4)


def test_a_real_scan_is_as_nibabel_reads_it(shared_data: Path) -> None:
    for path in sorted((shared_data / "msd_hippocampus").glob("*/*.nii.gz"))[:20]:
        canonical = nibabel.as_closest_canonical(nibabel.load(path))
        image = read(path)
        assert np.array_equal(image.pixels[..., 0], np.asarray(canonical.dataobj).T)
        assert image.affine is not None
        assert np.array_equal(image.affine[:, [2, 1, 0, 3]], canonical.affine)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_integers_are_kept_in_either_byte_order(
    tmp_path: Path, kind: Any, order: str, dtype: str, ending: str
) -> None:
    values = makers.noise((4, 5, 6), 1, 0, 100, dtype)
    image = read(save(tmp_path / f"a.{ending}", values, kind=kind, order=order))
    assert image.pixels.dtype == np.dtype(dtype)
    assert image.pixels.dtype.isnative
    assert np.array_equal(image.pixels[..., 0], values.T)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float32", "float64"])
def test_wide_integers_become_int32_and_reals_float32(tmp_path: Path, dtype: str) -> None:
    values = makers.noise((4, 5, 6), 1, 0, 100, dtype)
    image = read(save(tmp_path / "a.nii", values))
    assert image.pixels.dtype == ("float32" if dtype.startswith("f") else "int32")
    assert np.array_equal(image.pixels[..., 0], values.T)


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [
        (1.0, -1024.0, "int16"),
        (-2.0, 10.0, "int16"),
        (300.0, 0.0, "int32"),
        (0.25, 3.0, "float32"),
        (0.1, 0.0, "float32"),
        (0.0, 5.0, "uint8"),
        (np.nan, np.nan, "uint8"),
    ],
)
def test_scaling_is_applied_and_stays_whole_where_it_is_whole(
    tmp_path: Path, slope: float, intercept: float, dtype: str
) -> None:
    path = save(tmp_path / "a.nii", voxels(kind="uint8"), scl_slope=slope, scl_inter=intercept)
    image = read(path)
    expected = nibabel.load(path).get_fdata().T
    assert image.pixels.dtype == dtype
    assert np.array_equal(image.pixels[..., 0], expected.astype(dtype))


def test_a_plane_of_any_axis_is_an_image(tmp_path: Path) -> None:
    values = voxels((1, 5, 6))
    image = read(save(tmp_path / "a.nii", values, np.diag([9.0, 2.0, 3.0, 1.0])))
    # A sagittal slice: rows rise to the head, columns run to the front.
    assert np.array_equal(image.pixels[..., 0], values[0].T)
    assert image.spacing_mm == (3.0, 2.0)
    assert image.affine is not None
    assert np.allclose(image.affine @ (0, 1, 1, 1), (0, 2, 3, 1))


def test_a_file_of_two_axes_is_an_image(tmp_path: Path) -> None:
    values = voxels((4, 5))
    image = read(save(tmp_path / "a.nii", values, np.diag([2.0, 3.0, 1.0, 1.0])))
    assert np.array_equal(image.pixels[..., 0], values.T)
    assert image.spacing_mm == (3.0, 2.0)


def test_a_slice_of_a_volume_lies_where_it_lay(tmp_path: Path) -> None:
    values = voxels()
    path = save(tmp_path / "a.nii", values, np.diag([2.0, 3.0, 4.0, 1.0]))
    image = read(path, frame=2)
    assert np.array_equal(image.pixels[..., 0], values[..., 2].T)
    assert image.spacing_mm == (3.0, 2.0)
    assert image.affine is not None
    assert np.allclose(image.affine @ (0, 0, 0, 1), (0, 0, 8, 1))
    with pytest.raises(ReadError, match="frame 6 was asked for, it has 6"):
        read(path, frame=6)


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_volumes_along_time_are_a_clip(tmp_path: Path, ending: str) -> None:
    values = voxels((4, 5, 6, 7))
    pixdim = [1, 1, 1, 1, 0.5, 1, 1, 1]
    path = save(tmp_path / f"a.{ending}", values, xyzt_units=2 + 8, pixdim=pixdim)
    image = read(path)
    assert image.clip
    assert image.frames == 7
    assert image.frame_rate_hz == 2.0
    assert np.array_equal(image.pixels[..., 0], values.T)
    one = read(path, frame=3)
    assert not one.clip
    assert np.array_equal(one.pixels[..., 0], values[..., 3].T)
    some = read(path, sample=3)
    assert some.frames == 7
    assert np.array_equal(some.pixels[..., 0], values[..., [0, 3, 6]].T)
    many = read(path, sample=13)
    repeated = [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6]
    assert np.array_equal(many.pixels[..., 0], values[..., repeated].T)


def test_planes_along_time_are_a_clip_of_images(tmp_path: Path) -> None:
    values = voxels((4, 5, 1, 7))
    image = read(save(tmp_path / "a.nii", values))
    assert image.pixels.shape == (7, 5, 4, 1)
    assert image.clip
    assert image.frame_rate_hz is None
    assert np.array_equal(image.pixels[..., 0], values[:, :, 0].T)


def test_a_sample_of_a_volume_is_the_volume(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", voxels())
    assert np.array_equal(read(path, sample=2).pixels, read(path).pixels)


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colours_are_three_channels(tmp_path: Path, names: str) -> None:
    samples = makers.noise((4, 5, 6, len(names)))
    values = np.zeros((4, 5, 6), [(name, "u1") for name in names])
    for channel, name in enumerate(names):
        values[name] = samples[..., channel]
    image = read(save(tmp_path / "a.nii", values))
    assert image.channels == 3
    assert np.array_equal(image.pixels, samples[..., :3].transpose(2, 1, 0, 3))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
def test_a_pair_is_read_by_its_header_file(tmp_path: Path, kind: Any, packed: bool) -> None:
    values = voxels()
    path = save(tmp_path / "a.hdr", values, kind=kind)
    image = tmp_path / "a.img"
    if packed:
        (tmp_path / "a.img.gz").write_bytes(gzip.compress(image.read_bytes()))
        image.unlink()
    assert np.array_equal(read(path).pixels[..., 0], values.T)
    assert not nifti.read_header(path).native
    image = next(tmp_path.glob("a.img*"))
    image.unlink()
    with pytest.raises(ReadError, match=r"a \.img file beside it was expected"):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    values = np.zeros((4, 5, 6))
    values[1, 2, 3] = value
    with pytest.raises(ReadError, match="not finite"):
        read(save(tmp_path / "a.nii", values))


def test_members_of_a_gzip_stream_are_read_one_after_the_other(tmp_path: Path) -> None:
    values = makers.noise((60, 70, 80), high=30000, dtype="int16")
    data = save(tmp_path / "a.nii", values).read_bytes()
    cuts = (0, 1000, 300_000, len(data))
    members = [gzip.compress(data[low:high]) for low, high in itertools.pairwise(cuts)]
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"".join(members) + b"\0" * 600_000)
    assert np.array_equal(read(path).pixels[..., 0], values.T)


def test_a_stream_that_inflates_without_end_is_not_held(tmp_path: Path) -> None:
    data = save(tmp_path / "a.nii", voxels()).read_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(data + bytes(2**26)))
    with pytest.raises(ReadError, match="more bytes"):
        read(path)


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_a_file_cut_anywhere_is_a_read_error(tmp_path: Path, ending: str) -> None:
    data = save(tmp_path / f"a.{ending}", voxels()).read_bytes()
    path = tmp_path / "cut"
    for tenth in range(10):
        path.write_bytes(data[: len(data) * tenth // 10])
        with pytest.raises(ReadError):
            read(path)
    path.write_bytes(data[:-1])
    with pytest.raises(ReadError):
        read(path)


def test_any_flipped_bit_of_a_gzip_stream_is_told_or_changes_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", voxels())
    data, pixels = path.read_bytes(), read(path).pixels
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 100):
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert np.array_equal(read(path).pixels, pixels)
        except ReadError:
            continue
