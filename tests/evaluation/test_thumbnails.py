"""Thumbnails: the right way up, of square pixels, of every kind of file."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import makers
import numpy as np
import pytest
from makers_audit import audited
from PIL import Image as Picture

from tfmed.evaluation import thumbnails
from tfmed.image import Image


def test_an_image_keeps_its_shape_in_millimetres() -> None:
    tall = Image(makers.noise((50, 100, 1)), spacing_mm=(2.0, 0.5))
    (pane,) = thumbnails.panes(tall)
    assert pane.shape == (thumbnails.SIDE, thumbnails.SIDE // 2, 1)


def test_colour_stays_colour() -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 200
    (pane,) = thumbnails.panes(Image(red))
    assert pane.shape[-1] == 3 and pane[70, 70].tolist() == [200, 0, 0]
    assert Picture.open(io.BytesIO(thumbnails.jpeg([pane]))).mode == "RGB"


def test_a_clip_is_some_frames() -> None:
    frames = np.stack([np.full((8, 8, 1), shade, np.uint8) for shade in range(0, 250, 25)])
    clip = Image(frames, clip=True, window=(0.0, 255.0))
    panes = thumbnails.panes(clip)
    assert [int(pane.mean().round()) for pane in panes] == [0, 75, 150, 225]


def test_planes_of_a_volume_are_front_up_and_right_on_the_left() -> None:
    # A bright head, a middling left side, a dim front, in RAS+ (slice, row, column = z, y, x).
    volume = np.zeros((30, 30, 30, 1), np.float32)
    volume[20:, :, :] = 90
    volume[:, :, :10] += 60  # x is low to the patient's left
    volume[:, 20:, :] += 30
    flip = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    image = Image(volume, spacing_mm=(1, 1, 1), window=(0, 200), affine=flip)
    axial, coronal, sagittal = (pane[..., 0].astype(int) for pane in thumbnails.panes(image))
    assert axial[10, 72] > axial[-10, 72]  # front is up
    assert axial[72, -10] > axial[72, 10]  # left is on the right
    assert coronal[10, 72] > coronal[-10, 72] and coronal[72, -10] > coronal[72, 10]  # head up
    assert sagittal[10, 72] > sagittal[-10, 72] and sagittal[72, 10] > sagittal[72, -10]


def test_planes_are_the_same_however_the_volume_lies() -> None:
    volume = makers.noise((12, 16, 20, 1), 3).astype(np.float32)
    affine = np.array([[0, 0, 1, 0], [0, 1.5, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]], float)
    image = Image(volume, spacing_mm=(2, 1.5, 1), affine=affine)
    turned = affine.copy()
    turned[:, 0] = -affine[:, 0]  # from the head down
    other = replace(image, pixels=volume[::-1], affine=turned[:, [0, 1, 2, 3]])
    swapped = replace(
        image,
        pixels=volume.transpose(2, 1, 0, 3),
        spacing_mm=(1, 1.5, 2),
        affine=affine[:, [2, 1, 0, 3]],
    )
    expected = thumbnails.panes(image)
    for found in (thumbnails.panes(swapped), thumbnails.panes(other)):
        assert [pane.shape for pane in found] == [pane.shape for pane in expected]
    for pane, twin in zip(thumbnails.panes(swapped), expected, strict=True):
        np.testing.assert_array_equal(pane, twin)


def test_examples_are_of_several_patients_and_the_same_again() -> None:
    patients = ["p"] * 50 + [f"q{i}" for i in range(12)]
    dataset = audited(["a"] * 62, patients)
    chosen = thumbnails.choose(dataset, seed=3)
    assert list(chosen) == ["a"] and len(chosen["a"]) == 12
    assert len(set(dataset.table["patient"].iloc[chosen["a"]])) == 12
    assert chosen == thumbnails.choose(dataset, seed=3) != thumbnails.choose(dataset, seed=4)


@pytest.mark.parametrize("count", [1, 2, 5, 14, 100])
def test_however_many_classes_the_reads_are_bounded(count: int) -> None:
    dataset = audited([f"c{i % count:03d}" for i in range(600)])
    chosen = thumbnails.choose(dataset)
    assert sum(map(len, chosen.values())) <= thumbnails.MOST
    assert min(map(len, chosen.values())) >= 2


def test_pictures_come_of_files_and_a_lost_file_is_left_out(tmp_path: Path) -> None:
    files = [makers.dicom(tmp_path / "a.dcm", makers.noise((8, 8), 1, dtype="uint16"))]
    files += [makers.raster(tmp_path / "b.png", makers.noise((8, 8), 2)), tmp_path / "gone.png"]
    found = thumbnails.pictures(audited(["a"] * 3, path=[str(f) for f in files]), [0, 1, 2])
    assert sorted(found) == [0, 1]
    uri = found[0]
    assert uri.startswith("data:image/jpeg;base64,")
    picture = Picture.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert picture.size == (thumbnails.SIDE, thumbnails.SIDE)


def test_pictures_come_of_archives(tmp_path: Path) -> None:
    path = makers.npz(tmp_path / "a.npz", {"train": 3}, (8, 8))
    dataset = audited(["a"] * 3, path=str(path), member="train_images", frame=[0, 1, 2])
    assert sorted(thumbnails.pictures(dataset, [0, 2])) == [0, 2]
