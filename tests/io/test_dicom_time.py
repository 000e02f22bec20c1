"""Frames that are moments: clips, their rate, and samples of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import makers
import makers_dicom
import numpy as np
import pytest
from pydicom.tag import Tag

from tfmed.errors import ReadError
from tfmed.io import dicom, read

CLIP = makers.noise((9, 6, 5))
TIME = {"FrameIncrementPointer": Tag(0x00181063), "FrameTime": 40.0}
VECTOR = {"FrameIncrementPointer": Tag(0x00181065), "FrameTimeVector": [0.0] + [20.0, 80.0] * 4}


def clip(path: Path, syntax: str = "1.2.840.10008.1.2.1", **extra: Any) -> Path:
    about = makers.Slice(modality="US", bits=8, syntax=syntax, extra=extra)
    return makers.dicom(path, CLIP, about)


@pytest.mark.parametrize(
    ("extra", "rate_hz"),
    [(TIME, 25.0), (VECTOR, 20.0), ({"CineRate": 30}, 30.0), ({}, None)],
)
def test_ultrasound_is_a_clip_with_its_rate(
    tmp_path: Path, extra: dict[str, Any], rate_hz: float | None
) -> None:
    image, header = dicom.load(clip(tmp_path / "a.dcm", **extra))
    assert image.clip
    assert image.frame_rate_hz == header.frame_rate_hz == rate_hz
    assert (image.frames, image.pixels.shape) == (9, (9, 6, 5, 1))
    assert image.spacing_mm == (0.5, 0.5)
    assert image.affine is None


def test_frames_at_different_places_are_slices(tmp_path: Path) -> None:
    path = makers_dicom.enhanced(tmp_path / "a.dcm", CLIP)
    assert not dicom.read_header(path).clip


def test_frames_that_point_elsewhere_are_no_moments(tmp_path: Path) -> None:
    # Nuclear medicine counts frames by detector, energy window or slice.
    pointer = {"FrameIncrementPointer": Tag(0x00540080), "CineRate": 10}
    assert not dicom.read_header(clip(tmp_path / "a.dcm", **pointer)).clip


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"])
def test_a_sample_is_the_evenly_spaced_frames(tmp_path: Path, syntax: str) -> None:
    path = clip(tmp_path / "a.dcm", syntax, **TIME)
    image = read(path, sample=3)
    assert np.array_equal(image.pixels[..., 0], CLIP[[0, 4, 8]])
    assert (image.clip, image.frames) == (True, 9)
    assert read(path, sample=1).pixels.shape == (1, 6, 5, 1)
    assert np.array_equal(read(path, sample=12).pixels[[0, 11], ..., 0], CLIP[[0, 8]])


def test_of_a_volume_no_sample_is_taken(tmp_path: Path) -> None:
    path = makers_dicom.enhanced(tmp_path / "a.dcm", CLIP)
    assert dicom.read(path, sample=3).pixels.shape == (9, 6, 5, 1)


def test_one_frame_of_a_clip_is_an_image(tmp_path: Path) -> None:
    image = read(clip(tmp_path / "a.dcm", **TIME), frame=2)
    assert not image.clip
    assert np.array_equal(image.pixels[..., 0], CLIP[2])


def test_only_the_frames_of_a_sample_are_decoded(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.dcm", "1.2.840.10008.1.2.5", **TIME)
    data = bytearray(path.read_bytes())
    # The last but one frame's run-length header says 99 segments.
    items = [i for i in range(len(data)) if data[i : i + 4] == b"\xfe\xff\x00\xe0"]
    data[items[-2] + 8] = 99
    path.write_bytes(data)
    assert read(path, sample=3).pixels.shape == (3, 6, 5, 1)
    with pytest.raises(ReadError):
        read(path)
