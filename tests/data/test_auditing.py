"""Reading everything once."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pandas as pd
import pytest

from tfmed import data
from tfmed.data import auditing, pool
from tfmed.data.examined import COLUMNS, CONSTANT, NOT_FINITE, measure
from tfmed.errors import DataError


def reasons(dataset: data.Dataset) -> dict[str, str]:
    return {Path(row.path).name: row.reason for row in dataset.rejects.itertuples()}


def test_good_files_get_their_columns_and_bad_ones_become_rejects(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=8)
    (tmp_path / "normal" / "empty.png").write_bytes(b"")
    (tmp_path / "normal" / "notes.png").write_text("text")
    good = (tmp_path / "normal" / "0.png").read_bytes()
    (tmp_path / "normal" / "short.png").write_bytes(good[: len(good) // 2])
    makers.raster(tmp_path / "normal" / "black.png", np.zeros((9, 9), np.uint8))
    makers.raster(tmp_path / "normal" / "nan.tif", np.array([[np.nan, 1]], np.float32))
    audited = auditing.audit(data.open(tmp_path), workers=2)
    assert set(reasons(audited)) == {"empty.png", "notes.png", "short.png", "black.png", "nan.tif"}
    assert reasons(audited)["black.png"] == CONSTANT
    assert len(audited) == 16
    assert set(COLUMNS) <= set(audited.table)
    assert set(audited.table["format"]) == {"png"}
    assert (audited.table["height"] == 16).all()


def test_a_table_has_one_type_a_column_whatever_was_read(tmp_path: Path) -> None:
    archive = auditing.audit(data.open(makers.npz(tmp_path / "a.npz", {"train": 4}, (5, 5))))
    makers.class_folders(tmp_path / "b", count=2)
    files = auditing.audit(data.open(tmp_path / "b"), workers=0)
    makers.dicom(tmp_path / "c" / "a.dcm", makers.noise((5, 5)))
    dicom = auditing.audit(data.open(tmp_path / "c"), workers=0)
    assert archive.table.dtypes.equals(files.table.dtypes)
    assert archive.table.dtypes.equals(dicom.table.dtypes)


def test_an_archive_measures_as_its_images_would_alone(tmp_path: Path) -> None:
    path = makers.npz(tmp_path / "a.npz", {"train": 5}, (7, 6))
    table = auditing.audit(data.open(path)).table
    images = np.load(path)["train_images"]
    for row, pixels in zip(table.to_dict("records"), images, strict=True):
        file = makers.raster(tmp_path / "one.png", pixels)
        alone = measure({"path": str(file), "files": None, "frame": -1})
        for name in ("height", "width", "depth", "channels", "bits", "digest"):
            assert row[name] == alone[name]
        for name in ("minimum", "maximum", "p005", "p995", "mean", "std"):
            assert row[name] == pytest.approx(alone[name])


def test_bad_images_of_an_archive_are_rejects_with_their_place(tmp_path: Path) -> None:
    images = makers.noise((4, 3, 3)).astype(np.float32)
    images[1] = 5
    images[2, 0, 0] = np.inf
    np.savez(tmp_path / "a.npz", train_images=images, train_labels=np.array([0, 1, 0, 1]))
    audited = auditing.audit(data.open(tmp_path / "a.npz"))
    assert list(audited.table["frame"]) == [0, 3]
    assert reasons(audited) == {"000001": CONSTANT, "000002": NOT_FINITE}
    assert audited.rejects["path"][0] == f"{tmp_path / 'a.npz'}:train/000001"


def test_the_patient_is_of_the_column_then_of_the_header_then_the_example(tmp_path: Path) -> None:
    for name, patient in (("a", "H1"), ("b", "H2"), ("c", "")):
        makers.dicom(
            tmp_path / name, makers.noise((4, 4), ord(name)), makers.Slice(patient=patient)
        )
    (tmp_path / "t.csv").write_text("file,label,patient\na,1,COLUMN\nb,0,\nc,0,\n")
    table = auditing.audit(data.open(tmp_path / "t.csv"), workers=0).table
    assert list(table["patient"]) == ["COLUMN", "H2", "c"]
    assert list(table["patient_known"]) == [True, True, False]
    assert (table["study"] != "").all()


def test_a_volume_among_images_is_a_reject(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, count=2)
    makers.dicom(tmp_path / "normal" / "cine.dcm", makers.noise((3, 16, 12)))
    audited = auditing.audit(data.open(tmp_path), workers=0)
    assert len(audited) == 4
    assert "volume" in reasons(audited)["cine.dcm"]


def test_what_most_are_stays_among_images_volumes_and_clips(tmp_path: Path) -> None:
    cine = makers.Slice(modality="US", extra={"FrameTime": 40.0})
    makers.dicom(tmp_path / "clip1.dcm", makers.noise((4, 8, 8), 1), cine)
    makers.dicom(tmp_path / "clip2.dcm", makers.noise((4, 8, 8), 2), cine)
    makers.dicom(tmp_path / "volume.dcm", makers.noise((4, 8, 8), 3))
    makers.dicom(tmp_path / "image.dcm", makers.noise((8, 8), 4))
    for pixels in (True, False):
        audited = auditing.audit(data.open(tmp_path), workers=0, pixels=pixels)
        assert list(audited.table["frame_rate_hz"]) == [25.0, 25.0]
        assert reasons(audited) == {
            "volume.dcm": "is a volume of several slices, most of the data are clips",
            "image.dcm": "is one image, most of the data are clips",
        }


def test_a_mixture_is_a_fact(tmp_path: Path) -> None:
    makers.dicom(tmp_path / "a.dcm", makers.noise((4, 4), 1), makers.Slice(modality="CT"))
    makers.dicom(tmp_path / "b.dcm", makers.noise((4, 4), 2), makers.Slice(modality="MR"))
    makers.dicom(tmp_path / "c.dcm", makers.noise((4, 4, 3), 3), makers.Slice(modality="MR"))
    facts = auditing.audit(data.open(tmp_path), workers=0).facts
    assert facts["mixed_modalities"] == {"MR": 2, "CT": 1}
    assert facts["mixed_channels"] == {"1": 2, "3": 1}


def test_a_crash_of_a_worker_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makers.class_folders(tmp_path, count=1)

    def crashed(function, items, **options):
        _, *rest = items
        return [pool.Crash("took too long"), *map(function, rest)]

    monkeypatch.setattr(pool, "stream", crashed)
    audited = auditing.audit(data.open(tmp_path))
    assert reasons(audited) == {"0.png": "took too long"}
    assert len(audited) == 1


def count_reads(patch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that audits read from now on."""
    read: list[str] = []

    def counted(function, items, **options):
        for item in items:
            read.append(Path(item["path"]).name)
            yield function(item)

    patch.setattr(pool, "stream", counted)
    return read


def test_a_second_audit_reads_only_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers.class_folders(tmp_path, count=3)
    (tmp_path / "normal" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    read = count_reads(monkeypatch)
    first = auditing.audit(data.open(tmp_path))
    assert len(read) == 7
    again = auditing.audit(data.open(tmp_path))
    assert len(read) == 7
    pd.testing.assert_frame_equal(first.table, again.table)
    pd.testing.assert_frame_equal(first.rejects, again.rejects)
    makers.raster(tmp_path / "normal" / "2.png", makers.noise((20, 20)))
    changed = auditing.audit(data.open(tmp_path))
    assert read[7:] == ["2.png"]
    assert changed.table.set_index("id")["height"]["normal/2.png"] == 20


def test_a_reason_that_may_pass_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers.class_folders(tmp_path, count=2)
    read = count_reads(monkeypatch)
    with monkeypatch.context() as patch:
        told = {"0.png": "no permission to read it", "1.png": "it is broken"}
        patch.setattr(auditing, "measure", lambda example: told[Path(example["path"]).name])
        assert not len(auditing.audit(data.open(tmp_path)))
    assert len(read) == 4
    audited = auditing.audit(data.open(tmp_path))
    assert read[4:] == ["0.png", "0.png"]
    assert set(reasons(audited).values()) == {"it is broken"}


def test_headers_alone_tell_what_stands_in_them(tmp_path: Path) -> None:
    about = makers.Slice(patient="P1", spacing_mm=(0.5, 0.7), window=(-100.0, 300.0), bits=12)
    makers.dicom(tmp_path / "a.dcm", makers.noise((4, 6), 1, dtype="int16"), about)
    makers.dicom(tmp_path / "b.dcm", np.zeros((4, 6), np.int16), about)
    makers.raster(tmp_path / "c.png", makers.noise((9, 9)))
    (tmp_path / "d.dcm").write_bytes(b"no image")
    looked = auditing.audit(data.open(tmp_path), workers=0, pixels=False)
    whole = auditing.audit(data.open(tmp_path), workers=0)
    assert list(looked.table["format"]) == ["dicom", "dicom", "png"]
    assert list(reasons(looked)) == ["d.dcm"]
    assert set(looked.table["digest"]) == {""}
    assert looked.table[["minimum", "p995", "mean"]].isna().all(axis=None)
    assert looked.table.dtypes.equals(whole.table.dtypes)
    pixels = ["minimum", "maximum", "p005", "p995", "mean", "std", "digest", "dtype", "native"]
    pd.testing.assert_series_equal(
        looked.table.iloc[0].drop(pixels), whole.table.iloc[0].drop(pixels)
    )


def test_nothing_usable_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"")
    audited = auditing.audit(data.open(tmp_path), workers=0)
    assert not len(audited)
    assert list(audited.rejects["path"]) == [str(tmp_path / "a" / "x.png")]
    with pytest.raises(DataError, match=r"none of the 1 files .*x.png: .*empty"):
        auditing.limit_rejects(audited, 1.0)
    with pytest.raises(DataError, match="none of the 1 files"):
        data.split(data.open(tmp_path))


def test_too_many_rejects_stop_with_the_first_reasons() -> None:
    table = data.dataset.index({"id": list("abc"), "path": list("abc")})
    dataset = data.Dataset(table, (), "d").with_rejects([("x.png", "is empty")])
    auditing.limit_rejects(dataset, 0.25)
    with pytest.raises(DataError, match=r"1 of 4 files .* 20% .*x.png: is empty.*rejects.csv"):
        auditing.limit_rejects(dataset, 0.2)


def test_an_image_that_comes_again_is_no_bad_file() -> None:
    table = data.dataset.index({"id": list("ab"), "path": list("ab")})
    rows = [("c", "equals an image of val; left out of train")]
    auditing.limit_rejects(data.Dataset(table, (), "d").with_rejects(rows), 0.0)


def test_a_table_read_back_from_parquet_can_be_split(tmp_path: Path) -> None:
    from tfmed.data import parts

    audited = auditing.audit(data.open(makers.npz(tmp_path / "a.npz", {"train": 40}, (5, 5))))
    audited.table.to_parquet(tmp_path / "index.parquet")
    again = audited.with_table(pd.read_parquet(tmp_path / "index.parquet"))
    one, two = parts.assign(audited, seed=1), parts.assign(again, seed=1)
    assert list(one.table["split"]) == list(two.table["split"])


def test_the_real_ct_slices_are_of_54_patients(shared_data: Path) -> None:
    folder = shared_data / "ct_contrast_dicom"
    dataset = data.open(
        folder / "dicom_dir", table=folder / "overview.csv", label_columns=("Contrast",)
    )
    audited = auditing.audit(dataset, workers=2)
    assert len(audited) == 64
    assert audited.table["patient"].nunique() == 54
    assert set(audited.table["units"]) == {"HU"}
