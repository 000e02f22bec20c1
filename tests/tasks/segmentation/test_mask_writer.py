"""Predicted masks in the format of their images, under names that no two share."""

from __future__ import annotations

from pathlib import Path

import highdicom
import makers
import makers_nifti
import numpy as np
import pytest
import tifffile

from tfmed import data, io
from tfmed.data import auditing, case_reading
from tfmed.run import Run
from tfmed.tasks.segmentation.mask_writer import MaskWriter, names, values_of

CLASSES = ("background", "liver")


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["a/x.png", "a/y.nii.gz"], ["x", "y"]),
        (["train/0.png", "test/0.png"], ["train_0", "test_0"]),
        (["X.png", "x.png"], ["1_X", "2_x"]),
        (["größe 1.dcm", "../..", "1.2.840.5"], ["größe_1", "case", "1.2.840.5"]),
    ],
)
def test_names_are_files_of_one_folder_each(ids: list[str], found: list[str]) -> None:
    assert names(ids) == found


def test_values_are_the_sources_where_it_has_label_maps() -> None:
    assert values_of(None) is None
    assert values_of({"kind": "one file a class", "values": [0, 1]}) is None
    found = values_of({"kind": "binary", "values": [0, 255]})
    assert found is not None and found.tolist() == [0, 255] and found.dtype == np.uint8
    wide = values_of({"kind": "labels", "values": [0, 3, 500]})
    assert wide is not None and wide.dtype == np.uint16


def written(folder: Path, image: Path, labels: np.ndarray) -> tuple[str, io.Image]:
    """A map written for the only image of a folder, and what reads back."""
    dataset = auditing.audit(data.open(image.parent))
    run = Run(folder)
    case = case_reading.read(dataset.table.iloc[0].to_dict(), None)
    name = MaskWriter(
        run, dataset, ("background", "liver"), {"kind": "labels", "values": [0, 5]}
    ).write(0, case, labels)
    return name, io.read(run.path(name))


def test_volumes_of_nifti_keep_their_place(tmp_path: Path) -> None:
    affine = makers_nifti.affine_of((2, 0, 1), (-1, 1, -1))
    image = tmp_path / "data" / "case.nii.gz"
    image.parent.mkdir()
    makers_nifti.save(image, makers_nifti.voxels(), affine)
    own = io.read(image)
    labels = (own.pixels[..., 0] % 2).astype(np.uint8)
    name, found = written(tmp_path / "run", image, labels)
    assert name == "masks/case.nii.gz"
    assert np.array_equal(found.pixels[..., 0], 5 * labels)
    assert np.array_equal(found.affine, own.affine)


def test_stacks_of_tiff_become_nifti_and_flat_ones_png(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (3, 6, 7)).astype(np.uint8)
    (tmp_path / "stack").mkdir()
    (tmp_path / "flat").mkdir()
    tifffile.imwrite(tmp_path / "stack" / "a.tif", values, photometric="minisblack")
    tifffile.imwrite(tmp_path / "flat" / "a.tif", values[0], photometric="minisblack")
    name, found = written(tmp_path / "run", tmp_path / "stack" / "a.tif", values % 2)
    assert name == "masks/a.nii.gz"
    assert np.array_equal(found.pixels[..., 0], 5 * (values % 2))
    name, found = written(tmp_path / "run", tmp_path / "flat" / "a.tif", values[0] % 2)
    assert name == "masks/a.png"
    assert np.array_equal(found.pixels[..., 0], 5 * (values[0] % 2))


def test_series_of_dicom_get_a_seg_on_their_slices(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).integers(0, 900, (4, 8, 9)).astype(np.uint16)
    makers.series(tmp_path / "data", volume, makers.Slice(bits=12))
    dataset = auditing.audit(data.open(tmp_path / "data", unit="series"))
    case = case_reading.read(dataset.table.iloc[0].to_dict(), None)
    labels = np.zeros((4, 8, 9), np.uint8)
    labels[1:3, 2:5, 3:7] = 1  # the first slice and the last show nothing
    about = {"kind": "dicom seg", "values": [0, 1]}
    writer = MaskWriter(Run(tmp_path / "run"), dataset, CLASSES, about)
    name = writer.write(0, case, labels)
    assert name.endswith(".dcm")
    seg = highdicom.seg.segread(tmp_path / "run" / name)
    assert [one.SegmentLabel for one in seg.SegmentSequence] == ["liver"]
    assert seg.get_volume(combine_segments=True).array.sum() == labels.sum()
    assert np.array_equal(writer.written(0, case), labels)
