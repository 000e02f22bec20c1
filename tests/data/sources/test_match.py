"""Cells of a table that mean files, by name and by stem."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfmed.data.sources.match import Files
from tfmed.data.walk import stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.nii.gz", "a"),
        ("a.NII.GZ", "a"),
        ("a.img.gz", "a"),
        ("a.v2.nii", "a.v2"),
        ("a.tar.gz", "a.tar"),
        ("a", "a"),
    ],
)
def test_nii_gz_is_one_ending(name: str, expected: str) -> None:
    assert stem(name) == expected


@pytest.mark.parametrize("cell", ["case_001", "case_001.nii.gz", "case_001.nii", "x/case_001"])
def test_a_case_finds_its_volume(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "images" / "case_001.nii.gz"
    path.parent.mkdir()
    path.write_bytes(b"x")
    assert Files(tmp_path, [path]).find(cell) == path
