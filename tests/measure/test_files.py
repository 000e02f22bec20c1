"""Which files are measured, and which images belong to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfmed.errors import ConfigError, DataError
from tfmed.measure import files


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_masks_of_a_folder_are_found_in_the_order_people_count(tmp_path: Path) -> None:
    names = ("10.png", "9.png", "b/1.NII.GZ", "readme.txt", ".hidden.png", "x.dcm")
    place = touch(tmp_path, *names)
    assert [name for _, name in files.listed(place)] == ["9.png", "10.png", "b/1.NII.GZ"]
    assert files.listed(place / "x.dcm")[0][1] == "x.dcm"


def test_no_such_place_and_an_empty_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--masks: there is no file or folder"):
        files.listed(tmp_path / "none")
    with pytest.raises(DataError, match=r"holds no \.nii"):
        files.listed(tmp_path)


def test_stems_are_never_the_same() -> None:
    names = ["a.png", "a.nii.gz", "b/a.png", "a_nii_gz.png", "x.y.png"]
    assert files.stem("x.y.png") == "x.y" and files.stem("case.NII.gz") == "case"
    found = files.stems(names)
    assert found[0] == "a" and found[2] == "b__a" and len(set(found)) == len(names)


def test_images_are_matched_by_name(tmp_path: Path) -> None:
    masks = files.listed(touch(tmp_path / "m", "a.nii.gz", "b_mask.png", "sub/c.png", "d.png"))
    images = touch(tmp_path / "i", "a_0000.nii.gz", "b.tif", "c.png", "e.png")
    found = files.images(masks, images)
    names = [one.name if one else None for one in found]
    assert names == ["a_0000.nii.gz", "b.tif", None, "c.png"]
    assert files.images(masks, None) == [None] * 4
    one = files.listed(tmp_path / "m" / "a.nii.gz")
    assert files.images(one, images / "e.png") == [images / "e.png"]


def test_images_of_other_names_are_refused(tmp_path: Path) -> None:
    masks = files.listed(touch(tmp_path / "m", "a.png"))
    with pytest.raises(ConfigError, match="is named as a mask is; expected a and any ending"):
        files.images(masks, touch(tmp_path / "i", "z.png"))
