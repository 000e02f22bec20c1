"""CSV files that list images and masks."""

from __future__ import annotations

from pathlib import Path

import makers_masks
import pytest
from makers_masks import image, mask

from tfmed import data
from tfmed.errors import ConfigError, DataError


def written(folder: Path, *lines: str) -> data.Dataset:
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return data.open(folder / "cases.csv", truth="mask")


def test_images_masks_patients_and_parts_have_their_columns(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 4, values=(1, 2))
    dataset = written(
        tmp_path,
        "mask,image,patient,split",
        "masks/case_0.png,images/case_0.png,P1,train",
        "masks/case_1.png,images/case_1.png,P1,train",
        "masks/case_2.png,images/case_2.png,P2,val",
        ",images/case_3.png,P3,test",
    )
    table = dataset.table
    assert list(table["id"]) == [f"images/case_{n}.png" for n in range(4)]
    assert list(table["patient"]) == ["P1", "P1", "P2", "P3"] and table["patient_known"].all()
    assert list(table["split"]) == ["train", "train", "val", "test"]
    assert [files and Path(files[0]).name for files in table["mask"]] == [
        *(f"case_{n}.png" for n in range(3)),
        None,
    ]
    assert dataset.classes == ("background", "1", "2")


def test_names_of_classes_may_lie_beside_the_table(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 1, values=(1,))
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "liver": 1}}')
    dataset = written(tmp_path, "path,segmentation", "images/case_0.png,masks/case_0.png")
    assert dataset.classes == ("background", "liver")


def test_several_columns_of_masks_are_one_file_a_class(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / f"{name}.png")
        mask(tmp_path / f"{name}_liver.png", 255)
        mask(tmp_path / f"{name}_lung.png", 0, 255)
    dataset = written(
        tmp_path, "image,mask_lung,mask_liver", "a,a_lung,a_liver", "b.png,b_lung.png,"
    )
    assert dataset.classes == ("background", "lung", "liver")
    assert [Path(path).name for path in dataset.table["mask"][0]] == ["a_lung.png", "a_liver.png"]
    assert "draw an empty one" in dataset.rejects["reason"].iloc[0]


def test_rows_that_do_not_fit_are_rejects(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 4)
    dataset = written(
        tmp_path,
        "image,mask",
        "images/case_0.png,masks/case_0.png",
        "images/case_0.png,masks/case_1.png",
        "images/case_2.png,masks/nowhere.png",
        "images/case_3.png,",
    )
    assert list(dataset.table["id"]) == ["images/case_0.png"]
    assert list(dataset.rejects["reason"]) == [
        "the table has another row for it",
        "the file is missing, but the table has a row for it",
        "mask is empty in the table",
    ]


def test_tables_without_masks_say_what_was_looked_for(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 1)
    with pytest.raises(DataError, match=r"no column .* holds files of masks; expected one called"):
        written(tmp_path, "image,label", "images/case_0.png,cat")
    with pytest.raises(DataError, match=r"no column"):
        written(tmp_path, "image,mask", "images/case_0.png,")
    with pytest.raises(ConfigError, match="takes no --label-column"):
        data.open(tmp_path / "cases.csv", truth="mask", label_columns=("label",))


def test_a_table_tells_the_patients_and_parts_of_a_folder(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path / "scans", 4)
    table = tmp_path / "patients.csv"
    table.write_text("file,subject,set\ncase_0,P1,train\ncase_1,P1,train\ncase_2.png,,test\n")
    dataset = data.open(tmp_path / "scans", truth="mask", table=table)
    assert list(dataset.table["patient"]) == ["P1", "P1", "images/case_2.png"]
    assert list(dataset.table["patient_known"]) == [True, True, False]
    assert list(dataset.table["split"]) == ["train", "train", "test"]
    assert list(dataset.rejects["reason"]) == ["it has no row in the table"]
    table.write_text("file,age\ncase_0,50\n")
    with pytest.raises(ConfigError, match="tells neither patients nor parts"):
        data.open(tmp_path / "scans", truth="mask", table=table)
    with pytest.raises(ConfigError, match="a folder without --table takes no --patient-column"):
        data.open(tmp_path / "scans", truth="mask", patient_column="subject")
