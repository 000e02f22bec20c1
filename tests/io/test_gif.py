"""GIF against PyAV, which decodes it another way; palettes, clips, damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import makers
import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed.errors import ReadError, TfmedError
from tfmed.image import Image
from tfmed.io import gif, read


def save(path: Path, frames: np.ndarray, **options: Any) -> Path:
    """`[T, H, W]` or `[T, H, W, 3]`."""
    pictures = [Pillow.fromarray(frame) for frame in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    return path


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_one_frame_is_an_image(tmp_path: Path) -> None:
    frames = makers.noise((1, 6, 7))
    image = read(save(tmp_path / "a.gif", frames))
    assert image.pixels.shape == (6, 7, 3)
    assert np.array_equal(image.pixels, np.repeat(frames[0, ..., np.newaxis], 3, -1))
    assert not image.clip
    assert image.frames == 1
    assert np.array_equal(read(tmp_path / "a.gif", sample=4).pixels, image.pixels)


def test_several_frames_are_a_clip_with_its_rate(tmp_path: Path) -> None:
    frames = makers.noise((8, 6, 7))
    path = save(tmp_path / "a.gif", frames, duration=40)
    image = read(path)
    assert image.clip
    assert image.frames == 8
    assert image.frame_rate_hz == 25.0
    assert np.array_equal(image.pixels[..., 0], frames)
    assert np.array_equal(read(path, sample=3).pixels[..., 1], frames[[0, 4, 7]])
    assert np.array_equal(read(path, frame=5).pixels[..., 2], frames[5])
    with pytest.raises(ReadError, match="frame 8 was asked for, it has 8"):
        read(path, frame=8)


def test_frames_without_a_time_have_no_rate(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", makers.noise((3, 6, 7)), duration=0)
    assert read(path).frame_rate_hz is None


@pytest.mark.parametrize("disposal", [0, 1, 2])
def test_palettes_and_parts_of_frames_are_drawn_as_pyav_draws_them(
    tmp_path: Path, disposal: int
) -> None:
    frames = np.full((5, 20, 24, 3), (200, 30, 90), np.uint8)
    for index, frame in enumerate(frames):
        frame[index : index + 6, 3 * index : 3 * index + 6] = (0, 50 * index, 255)
    path = save(tmp_path / "a.gif", frames, disposal=disposal)
    assert np.array_equal(read(path).pixels, decoded(path))
    assert np.array_equal(read(path).pixels, frames)


def test_real_clips_are_as_pyav_decodes_them(shared_data: Path) -> None:
    for path in (shared_data / "pocus_lung_ultrasound" / "videos").glob("*.gif"):
        image = read(path)
        assert np.array_equal(image.pixels, decoded(path))
        assert image.frame_rate_hz == 10.0


def test_a_file_cut_anywhere_is_told(tmp_path: Path) -> None:
    data = save(tmp_path / "a.gif", makers.noise((8, 30, 30))).read_bytes()
    path = tmp_path / "cut"
    for tenth in range(10):
        path.write_bytes(data[: len(data) * tenth // 10])
        with pytest.raises(ReadError):
            read(path)
    path.write_bytes(data[:-1])
    with pytest.raises(ReadError, match="cut short"):
        read(path)


def test_a_canvas_that_no_scan_has_is_refused(tmp_path: Path) -> None:
    data = bytearray(save(tmp_path / "a.gif", makers.noise((2, 6, 7))).read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(data)
    with pytest.raises(ReadError, match="65535 x 65535 pixels"):
        gif.read_header(tmp_path / "a.gif")


def test_damage_gives_a_clip_or_a_read_error(tmp_path: Path) -> None:
    data = save(tmp_path / "a.gif", makers.noise((6, 20, 30))).read_bytes()
    path = tmp_path / "damaged"
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(0, int(rng.choice([40, len(data)])), size=3):
            damaged[place] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            assert isinstance(read(path), Image)
        except TfmedError as error:
            assert isinstance(error, ReadError)
