"""The audit of masks: bad ones are rejects, the rest is counted."""

from __future__ import annotations

from pathlib import Path

import makers_masks
import makers_nifti
import numpy as np
import pytest
from makers_masks import image, mask
from PIL import Image as Pillow

from tfmed import data
from tfmed.data import auditing
from tfmed.data import truth as truths
from tfmed.data.parts import assign, folds
from tfmed.data.stored import store, stored
from tfmed.errors import DataError
from tfmed.run import Run


def audited(folder: Path, **options: object) -> data.Dataset:
    dataset = data.open(folder, truth="mask", **options)  # type: ignore[arg-type]
    return auditing.audit(dataset, workers=0)


def test_voxels_of_each_class_are_counted(tmp_path: Path) -> None:
    for number, values in enumerate(((1, 2), (2, 2), (1,))):
        image(tmp_path / "images" / f"{number}.png", number)
        mask(tmp_path / "masks" / f"{number}.png", *values)
    found = audited(tmp_path)
    assert [list(one) for one in found.table["class_voxels"]] == [
        [320 - 32, 16, 16],
        [320 - 32, 0, 32],
        [320 - 16, 16, 0],
    ]


def test_a_class_that_only_few_masks_show_is_found(tmp_path: Path) -> None:
    for number in range(40):
        image(tmp_path / "images" / f"{number}.png", number)
        mask(tmp_path / "masks" / f"{number}.png", 1, 3 * (number == 10))
    opened = data.open(tmp_path, truth="mask")
    assert opened.classes == ("background", "1")
    found = audited(tmp_path)
    assert found.classes == ("background", "1", "3")
    assert found.facts["masks"]["values"] == [0, 1, 3]
    assert not len(found.rejects)


def test_named_values_make_others_rejects(tmp_path: Path) -> None:
    for number in range(4):
        image(tmp_path / "images" / f"{number}.png", number)
        mask(tmp_path / "masks" / f"{number}.png", 1, 3 * (number == 2))
    found = audited(tmp_path, classes=("liver=1",))
    assert len(found) == 3 and found.classes == ("background", "liver")
    path, reason = found.rejects.iloc[0]
    assert Path(path).name == "2.png"
    assert reason.startswith("it holds 3, and the classes are 0, 1; mend the mask")


def test_bad_masks_are_rejects_with_a_reason_each(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 9)
    mask(tmp_path / "masks" / "case_3.png", 255, size=(8, 8))
    smooth = np.array([[0, 3, 252, 255] * 5] * 16, np.uint8)
    Pillow.fromarray(smooth).save(tmp_path / "masks" / "case_4.png")
    Pillow.fromarray(np.arange(320, dtype=np.uint8).reshape(16, 20) % 200).save(
        tmp_path / "masks" / "case_5.png"
    )
    (tmp_path / "masks" / "case_6.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = audited(tmp_path)
    reasons = {Path(path).stem: reason for path, reason in found.rejects.to_numpy()}
    assert reasons["case_3"] == "its shape is (8, 8), its image's (16, 20)"
    assert "it holds 0, 3, 252, 255, values near 0 and 255 as in a JPEG" in reasons["case_4"]
    assert "200 different values: an image and no mask?" in reasons["case_5"]
    assert set(reasons) == {"case_3", "case_4", "case_5", "case_6"}
    assert found.classes == ("background", "foreground") and len(found) == 5


def test_nothing_left_is_told_with_the_reasons(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 3)
    for number in range(3):
        mask(tmp_path / "masks" / f"case_{number}.png", 255, size=(8, 8))
    found = audited(tmp_path)
    with pytest.raises(DataError, match=r"none of the 3 files .* its shape is \(8, 8\)"):
        auditing.limit_rejects(found, 0.05)


def test_volumes_lie_in_one_space_with_their_masks(tmp_path: Path) -> None:
    affine = makers_nifti.affine_of((0, 1, 2), (1, 1, 1))
    for number in range(3):
        for part in ("images", "labels"):
            (tmp_path / part).mkdir(exist_ok=True)
        values = makers_nifti.voxels() + np.int16(number)
        makers_nifti.save(tmp_path / "images" / f"{number}.nii.gz", values, affine)
        moved = affine.copy()
        moved[0, 3] += 2.0 * (number == 1)
        labels = np.zeros(values.shape, np.uint8)
        labels[1:3, 1:3] = 1
        makers_nifti.save(tmp_path / "labels" / f"{number}.nii.gz", labels, moved)
    found = audited(tmp_path)
    assert len(found) == 2
    assert found.rejects["reason"].iloc[0].startswith("it lies up to 2 mm away from its image")


def test_too_few_examples_of_a_class_are_told_without_the_flag_of_classifiers(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png", seed=ord(name))
        mask(tmp_path / "masks" / f"{name}.png", 1)
    dataset = audited(tmp_path)
    with pytest.raises(DataError, match="give two classes one value in the masks"):
        assign(dataset)


def test_a_class_that_no_mask_shows_is_an_error(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 3, values=(1,))
    found = audited(tmp_path, classes=("liver=1", "tumour=2"))
    with pytest.raises(DataError, match=r"no mask of .* shows 'tumour'; masks hold label values"):
        truths.of(found).check(found)


def test_an_audit_by_processes_is_the_same_and_lasts_in_a_run(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path / "data", 3)
    image(tmp_path / "data" / "images" / "test" / "x.png", 9)
    alone = audited(tmp_path / "data")
    dataset = data.open(tmp_path / "data", truth="mask")
    found = auditing.audit(dataset, workers=1)
    assert list(map(list, found.table["class_voxels"])) == list(
        map(list, alone.table["class_voxels"])
    )
    run = Run(tmp_path / "run")
    store(run, found)
    again = stored(run)
    assert again.facts == found.facts and again.classes == found.classes
    for one, other in zip(again.table["mask"], found.table["mask"], strict=True):
        assert list(one) == list(other)
    assert [list(one) for one in again.table["class_voxels"]] == list(
        map(list, found.table["class_voxels"])
    )


def parts(folder: Path, rare: int) -> data.Dataset:
    """Twelve training images, of which the first `rare` show class 2, and two bare ones."""
    for number in range(12):
        image(folder / "train" / "images" / f"a{number}x.png", number)
        mask(folder / "train" / "masks" / f"a{number}x.png", 1, 2 * (number < rare))
    for number in range(2):
        image(folder / "test" / f"{number}.png", 50 + number)
    return audited(folder)


def test_splits_and_folds_give_every_part_every_class(tmp_path: Path) -> None:
    dataset = parts(tmp_path, 4)
    whole = assign(dataset)
    how = whole.facts["split"]["how"]
    assert "2 examples without a mask are only predicted" in how
    told = whole.facts["split"]["parts"]
    for part in ("train", "val", "test"):
        assert min(told[part]["classes"].values()) >= 1
        assert whole.part(part).answered.all()
    assert list(whole.part("").table["mask"]) == [None, None]
    held = [fold.part("test").table["id"] for fold in folds(dataset, 4)]
    assert sorted(id_ for one in held for id_ in one) == sorted(dataset.table["id"][2:])


def test_a_class_of_too_few_patients_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"class '2' has 2 examples .* 3 parts or folds need"):
        assign(parts(tmp_path, 2))


def test_python_splits_by_itself(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 6)
    train, valid, test = data.split(data.open(tmp_path, truth="mask"), (0.5, 0.25, 0.25))
    assert len(train) + len(valid) + len(test) == 6 and min(len(valid), len(test)) >= 1
    assert "class_voxels" in train.table
