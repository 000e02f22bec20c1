"""TFDS data sets as a source: features, files, parts, and what is told when one is not there."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from pathlib import Path

import makers
import numpy as np
import pytest
from makers_tfds import prepared
from PIL import Image as PillowImage
from tensorflow_datasets import features as f

from tfmed import data
from tfmed.data import tfds_files
from tfmed.data.audit import audit
from tfmed.errors import ConfigError, DataError
from tfmed.io import read

FORMATS = ["array_record", "tfrecord"]
NAMES = ["normal", "pneumonia"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "of_tfds"))
    return tmp_path / "home"


def encoded(seed: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(makers.noise((8, 6), seed)).save(file, format=kind)
    return file.getvalue()


def pictures(count: int, start: int = 0, kind: str = "PNG") -> list[dict]:
    numbers = range(start, start + count)
    return [
        {"image": encoded(i, kind), "label": i % 2, "patient_id": f"P{i // 2}"} for i in numbers
    ]


def picture_features() -> dict:
    return {
        "image": f.Image(shape=(8, 6, 1)),
        "label": f.ClassLabel(names=NAMES),
        "patient_id": f.Text(),
    }


@pytest.mark.parametrize("file_format", FORMATS)
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


def test_labels_of_minus_one_are_unknown(tmp_path: Path) -> None:
    examples = [{**one, "label": label} for one, label in zip(pictures(3), (-1, 1, 0), strict=True)]
    dataset = data.open(f"tfds:{prepared(tmp_path, picture_features(), {'train': examples})}")
    assert list(dataset.table["label"]) == [None, "pneumonia", "normal"]


def test_a_list_of_classes_is_several_labels(tmp_path: Path) -> None:
    finding = f.ClassLabel(names=["effusion", "mass", "nodule"])
    kinds = {
        "image": f.Image(shape=(8, 6, 1)),
        "label": f.Sequence(finding),
        "unknown": f.Sequence(finding),
    }
    marks = [([2, 0], []), ([], [1]), ([], [0, 1, 2])]
    examples = [
        {"image": encoded(i), "label": label, "unknown": unknown}
        for i, (label, unknown) in enumerate(marks)
    ]
    dataset = data.open(f"tfds:{prepared(tmp_path, kinds, {'train': examples})}")
    assert dataset.multi_label
    assert dataset.classes == ("effusion", "mass", "nodule")
    assert list(dataset.table["label"]) == ["effusion|nodule", "", None]
    assert list(dataset.table["unknown"]) == ["", "mass", "effusion|mass|nodule"]


def test_several_yes_or_no_labels_are_one_class_each(tmp_path: Path) -> None:
    mark = f.ClassLabel(names=["absent", "present"])
    kinds = {"image": f.Image(shape=(8, 6, 1)), "mass": mark, "nodule": mark}
    marks = [(1, 1), (0, -1), (0, 0)]
    examples = [
        {"image": encoded(i), "mass": mass, "nodule": nodule}
        for i, (mass, nodule) in enumerate(marks)
    ]
    dataset = data.open(f"tfds:{prepared(tmp_path, kinds, {'train': examples})}")
    assert dataset.classes == ("mass", "nodule")
    assert list(dataset.table["label"]) == ["mass|nodule", "", ""]
    assert list(dataset.table["unknown"]) == ["", "nodule", ""]


def test_states_of_findings_are_not_taken_for_classes(tmp_path: Path) -> None:
    state = f.Sequence(f.ClassLabel(names=["negative", "positive", "uncertain"]))
    examples = [{"image": encoded(0), "label": [0, 0, 1]}]
    folder = prepared(
        tmp_path, {"image": f.Image(shape=(8, 6, 1)), "label": state}, {"train": examples}
    )
    with pytest.raises(DataError, match="lists one class twice"):
        data.open(f"tfds:{folder}")


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


def test_splits_beside_the_usual_ones_are_left_alone(tmp_path: Path) -> None:
    splits = {"train": pictures(2), "test": pictures(2, 2), "extra": pictures(2, 4)}
    dataset = data.open(f"tfds:{prepared(tmp_path, picture_features(), splits)}")
    assert list(dataset.table["split"]) == ["train", "train", "test", "test"]


def test_without_a_usual_split_all_are_read_and_have_no_part(tmp_path: Path) -> None:
    splits = {"site_a": pictures(2), "site_b": pictures(2, 2)}
    dataset = data.open(f"tfds:{prepared(tmp_path, picture_features(), splits)}")
    assert list(dataset.table["split"]) == [""] * 4
    assert dataset.table["id"][3] == "site_b/000001"


def test_features_are_chosen_as_columns_are(tmp_path: Path) -> None:
    kinds = {
        "left": f.Image(shape=(8, 6, 1)),
        "right": f.Image(shape=(8, 6, 1)),
        "view": f.ClassLabel(names=["ap", "lateral", "oblique"]),
        "finding": f.ClassLabel(names=NAMES),
        "owner": f.Text(),
    }
    examples = [{"left": encoded(0), "right": encoded(1), "view": 2, "finding": 1, "owner": "a"}]
    source = f"tfds:{prepared(tmp_path, kinds, {'train': examples})}"
    with pytest.raises(ConfigError, match="several images: left, right; name one with --path-col"):
        data.open(source)
    with pytest.raises(ConfigError, match=r"several labels: .*finding.*name one with --label-col"):
        data.open(source, path_column="right")
    with pytest.raises(ConfigError, match="no feature 'findings'; did you mean 'finding'"):
        data.open(source, path_column="right", label_columns=("findings",))
    dataset = data.open(
        source, path_column="right", label_columns=("finding",), patient_column="owner"
    )
    assert Path(dataset.table["path"][0]).read_bytes() == encoded(1)
    assert list(dataset.table["label"]) == ["pneumonia"]
    assert list(dataset.table["patient"]) == ["a"]


def test_data_without_images_is_refused(tmp_path: Path) -> None:
    folder = prepared(tmp_path, {"text": f.Text()}, {"train": [{"text": "hello"}]})
    with pytest.raises(DataError, match=r"has no image feature; it has text \(Text\)"):
        data.open(f"tfds:{folder}")


def test_damaged_records_are_told(tmp_path: Path) -> None:
    folder = prepared(tmp_path, picture_features(), {"train": pictures(4)}, "tfrecord")
    record = next(folder.glob("*tfrecord*"))
    content = bytearray(record.read_bytes())
    content[len(content) // 2] ^= 0xFF
    record.write_bytes(content)
    with pytest.raises(DataError, match=r"the records of made/1.0.0 .* cannot be read"):
        data.open(f"tfds:{folder}")


def test_names_that_tfds_does_not_know_are_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'colorectal_histology'"):
        data.open("tfds:colorectal_histolgy")
    with pytest.raises(ConfigError, match=r"only: 2\.0\.0"):
        data.open("tfds:patch_camelyon:9.9.9")
    with pytest.raises(ConfigError, match="BuilderConfig foo not found"):
        data.open("tfds:colorectal_histology/foo")
    with pytest.raises(ConfigError, match="expected tfds:NAME"):
        data.open("tfds:")


def test_folders_without_a_data_set_or_with_several_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"there is no dataset_info\.json"):
        data.open(f"tfds:{tmp_path / 'empty'}")
    for name in ("a", "b"):
        prepared(tmp_path / "two" / name, picture_features(), {"train": pictures(2)})
    with pytest.raises(ConfigError, match=r"several TFDS data sets: a/made/1.0.0, b/made/1.0.0"):
        data.open(f"tfds:{tmp_path / 'two'}")


def test_no_network_is_told_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(DataError, match=r"there is no way to zenodo\.org") as caught:
        data.open("tfds:colorectal_histology")
    assert str(home / "tfds" / "prepared" / "colorectal_histology") in str(caught.value)


def test_what_is_downloaded_by_hand_says_how(home: Path) -> None:
    with pytest.raises(DataError, match="You must register and agree to user agreement"):
        data.open("tfds:chexpert")


def test_random_access_records_need_no_tensorflow(tmp_path: Path) -> None:
    folder = prepared(tmp_path, picture_features(), {"train": pictures(2)})
    code = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from tfmed import data\n"
        "assert 'tensorflow_datasets' not in sys.modules\n"
        f"data.open({f'tfds:{folder}'!r})\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
