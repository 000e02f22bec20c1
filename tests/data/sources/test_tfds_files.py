"""TFDS records as plain files: what stays as it is, and what survives a kill."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
from makers_tfds import encoded, picture_features, pictures, prepared
from tensorflow_datasets import features as f

from tfmed import data
from tfmed.data.auditing import audit
from tfmed.data.sources import tfds_files
from tfmed.errors import DataError
from tfmed.io import read

NAMES = ["normal", "pneumonia"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "of_tfds"))
    return tmp_path / "home"


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_image_files_stay_byte_for_byte_as_they_are(tmp_path: Path, file_format: str) -> None:
    splits = {"train": pictures(4), "validation": pictures(2, 4, "JPEG"), "test": pictures(2, 6)}
    folder = prepared(
        tmp_path / "made",
        picture_features(),
        splits,
        file_format,
        license="CC BY 4.0",
        citation="Doe 2020",
        homepage="https://example.org",
    )
    dataset = data.open(f"tfds:{folder}")
    contents = [Path(path).read_bytes() for path in dataset.table["path"]]
    assert contents == [one["image"] for part in splits.values() for one in part]
    assert list(dataset.table["label"]) == NAMES * 4
    assert list(dataset.table["split"]) == ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    assert list(dataset.table["patient"]) == [f"P{i // 2}" for i in range(8)]
    assert dataset.table["patient_known"].all()
    assert dataset.classes == ("normal", "pneumonia")
    assert dataset.name == "made"
    assert {name: dataset.facts[name] for name in ("version", "licence", "citation")} == {
        "version": "1.0.0",
        "licence": "CC BY 4.0",
        "citation": "Doe 2020",
    }
    assert dataset.facts["homepage"] == "https://example.org"
    assert dataset.facts["source"] == f"tfds:{folder}"
    assert len(audit(dataset, workers=0)) == 8


def test_a_converted_set_needs_its_records_no_more(tmp_path: Path, monkeypatch) -> None:
    folder = prepared(tmp_path / "made", picture_features(), {"train": pictures(4)})
    first = data.open(f"tfds:{tmp_path / 'made'}")
    for record in folder.glob("*array_record*"):
        record.unlink()
    again = data.open(f"tfds:{tmp_path / 'made'}")
    assert again.table.equals(first.table)


def test_a_killed_conversion_goes_on_after_its_last_whole_block(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tfds_files, "BLOCK", 3)
    folder = prepared(
        tmp_path / "made", picture_features(), {"train": pictures(7), "test": pictures(4, 7)}
    )
    written = []
    whole = tfds_files._row

    def killed(example, found, split, stem, root):
        written.append(stem.name)
        if len(written) == 5:
            raise KeyboardInterrupt
        return whole(example, found, split, stem, root)

    monkeypatch.setattr(tfds_files, "_row", killed)
    with pytest.raises(KeyboardInterrupt):
        data.open(f"tfds:{folder}")
    assert [path.name[0] for path in (tmp_path / "home" / "tfds").iterdir()] == ["."]
    dataset = data.open(f"tfds:{folder}")
    assert written[5] == "000000003", "the first block was written again"
    assert len(written) == 5 + 11 - 3
    contents = [Path(path).read_bytes() for path in dataset.table["path"]]
    assert contents == [encoded(i) for i in range(11)]
    assert len(list((tmp_path / "home" / "tfds").iterdir())) == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "ending"),
    [
        ((8, 6, 1), "uint8", ".png"),
        ((8, 6), "uint16", ".png"),
        ((8, 6, 3), "uint8", ".png"),
        ((8, 6, 3), "uint16", ".npy"),
        ((8, 6, 1), "int16", ".npy"),
        ((8, 6, 1), "float32", ".npy"),
        ((5, 8, 6), "uint8", ".npy"),
        ((5, 8, 6, 3), "uint8", ".npy"),
    ],
)
def test_tensors_keep_their_values(tmp_path: Path, shape, dtype, ending) -> None:
    values = makers.noise(shape, 1, 0 if dtype[0] == "u" else -900, 250).astype(dtype)
    feature = f.Tensor(shape=shape, dtype=np.dtype(dtype), encoding="zlib")
    folder = prepared(
        tmp_path,
        {"scan": feature, "label": f.ClassLabel(names=NAMES)},
        {"train": [{"scan": values, "label": 1}]},
        "tfrecord" if dtype == "int16" else "array_record",
    )
    path = Path(data.open(f"tfds:{folder}").table["path"][0])
    assert path.suffix == ending
    image = read(path)
    channels = values if shape[-1] in (1, 3) else values[..., np.newaxis]
    assert image.pixels.dtype == dtype
    assert not image.clip
    np.testing.assert_array_equal(image.pixels, channels)


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 12.5), (3, 0.0)])
def test_clips_stay_clips(tmp_path: Path, channels: int, rate_hz: float) -> None:
    values = makers.noise((5, 8, 6, channels), 2)
    kinds = {
        "clip_of": f.Tensor(shape=(None, 8, 6, channels), dtype=np.uint8, encoding="zlib"),
        "clip": f.Scalar(np.bool_),
        "frame_rate_hz": f.Scalar(np.float32),
    }
    examples = [{"clip_of": values, "clip": True, "frame_rate_hz": rate_hz or np.nan}]
    image = read(
        data.open(f"tfds:{prepared(tmp_path, kinds, {'train': examples})}").table["path"][0]
    )
    assert image.clip
    assert image.frame_rate_hz == (pytest.approx(rate_hz) if rate_hz else None)
    np.testing.assert_array_equal(image.pixels, values)


def test_frames_of_a_tfds_video_are_a_clip(tmp_path: Path) -> None:
    values = makers.noise((4, 8, 6, 3), 3)
    folder = prepared(
        tmp_path, {"video": f.Video(shape=(None, 8, 6, 3))}, {"train": [{"video": values}]}
    )
    image = read(data.open(f"tfds:{folder}").table["path"][0])
    assert image.clip
    np.testing.assert_array_equal(image.pixels, values)


def test_a_volume_keeps_its_spacing(tmp_path: Path) -> None:
    values = makers.noise((5, 8, 6, 1), 4, -900, 900, "int16")
    kinds = {
        "image": f.Tensor(shape=(None, None, None, 1), dtype=np.int16, encoding="zlib"),
        "spacing_mm": f.Tensor(shape=(3,), dtype=np.float64, encoding="bytes"),
    }
    examples = [{"image": values, "spacing_mm": np.array([2.5, 0.75, 0.5])}]
    image = read(
        data.open(f"tfds:{prepared(tmp_path, kinds, {'train': examples})}").table["path"][0]
    )
    assert image.spacing_mm == (2.5, 0.75, 0.5)
    assert not image.clip
    np.testing.assert_array_equal(image.pixels, values)


def test_damaged_records_are_told(tmp_path: Path) -> None:
    folder = prepared(tmp_path, picture_features(), {"train": pictures(4)}, "tfrecord")
    record = next(folder.glob("*tfrecord*"))
    content = bytearray(record.read_bytes())
    content[len(content) // 2] ^= 0xFF
    record.write_bytes(content)
    with pytest.raises(DataError, match=r"the records of made/1.0.0 .* cannot be read"):
        data.open(f"tfds:{folder}")
