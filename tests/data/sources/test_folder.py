"""Folders of images: classes, parts, trees, litter."""

from __future__ import annotations

import os
from pathlib import Path

import makers
import nibabel
import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed import data
from tfmed.data import truth as truths
from tfmed.data.auditing import audit
from tfmed.data.walk import part_name, walk
from tfmed.errors import ConfigError, DataError


def reasons(dataset: data.Dataset) -> dict[str, str]:
    return {Path(row.path).name: row.reason for row in dataset.rejects.itertuples()}


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    dataset = data.open(makers.class_folders(tmp_path / "chest", count=2))
    assert dataset.classes == ("normal", "pneumonia")
    assert dataset.name == "chest"
    assert list(dataset.table["id"]) == [
        "normal/0.png",
        "normal/1.png",
        "pneumonia/0.png",
        "pneumonia/1.png",
    ]
    assert list(dataset.table["label"]) == ["normal", "normal", "pneumonia", "pneumonia"]
    assert set(dataset.table["split"]) == {""}


@pytest.mark.parametrize(
    "parts",
    [("train", "val", "test"), ("Training", "VALIDATION", "testing"), ("TRAIN", "valid", "Test")],
)
def test_parts_at_the_top_are_the_split(tmp_path: Path, parts: tuple[str, ...]) -> None:
    dataset = data.open(makers.class_folders(tmp_path, count=2, parts=parts))
    assert dataset.table["split"].value_counts().to_dict() == {"train": 4, "val": 4, "test": 4}
    assert dataset.classes == ("normal", "pneumonia")


def test_an_archive_unpacked_in_a_folder_of_its_name_is_looked_into(tmp_path: Path) -> None:
    makers.class_folders(tmp_path / "chest_xray", count=1, parts=("train", "test"))
    assert set(data.open(tmp_path).table["split"]) == {"train", "test"}


def test_a_part_without_class_folders_has_no_labels(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=2, parts=("train",))
    makers.raster(tmp_path / "test" / "0.png", makers.noise((4, 4)))
    makers.raster(tmp_path / "test" / "images" / "1.png", makers.noise((4, 4)))
    test = data.open(tmp_path).part("test")
    assert len(test) == 2
    assert not test.labelled


def test_litter_and_hidden_files_are_no_examples(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1)
    for name in (
        ".DS_Store",
        "normal/.DS_Store",
        "normal/Thumbs.db",
        "pneumonia/desktop.ini",
        "DICOMDIR",
    ):
        (tmp_path / name).write_bytes(b"litter")
    makers.raster(tmp_path / "__MACOSX" / "normal" / "._0.png", makers.noise((4, 4)))
    makers.raster(tmp_path / ".hidden" / "0.png", makers.noise((4, 4)))
    dataset = data.open(tmp_path)
    assert len(dataset) == 2
    assert len(dataset.rejects) == 0
    assert dataset.classes == ("normal", "pneumonia")


def test_images_beside_the_class_folders_are_rejects_and_a_readme_is_not(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1)
    makers.raster(tmp_path / "stray.png", makers.noise((4, 4)))
    (tmp_path / "README.md").write_text("about")
    dataset = data.open(tmp_path)
    assert len(dataset) == 2
    assert reasons(dataset) == {"stray.png": "lies beside the class folders"}


def test_documents_in_class_folders_are_no_examples(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=2)
    for name in ("0.json", "README.md", "license", "labels.csv"):
        (tmp_path / "normal" / name).write_text("about")
    dataset = data.open(tmp_path)
    assert len(dataset) == 4
    assert reasons(dataset) == {}


def test_a_folder_beside_the_parts_is_one_reject(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1, parts=("train", "test"))
    makers.class_folders(tmp_path / "copy", count=3)
    dataset = data.open(tmp_path)
    assert len(dataset) == 4
    assert reasons(dataset) == {"copy": "lies beside train, val and test"}


def test_spaces_and_letters_of_any_script_are_fine(tmp_path: Path) -> None:
    folder = tmp_path / "Röntgen Thorax 胸部"
    dataset = data.open(makers.class_folders(folder, ("gesund", "Lungenentzündung"), count=1))
    assert dataset.classes == ("gesund", "Lungenentzündung")
    assert all(Path(path).is_file() for path in dataset.table["path"])


def test_plain_images_are_to_predict(tmp_path: Path) -> None:
    makers.raster(tmp_path / "a.png", makers.noise((4, 4)))
    dataset = data.open(tmp_path)
    assert len(dataset) == 1
    assert not dataset.labelled
    with pytest.raises(DataError, match=r"has no labels.*--table"):
        truths.of(dataset).check(dataset)


def test_documents_in_a_tree_of_dicom_are_no_examples(tmp_path: Path) -> None:
    makers.series(tmp_path / "P1" / "CT", makers.noise((2, 8, 8), dtype="int16"))
    makers.dicom(tmp_path / "IM0001", makers.noise((8, 8)))
    for name in ("README", "index.html", "LICENSE", "P1/notes.txt"):
        (tmp_path / name).write_text("about")
    assert len(data.open(tmp_path)) == 3


def test_a_tree_of_dicom_by_patient_is_no_class_folder(tmp_path: Path) -> None:
    for patient in ("A", "B", "C"):
        volume = makers.noise((3, 8, 8), ord(patient), dtype="int16")
        makers.series(
            tmp_path / patient / "study" / "series", volume, makers.Slice(patient=patient)
        )
    dataset = data.open(tmp_path)
    assert len(dataset) == 9
    assert not dataset.labelled


def test_class_folders_of_dicom_are_classes(tmp_path: Path) -> None:
    for name in ("normal", "nodule"):
        for number in range(3):
            about = makers.Slice(patient=f"P{number}")
            makers.dicom(tmp_path / name / f"{number}.dcm", makers.noise((8, 8), number), about)
    assert data.open(tmp_path).classes == ("normal", "nodule")


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files; expected images in class folders"):
        data.open(tmp_path)


def test_one_class_is_refused_before_training_but_can_be_predicted(tmp_path: Path) -> None:
    dataset = data.open(makers.class_folders(tmp_path, ("normal",), count=2))
    assert len(dataset) == 2
    with pytest.raises(DataError, match="has one class, 'normal'"):
        truths.of(dataset).check(dataset)


def test_a_class_folder_without_images_is_named(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=2)
    (tmp_path / "viral").mkdir()
    with pytest.raises(DataError, match=r"class 'viral' of .* has no images"):
        truths.of(data.open(tmp_path)).check(data.open(tmp_path))


def test_only_empty_class_folders_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "normal").mkdir()
    (tmp_path / "viral").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        data.open(tmp_path)


@pytest.mark.parametrize("names", [("image", "label"), ("Images", "Masks")])
def test_images_with_masks_are_not_two_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    makers.class_folders(tmp_path, names, count=1)
    with pytest.raises(DataError, match="to be segmented"):
        data.open(tmp_path)


def test_a_name_of_stray_bytes_is_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1)
    bad = bytes(tmp_path) + b"/normal/R\xf6ntgen.png"
    Path(os.fsdecode(bad)).write_bytes(b"x")
    assert len(data.open(tmp_path)) == 2


def test_a_column_without_a_table_is_refused(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=1)
    with pytest.raises(ConfigError, match="a folder without --table takes no --label-column"):
        data.open(tmp_path, label_columns=("x",))


def test_links_are_followed_once(tmp_path: Path) -> None:
    makers.class_folders(tmp_path / "real", count=1)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "normal").symlink_to(tmp_path / "real" / "normal")
    (tmp_path / "set" / "normal" / "loop").symlink_to(tmp_path / "set")
    assert [path.name for path in walk(tmp_path / "set")] == ["0.png"]


@pytest.mark.parametrize(
    ("name", "part"),
    [("train", "train"), ("Val_set", "val"), ("TESTING", "test"), ("trains", None), ("", None)],
)
def test_names_of_parts(name: str, part: str | None) -> None:
    assert part_name(name) == part


def test_the_voxels_of_a_nifti_pair_are_part_of_its_header(tmp_path: Path) -> None:
    for name in ("a.hdr", "a.img", "b.hdr.gz", "b.img.gz", "c.HDR", "c.IMG", "lone.img"):
        (tmp_path / "one" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "one" / name).write_bytes(b"x")
    names = [path.name for path in walk(tmp_path)]
    assert names == ["a.hdr", "b.hdr.gz", "c.HDR", "lone.img"]


def test_class_folders_may_hold_volumes_and_clips(tmp_path: Path) -> None:
    for index, name in enumerate(("healthy", "ill")):
        (tmp_path / name).mkdir()
        for part in range(2):
            volume = makers.noise((4, 5, 6), 2 * index + part, dtype="int16")
            image = nibabel.Nifti1Image(volume, np.eye(4))
            nibabel.save(image, tmp_path / name / f"{part}.nii.gz")
    dataset = data.open(tmp_path)
    assert list(dataset.table["label"]) == ["healthy", "healthy", "ill", "ill"]
    assert set(audit(dataset, workers=0).table["format"]) == {"nifti"}


@pytest.mark.parametrize("ending", ["npy", "nii", "gif"])
def test_a_single_volume_or_clip_can_be_opened(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    volume = makers.noise((6, 7, 8))
    if ending == "npy":
        np.save(path, volume)
    elif ending == "nii":
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), path)
    else:
        pages = [Pillow.fromarray(page) for page in volume]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    assert list(data.open(path).table["path"]) == [str(path)]
