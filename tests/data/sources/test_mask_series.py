"""Which series a DICOM SEG belongs to."""

from __future__ import annotations

from pathlib import Path

import makers_dicom_out as makers_out
import makers_masks
import pytest

from tfmed.data.sources.mask_dicom import series_of
from tfmed.errors import ConfigError, DataError

DRAWN = {"liver": makers_out.labels() == 1}


def test_each_finds_the_files_of_its_series_in_their_order(tmp_path: Path) -> None:
    first, second = (makers_out.ct(tmp_path / name) for name in ("one", "two"))
    segs = [
        makers_masks.seg(tmp_path / f"{number}.dcm", paths, DRAWN)
        for number, paths in enumerate((second, first))
    ]
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM")
    found = series_of([*segs, broken], tmp_path)
    assert found == [tuple(second), tuple(first), ()]


def test_without_a_reference_the_frame_of_reference_must_be_one_series_alone(
    tmp_path: Path,
) -> None:
    paths = makers_out.ct(tmp_path / "a" / "ct", space="1.2.3")
    seg = makers_masks.seg(tmp_path / "s.dcm", paths, DRAWN, reference=False)
    assert series_of([seg], tmp_path / "a") == [tuple(paths)]
    makers_out.ct(tmp_path / "a" / "again", space="1.2.3")
    assert series_of([seg], tmp_path / "a") == [()]


def test_a_place_without_images_is_refused(tmp_path: Path) -> None:
    seg = makers_masks.seg(tmp_path / "s.dcm", makers_out.ct(tmp_path / "ct"), DRAWN)
    with pytest.raises(ConfigError, match="--images: there is no file or folder"):
        series_of([seg], tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no readable DICOM"):
        series_of([seg], tmp_path / "empty")
