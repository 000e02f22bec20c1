"""Video against PyAV's own decoding of all frames; sampling, rotation, damage."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tfmed.errors import ReadError, TfmedError
from tfmed.image import Image
from tfmed.io import read, sniff, video

# Container as FFmpeg names it, codec, whether the file tells its number of frames.
KINDS = {
    "mp4": ("mp4", "libx264", True),
    "mov": ("mov", "mpeg4", True),
    "avi": ("avi", "mpeg4", True),
    "mjpeg.avi": ("avi", "mjpeg", True),
    "mpeg": ("mpeg", "mpeg2video", False),
    "m1v": ("mpeg1video", "mpeg1video", False),
    "ts": ("mpegts", "mpeg2video", False),
    "mkv": ("matroska", "ffv1", False),
    "webm": ("webm", "libvpx", False),
}
RATE = 25


def moving(count: int = 30, height: int = 48, width: int = 64) -> Iterator[np.ndarray]:
    """Frames `[H, W, 3]` that differ: a disc goes over a ramp."""
    y, x = np.mgrid[:height, :width]
    for index in range(count):
        disc = (x - 2 * index) ** 2 + (y - 24) ** 2 < 100
        grey = np.where(disc, 250, 2 * x + y).astype(np.uint8)
        yield np.stack([grey, grey // 2, 255 - grey], axis=-1)


def save(path: Path, kind: str, frames: Iterator[np.ndarray] | None = None) -> Path:
    container_name, codec, _ = KINDS[kind]
    with av.open(str(path), "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for index, pixels in enumerate(frames or moving()):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = index
            container.mux(stream.encode(picture.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> np.ndarray:
    """Every frame, by PyAV."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("kind", KINDS)
def test_all_frames_are_those_that_pyav_decodes(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / f"a.{kind}", kind)
    image = read(path)
    assert sniff(path) == "video"
    assert np.array_equal(image.pixels, decoded(path))
    assert image.pixels.shape == (30, 48, 64, 3)
    assert image.clip
    assert image.frames == 30
    assert image.frame_rate_hz == RATE


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_evenly_spaced_and_one_frame_can_be_asked_for(
    tmp_path: Path, kind: str
) -> None:
    path = save(tmp_path / f"a.{kind}", kind)
    every = decoded(path)
    image = read(path, sample=5)
    assert np.array_equal(image.pixels, every[[0, 7, 14, 22, 29]])
    assert image.frames == 30
    assert np.array_equal(read(path, frame=11).pixels, every[11])
    assert not read(path, frame=11).clip
    with pytest.raises(ReadError, match="frame 30 was asked for, it has 30"):
        read(path, frame=30)


def test_a_sample_of_more_frames_than_there_are_repeats_some(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mp4", "mp4", moving(3))
    assert np.array_equal(read(path, sample=5).pixels, decoded(path)[[0, 0, 1, 2, 2]])


def test_frames_that_an_edit_list_leaves_out_do_not_count(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mp4", "mp4")
    every = decoded(path)
    data = bytearray(path.read_bytes())
    # ISO 14496-12, 8.6.6: duration in 1/1000 s and start in the track's own time, 1/12800 s.
    place = data.index(b"elst") + 4 + 8
    _, start = struct.unpack(">Ii", data[place : place + 8])
    data[place : place + 8] = struct.pack(">Ii", 20 * 1000 // RATE, start + 10 * 12800 // RATE)
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 30
    image = read(path, sample=3)
    assert image.frames == 20
    assert np.array_equal(image.pixels, every[[10, 20, 29]])
    assert np.array_equal(read(path).pixels, every[10:])
    with pytest.raises(ReadError, match="frame 25 was asked for, it has 20"):
        read(path, frame=25)


def test_all_frames_of_a_long_film_are_refused_and_a_sample_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.mp4", "mp4")
    monkeypatch.setattr("tfmed.io.frames.MAX_BYTES", 10 * 3 * 48 * 64)
    with pytest.raises(ReadError, match=r"30 frames of 48 x 64 pixels .* \(sample\)"):
        read(path)
    assert read(path, sample=10).pixels.shape[0] == 10


@pytest.mark.parametrize(("turn", "quarters"), [(90, 3), (180, 2), (270, 1)])
def test_frames_are_turned_as_the_display_matrix_says(
    tmp_path: Path, turn: int, quarters: int
) -> None:
    path = save(tmp_path / "a.mp4", "mp4")
    upright = decoded(path)
    data = bytearray(path.read_bytes())
    # ISO 14496-12, 8.3.2: the matrix stands 40 bytes into a version 0 track header's body.
    place = data.index(b"tkhd") + 4 + 40
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    one = 2**16
    matrix = (cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 2**30)
    data[place : place + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    # A turn is clockwise, and NumPy's is the other way.
    assert np.array_equal(read(path).pixels, np.rot90(upright, quarters, axes=(1, 2)))


def test_sound_is_left_out_and_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ReadError, match="no pictures"):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_told_where_its_container_tells_its_length(
    tmp_path: Path, kind: str
) -> None:
    data = save(tmp_path / f"a.{kind}", kind).read_bytes()
    path = tmp_path / "cut"
    for tenth in range(10):
        path.write_bytes(data[: len(data) * tenth // 10])
        try:
            image = read(path, sample=4)
        except ReadError:
            continue
        assert not KINDS[kind][2]
        assert kind not in ("mkv", "webm")
        # The last bytes may be padding.
        assert image.frames < 30 or kind == "mpeg"


def test_a_film_whose_index_stands_first_says_how_many_frames_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height = 64, 48
        for pixels in moving():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(ReadError, match=r"cut short: \d+ frames of the 30|cannot be decoded"):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_gives_a_clip_or_a_read_error(tmp_path: Path, kind: str) -> None:
    data = save(tmp_path / f"a.{kind}", kind).read_bytes()
    path = tmp_path / "damaged"
    rng = np.random.default_rng(len(kind))
    for _ in range(12):
        damaged = bytearray(data)
        for place in rng.integers(0, int(rng.choice([200, len(data)])), size=4):
            damaged[place % len(data)] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            assert isinstance(read(path, sample=4), Image)
        except TfmedError as error:
            assert isinstance(error, ReadError)


def test_frames_of_no_sane_size_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.mp4", "mp4")
    monkeypatch.setattr(video, "MAX_PIXELS", 1000)
    with pytest.raises(ReadError, match="frames of 48 x 64 pixels"):
        read(path)


def test_ultrasound_clips_are_read(shared_data: Path) -> None:
    """One of each container; all 84 read with sample=16."""
    clips = sorted((shared_data / "pocus_lung_ultrasound" / "videos").iterdir())
    endings = {path.suffix.lower(): path for path in clips}
    assert set(endings) == {".mp4", ".mov", ".avi", ".mpeg", ".gif"}
    for path in endings.values():
        image = read(path, sample=16)
        every = decoded(path)
        indices = np.rint(np.linspace(0, len(every) - 1, 16)).astype(int)
        assert image.frames == len(every)
        assert np.array_equal(image.pixels, every[indices])
        assert image.frame_rate_hz is not None
        assert 5 < image.frame_rate_hz < 60
