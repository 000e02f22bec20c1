"""NIfTI against nibabel and SimpleITK: orientation, spacing, affine, scaling; damage is told."""

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

from tfmed.errors import ReadError
from tfmed.io import nifti, read

SPACING = (0.5, 2.0, 3.5)
TURNS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
OBLIQUE = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


def affine_of(order: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    """Stored axis `order[n]` runs along the patient's axis n, one way or the other."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (stored, sign) in enumerate(zip(order, signs, strict=True)):
        affine[axis, stored] = sign * SPACING[stored]
    affine[:3, 3] = (-10.0, 20.0, 30.0)
    return affine


def save(path: Path, values: np.ndarray, affine: np.ndarray | None = None, **fields: Any) -> Path:
    """Write by nibabel; `fields` are set in the file's header afterwards, byte for byte."""
    kind = fields.pop("kind", nibabel.Nifti1Image)
    order = fields.pop("order", "<")
    header = kind.header_class(endianness=order)
    image = kind(values, np.eye(4) if affine is None else affine, header, dtype=values.dtype)
    for name in ("xyzt_units", "pixdim"):
        if name in fields:
            image.header[name] = fields.pop(name)
    nibabel.save(image, path)
    return edit(path, header, **fields) if fields else path


def edit(path: Path, kind: Any, **fields: Any) -> Path:
    """Set fields of an uncompressed file's header."""
    data = path.read_bytes()
    header = type(kind)(data[: kind.sizeof_hdr], endianness=kind.endianness, check=False)
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + data[kind.sizeof_hdr :])
    return path


def voxels(shape: tuple[int, ...] = (4, 5, 6), kind: str = "int16") -> np.ndarray:
    return makers.noise(shape, 3, 0, 200, kind)


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
