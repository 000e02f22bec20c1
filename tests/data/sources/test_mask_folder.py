"""Folders of images with masks: what is where, and what belongs together."""

from __future__ import annotations

import json
from pathlib import Path

import makers
import makers_masks
import makers_nifti
import numpy as np
import pytest
from makers_masks import image, mask

from tfmed import data
from tfmed.data import case_reading
from tfmed.errors import ConfigError, DataError


def opened(folder: Path, **options: object) -> data.Dataset:
    return data.open(folder, truth="mask", **options)  # type: ignore[arg-type]


def names(dataset: data.Dataset) -> list[tuple[str, list[str] | None]]:
    """Of each example its id, and the names of its masks' files."""
    return [
        (id_, None if files is None else [Path(one).name for one in files])
        for id_, files in zip(dataset.table["id"], dataset.table["mask"], strict=True)
    ]


@pytest.mark.parametrize(
    ("images", "masks"),
    [("images", "labels"), ("image", "mask"), ("Images", "Masks"), ("img", "segmentations")],
)
def test_images_and_masks_of_one_name_belong_together(
    tmp_path: Path, images: str, masks: str
) -> None:
    makers_masks.pairs(tmp_path, 3, images=images, masks=masks)
    dataset = opened(tmp_path)
    assert names(dataset) == [(f"{images}/case_{n}.png", [f"case_{n}.png"]) for n in range(3)]
    assert dataset.classes == ("background", "foreground")
    assert dataset.table["label"].isna().all() and dataset.labelled


def test_a_wrapping_folder_and_documents_do_not_matter(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path / "unpacked", 2)
    (tmp_path / "unpacked" / "images" / "README.md").write_text("about")
    (tmp_path / "unpacked" / "masks" / "notes.txt").write_text("about")
    (tmp_path / "LICENSE").write_text("free")
    dataset = opened(tmp_path)
    assert len(dataset) == 2 and not len(dataset.rejects)


def test_parts_hold_their_own_pairs_and_one_without_masks_is_only_predicted(
    tmp_path: Path,
) -> None:
    makers_masks.pairs(tmp_path / "train", 3, images="image", masks="label")
    makers_masks.pairs(tmp_path / "Validation", 2)
    image(tmp_path / "test" / "case_0.png", 9)
    dataset = opened(tmp_path)
    assert list(dataset.table["split"].value_counts()[["train", "val", "test"]]) == [3, 2, 1]
    assert names(dataset.part("test")) == [("test/case_0.png", None)]
    assert dataset.answered.sum() == 5


def test_parts_may_lie_within_images_and_masks(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2)):
        for number in range(count):
            image(tmp_path / "images" / part / f"{number}.png", number)
            mask(tmp_path / "labels" / part / f"{number}.png", 255)
    image(tmp_path / "images" / "test" / "0.png", 7)
    dataset = opened(tmp_path)
    assert list(dataset.table["split"].value_counts()[["train", "val", "test"]]) == [3, 2, 1]
    assert names(dataset)[-1][1] is not None and dataset.answered.sum() == 5


def test_names_may_carry_what_people_add_to_them(tmp_path: Path) -> None:
    image(tmp_path / "images" / "sub" / "a_0000.png")
    mask(tmp_path / "masks" / "sub" / "a.png", 255)
    image(tmp_path / "images" / "b.png")
    mask(tmp_path / "masks" / "b_mask.png", 255)
    image(tmp_path / "images" / "c.v2.png")
    mask(tmp_path / "masks" / "c.v2_Seg.png", 255)
    assert [files for _, files in names(opened(tmp_path))] == [
        ["b_mask.png"],
        ["c.v2_Seg.png"],
        ["a.png"],
    ]


def test_what_has_no_partner_is_a_reject(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 2)
    image(tmp_path / "images" / "alone.png")
    mask(tmp_path / "masks" / "other.png", 255)
    mask(tmp_path / "masks" / "case_0_mask.png", 255)
    dataset = opened(tmp_path)
    reasons = {Path(path).name: reason for path, reason in dataset.rejects.to_numpy()}
    assert len(dataset) == 2
    assert reasons == {
        "alone.png": "no mask has its name, though others of its part have one",
        "other.png": "no image has its name",
        "case_0_mask.png": "another mask has its name",
    }


def test_one_folder_or_one_ending_a_class_is_one_file_a_class(tmp_path: Path) -> None:
    for form in ("{kind}/{name}.png", "{name}_{kind}.png"):
        root = tmp_path / form[1:3]
        for name in ("case_1", "case_1_b"):
            image(root / "images" / f"{name}.png")
            for number, kind in enumerate(("liver", "left_lung")):
                mask(root / "masks" / form.format(kind=kind, name=name), *[0] * number, 255)
        dataset = opened(root)
        assert dataset.classes == ("background", "left_lung", "liver")
        about = dataset.facts["masks"]
        assert (about["kind"], about["values"]) == ("one file a class", [0, 1, 2])
        assert len(dataset) == 2 and not len(dataset.rejects)
        found = case_reading.read(dataset.table.iloc[1].to_dict(), about).mask
        assert found is not None
        assert (found[2:6, :4] == 2).all() and (found[2:6, 4:8] == 1).all()


def test_wished_classes_choose_the_files_of_classes_and_their_order(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    for kind in ("liver", "lesion", "bone"):
        mask(tmp_path / "masks" / kind / "a.png", 255)  # all in one place
    dataset = opened(tmp_path, classes=("liver", "lesion"))
    assert dataset.classes == ("background", "liver", "lesion")
    found = case_reading.read(dataset.table.iloc[0].to_dict(), dataset.facts["masks"]).mask
    assert found is not None and set(np.unique(found)) == {0, 2}  # the later name counts
    with pytest.raises(ConfigError, match="'livr' has no files; did you mean 'liver'"):
        opened(tmp_path, classes=("livr",))


def test_an_image_without_the_file_of_a_class_is_a_reject(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png")
        mask(tmp_path / "masks" / "liver" / f"{name}.png", 255)
    mask(tmp_path / "masks" / "lung" / "a.png", 255)
    dataset = opened(tmp_path)
    assert list(dataset.table["id"]) == ["images/a.png"]
    assert list(dataset.rejects["reason"]) == [
        "has no mask of lung; where it shows none, draw an empty one"
    ]


def nnunet(folder: Path, about: object) -> Path:
    """Three training cases, and a test case without a mask."""
    for number in range(4):
        part = "Tr" if number < 3 else "Ts"
        values = np.zeros((6, 5, 4), np.int16)
        values[1:3] = number + 1
        (folder / f"images{part}").mkdir(parents=True, exist_ok=True)
        makers_nifti.save(folder / f"images{part}" / f"c_{number}_0000.nii.gz", values)
        if part == "Tr":
            (folder / "labelsTr").mkdir(exist_ok=True)
            labels = np.zeros((6, 5, 4), np.uint8)
            labels[1:3], labels[4] = 1, 2
            makers_nifti.save(folder / "labelsTr" / f"c_{number}.nii.gz", labels)
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


@pytest.mark.parametrize(
    "about",
    [
        {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "tumour": 2}},
        {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "liver", "2": "tumour"}},
    ],
)
def test_nnunet_raw_folders_name_classes_and_modality(tmp_path: Path, about: object) -> None:
    dataset = opened(nnunet(tmp_path, about))
    assert dataset.classes == ("background", "liver", "tumour")
    assert dataset.facts["masks"]["values"] == [0, 1, 2]
    assert list(dataset.table["split"]) == ["train"] * 3 + ["test"]
    assert names(dataset)[-1] == ("imagesTs/c_3_0000.nii.gz", None)
    assert set(dataset.table["modality"]) == {"CT"}
    case = case_reading.read(dataset.table.iloc[0].to_dict(), dataset.facts["masks"])
    assert (case.modality, case.units, case.pixels.shape) == ("CT", "HU", (4, 5, 6, 1))
    assert case.mask is not None and (case.mask == case.mask[:1, :1]).all()
    assert case.mask[0, 0].tolist() == [0, 1, 1, 0, 2, 0]


def test_several_channels_are_refused_with_words(tmp_path: Path) -> None:
    folder = nnunet(tmp_path, {"channel_names": {"0": "T1", "1": "T2"}, "labels": {}})
    with pytest.raises(DataError, match=r"2 channels \(T1, T2\); images of one channel"):
        opened(folder)
    (folder / "dataset.json").unlink()
    makers_nifti.save(folder / "imagesTr" / "c_0_0001.nii.gz", np.ones((6, 5, 4), np.int16))
    with pytest.raises(DataError, match="a second channel beside _0000"):
        opened(folder)


def test_regions_of_several_values_are_refused(tmp_path: Path) -> None:
    folder = nnunet(tmp_path, {"labels": {"background": 0, "whole": [1, 2], "core": 2}})
    with pytest.raises(DataError, match="'whole' is a region of the values"):
        opened(folder)


def test_folders_without_masks_say_what_was_looked_for(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        image(tmp_path / "classes" / kind / "a.png")
    with pytest.raises(DataError, match="looked for images/ beside labels/ or masks/"):
        opened(tmp_path / "classes")
    image(tmp_path / "other" / "images" / "a.png")
    mask(tmp_path / "other" / "masks" / "b.png", 255)
    with pytest.raises(DataError, match="holds 1 images, and no mask has the name of one"):
        opened(tmp_path / "other")
    makers.npz(tmp_path / "a.npz", {"train": 3}, (8, 8))
    with pytest.raises(DataError, match="holds no masks to learn from"):
        opened(tmp_path / "a.npz")
    with pytest.raises(ConfigError, match="take no --positive"):
        opened(tmp_path, positive=("a",))


def test_real_folders_open_as_they_are(shared_data: Path) -> None:
    hippocampus = opened(shared_data / "msd_hippocampus")
    assert (len(hippocampus), hippocampus.classes) == (130, ("background", "1", "2"))
    membrane = opened(shared_data / "isbi2012_membrane", classes=("membrane=0", "cell=255"))
    assert membrane.classes == ("membrane", "cell")
    assert membrane.table["split"].value_counts().to_dict() == {"train": 30, "test": 30}
    assert membrane.answered.sum() == 30 and membrane.facts["masks"]["kind"] == "binary"
