"""Label maps written and read back, on the grid of their image."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from tfmed import io
from tfmed.errors import GeometryError
from tfmed.io.mask_out import write_nifti, write_png

LABELS = np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(np.uint8)


def image_of(path: Path, affine: np.ndarray, shape: tuple[int, ...] = (6, 5, 4)) -> Path:
    header = nibabel.Nifti1Header()
    header["descrip"] = b"SECRET"
    values = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    nibabel.save(nibabel.Nifti1Image(values, affine, header), path)
    return path


@pytest.mark.parametrize("signs", list(itertools.product((-1, 1), repeat=3)))
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_a_map_lies_on_its_image_however_that_is_stored(
    signs: tuple[int, ...], order: tuple[int, ...], tmp_path: Path
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag([0.5, 0.75, 2.0] * np.array(signs))[:, order]
    affine[:3, 3] = (-10, 20, 30)
    source = image_of(tmp_path / "image.nii.gz", affine)
    image = io.read(source)
    labels = (image.pixels[..., 0] % 3).astype(np.uint8)
    write_nifti(tmp_path / "mask.nii.gz", labels, source=source)
    again = io.read(tmp_path / "mask.nii.gz")
    assert np.array_equal(again.pixels[..., 0], labels)
    assert np.array_equal(again.affine, image.affine)
    # The oracle: voxel by voxel in the stored order.
    stored = np.asarray(nibabel.load(source).dataobj)
    assert np.array_equal(nibabel.load(tmp_path / "mask.nii.gz").dataobj, stored % 3)
    one, other = (SimpleITK.ReadImage(tmp_path / name) for name in ("image.nii.gz", "mask.nii.gz"))
    assert one.GetDirection() == other.GetDirection() and one.GetOrigin() == other.GetOrigin()


def test_no_text_of_the_source_is_taken_over(tmp_path: Path) -> None:
    source = image_of(tmp_path / "image.nii", np.eye(4))
    write_nifti(tmp_path / "mask.nii.gz", LABELS, source=source)
    header = nibabel.load(tmp_path / "mask.nii.gz").header
    assert header["descrip"] == b"" and not header.extensions


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (0, 0)])
def test_codes_of_sform_and_qform_stay(codes: tuple[int, int], tmp_path: Path) -> None:
    source = tmp_path / "image.nii.gz"
    given = nibabel.Nifti1Header()
    given.set_data_shape((6, 5, 4))
    given.set_zooms((2, 2, 3))
    given.set_sform(np.diag([-2.0, 2, 3, 1]), codes[0])
    given.set_qform(np.diag([-2.0, 2, 3, 1]), codes[1])
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 5, 4), np.uint8), None, given), source)
    write_nifti(tmp_path / "mask.nii.gz", LABELS, source=source)
    header = nibabel.load(tmp_path / "mask.nii.gz").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == codes
    assert np.array_equal(io.read(tmp_path / "mask.nii.gz").pixels[..., 0], LABELS)


def test_another_shape_than_the_source_is_refused(tmp_path: Path) -> None:
    source = image_of(tmp_path / "image.nii.gz", np.eye(4))
    with pytest.raises(GeometryError, match="mask's shape"):
        write_nifti(tmp_path / "mask.nii.gz", LABELS[:2], source=source)


def test_without_a_source_the_map_keeps_what_is_known_of_its_place(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 0.5, 1], [0, 0.75, 0, 2], [3, 0, 0, 3], [0, 0, 0, 1]])
    write_nifti(tmp_path / "placed.nii.gz", LABELS, spacing_mm=(3, 0.75, 0.5), affine=affine)
    placed = io.read(tmp_path / "placed.nii.gz")
    assert np.array_equal(placed.pixels[..., 0], LABELS)
    assert np.allclose(placed.affine, affine) and placed.spacing_mm == (3, 0.75, 0.5)
    write_nifti(tmp_path / "loose.nii.gz", LABELS, spacing_mm=(3, 0.75, 0.5))
    loose = io.read(tmp_path / "loose.nii.gz")
    assert np.array_equal(loose.pixels[..., 0], LABELS)
    assert loose.affine is None and loose.spacing_mm == (3, 0.75, 0.5)


def test_equal_maps_are_equal_files(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, LABELS)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("most", [255, 300])
def test_png_holds_8_or_16_bits(most: int, tmp_path: Path) -> None:
    labels = np.array([[0, 1], [2, most]], np.uint16)
    write_png(tmp_path / "mask.png", labels)
    assert np.array_equal(io.read(tmp_path / "mask.png").pixels[..., 0], labels)


def test_png_takes_the_colours_of_another(tmp_path: Path) -> None:
    given = Pillow.fromarray(LABELS[0], "P")
    given.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    given.save(tmp_path / "given.png")
    write_png(tmp_path / "mask.png", LABELS[1], palette=tmp_path / "given.png")
    with Pillow.open(tmp_path / "mask.png") as picture:
        assert picture.mode == "P" and np.array_equal(np.asarray(picture), LABELS[1])
        assert picture.getpalette()[:9] == [0, 0, 0, 255, 0, 0, 0, 0, 255]
