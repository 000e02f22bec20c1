"""Cases in numbers, as their audit has read them."""

from __future__ import annotations

from pathlib import Path

import makers_masks
import numpy as np
import pytest

from tfmed import data
from tfmed.data import auditing, case_facts, examined, mask_files
from tfmed.data.case_facts import CaseFacts
from tfmed.io import mask as mask_reader


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded, images and masks, in this process."""
    seen: list[str] = []
    images, masks = examined.read, mask_reader.read

    def image(path, *args, **options):
        seen.append(f"image {Path(path).stem}")
        return images(path, *args, **options)

    def label_map(path, *args, **options):
        seen.append(f"mask {Path(path).stem}")
        return masks(path, *args, **options)

    monkeypatch.setattr(examined, "read", image)
    monkeypatch.setattr(mask_files.mask, "read", label_map)
    return seen


def test_audit_and_plan_together_read_each_file_once(tmp_path: Path, reads: list[str]) -> None:
    makers_masks.pairs(tmp_path, 3)
    opened = data.open(tmp_path, truth="mask")
    reads.clear()  # a few masks are looked at when a source is opened
    audited = auditing.audit(opened, workers=0)
    names = [Path(path).stem for path in audited.table["path"]]
    assert sorted(reads) == sorted(
        [f"{what} {name}" for what in ("image", "mask") for name in names]
    )
    reads.clear()
    found = case_facts.of(audited, workers=0)
    assert all(isinstance(one, CaseFacts) and one.foreground.size for one in found)
    assert reads == []
    auditing.audit(data.open(tmp_path, truth="mask"), workers=0)
    assert [one for one in reads if one.startswith("image")] == []


def test_a_changed_mask_is_read_again(tmp_path: Path, reads: list[str]) -> None:
    makers_masks.pairs(tmp_path, 3)
    audited = auditing.audit(data.open(tmp_path, truth="mask"), workers=0)
    path = Path(audited.table["mask"][1][0])
    path.write_bytes(path.read_bytes() + b"\0")
    reads.clear()
    case_facts.of(audited, workers=0)
    assert reads == [f"image {Path(audited.table['path'][1]).stem}", f"mask {path.stem}"]


def test_facts_are_those_of_the_image(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 3)
    audited = auditing.audit(data.open(tmp_path, truth="mask"), workers=0)
    for one, row in zip(case_facts.of(audited, 0), audited.table.to_dict("records"), strict=True):
        assert isinstance(one, CaseFacts)
        assert np.prod(one.shape) <= row["height"] * row["width"] * row["depth"]
        assert one.spacing_mm is None
