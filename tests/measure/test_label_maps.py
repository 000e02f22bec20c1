"""Label maps out of files of every format."""

from __future__ import annotations

from pathlib import Path

import makers_nifti
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from tfmed import io
from tfmed.errors import ConfigError, GeometryError, ReadError
from tfmed.measure import label_maps

LABELS = np.array([[0, 1, 1, 0], [0, 2, 2, 0], [0, 0, 7, 7]], np.uint8)


def png(path: Path, values: np.ndarray, palette: bool = False) -> Path:
    picture = Pillow.fromarray(values)
    if palette:
        picture.putpalette([n * 37 % 256 for n in range(768)])
    picture.save(path)
    return path


def test_grey_values_and_the_indices_of_a_palette_are_labels(tmp_path: Path) -> None:
    for palette in (False, True):
        found = label_maps.read(png(tmp_path / "a.png", LABELS, palette))
        np.testing.assert_array_equal(found.labels, LABELS)
        assert (found.unit, found.spacing, found.affine) == ("px", (1.0, 1.0), None)
    tifffile.imwrite(
        tmp_path / "p.tif",
        LABELS,
        photometric="palette",
        colormap=np.arange(768, dtype=np.uint16).reshape(3, 256) * 80,
    )
    np.testing.assert_array_equal(label_maps.read(tmp_path / "p.tif").labels, LABELS)


def test_nifti_gives_spacing_and_place(tmp_path: Path) -> None:
    volume = np.zeros((4, 5, 6), np.float32)  # whole numbers, as many label maps are stored
    volume[1:3, 2, 3] = 2
    path = makers_nifti.save(tmp_path / "m.nii.gz", volume, np.diag([0.5, 2.0, 3.0, 1.0]))
    found = label_maps.read(path)
    assert found.labels.dtype == np.uint8 and found.labels.shape == (6, 5, 4)
    assert found.unit == "mm" and found.spacing == pytest.approx((3.0, 2.0, 0.5))
    assert found.labels[3, 2, 1] == 2 and found.affine is not None


def test_npy_and_spacing_by_the_setting(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.stack([np.hstack([LABELS] * 2)] * 5).astype(np.int64))
    found = label_maps.read(tmp_path / "m.npy", (2.0, 1.0, 0.5))
    assert (found.unit, found.spacing, found.labels.shape) == ("mm", (2.0, 1.0, 0.5), (5, 3, 8))
    with pytest.raises(GeometryError, match="--spacing-mm has 2 numbers, the mask has 3 axes"):
        label_maps.read(tmp_path / "m.npy", (1.0, 0.5))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.dstack([LABELS * 30, LABELS, LABELS]), "a colour picture"),
        (LABELS.astype(np.float32) / 3, "fractions"),
        (LABELS.astype(np.int16) - 1, "it holds -1"),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path: Path, values: np.ndarray, said: str) -> None:
    np.save(tmp_path / "m.npy", values)
    with pytest.raises(ReadError, match=said):
        label_maps.read(tmp_path / "m.npy")


def test_a_clip_is_refused(tmp_path: Path) -> None:
    path = makers_nifti.save(tmp_path / "m.nii", np.ones((4, 5, 1, 3), np.uint8))
    with pytest.raises(ReadError, match="time axis"):
        label_maps.read(path)


def test_classes_have_the_names_that_are_given(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", LABELS)
    mask = label_maps.read(path)
    assert label_maps.classes(path, mask, {}) == {1: "label 1", 2: "label 2", 7: "label 7"}
    names = label_maps.named(["liver=1, tumour=2", "a=b=7", "absent=9"])
    assert names == {1: "liver", 2: "tumour", 7: "a=b", 9: "absent"}
    assert label_maps.classes(path, mask, names) == names
    with pytest.raises(ReadError, match="it holds 2, 7, which --classes does not name"):
        label_maps.classes(path, mask, {1: "liver"})


def test_0_and_255_are_background_and_foreground(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", (LABELS > 0) * np.uint8(255))
    assert label_maps.classes(path, label_maps.read(path), {}) == {255: "foreground"}


def test_an_image_is_not_taken_for_a_mask(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", np.arange(200, dtype=np.uint8).reshape(10, 20))
    with pytest.raises(ReadError, match="199 different values: an image and no mask"):
        label_maps.classes(path, label_maps.read(path), {})


def against(mask: label_maps.Mask, path: Path) -> np.ndarray:
    return label_maps.image_for(mask, path, io.read(path))


@pytest.mark.parametrize("text", ["liver", "=1", "liver=x", "a=1,a=2", "a=1,b=1"])
def test_wrong_names_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--classes"):
        label_maps.named([text])


def test_an_image_must_lie_where_its_mask_lies(tmp_path: Path) -> None:
    volume = np.zeros((4, 5, 6), np.uint8)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    mask = label_maps.read(makers_nifti.save(tmp_path / "m.nii", volume, affine))
    fits = makers_nifti.save(tmp_path / "a.nii", volume.astype(np.int16) + 7, affine)
    assert (against(mask, fits) == 7).all()
    moved = affine.copy()
    moved[0, 3] = 5
    with pytest.raises(ReadError, match="5 mm away"):
        against(mask, makers_nifti.save(tmp_path / "b.nii", volume, moved))
    with pytest.raises(ReadError, match="spacing"):
        against(mask, makers_nifti.save(tmp_path / "c.nii", volume, np.eye(4)))
    with pytest.raises(ReadError, match="shape"):
        against(mask, makers_nifti.save(tmp_path / "d.nii", volume[1:], affine))


def test_colour_becomes_grey(tmp_path: Path) -> None:
    mask = label_maps.read(png(tmp_path / "m.png", LABELS))
    image = np.zeros((3, 4, 3), np.uint8)
    image[..., 1] = 100
    np.testing.assert_allclose(against(mask, png(tmp_path / "i.png", image)), 58.7, rtol=1e-6)
