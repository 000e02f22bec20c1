"""`tfmed index`, from the command line to its files."""

from __future__ import annotations

from pathlib import Path

import makers
import pandas as pd
import pytest

from tfmed.data import home
from tfmed.data.stored import stored
from tfmed.pipelines import index
from tfmed.run import Run

FILES = {"audit.html", "audit.json", "index.parquet", "dataset.json", "rejects.csv"}


def test_scans_become_an_index_and_a_page(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit of Zoë"
    command = ["--data", str(scans), "--table", str(scans / "labels.csv")]
    command += ["--path-column", "file", "--label-column", "finding", "--out", str(out)]
    assert index.main(command) == 0
    assert {path.name for path in out.iterdir()} == FILES
    dataset = stored(Run(out))
    assert len(dataset) == 48 and dataset.classes == ("normal", "lesion")
    assert set(dataset.table["split"]) == {""}
    facts = Run(out).read_json("audit.json")
    assert (facts["examples"], facts["patients"]) == (48, 24)
    assert facts["findings"][-1]["kind"] == "no_split"
    text = (out / "audit.html").read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") >= 24
    assert "SECRET" not in text and "scan 0-0" not in text


def test_the_page_is_written_before_too_many_rejects_stop_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = makers.class_folders(tmp_path / "scans", count=6)
    (folder / "normal" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    command = ["--data", str(folder), "--out", str(tmp_path / "out")]
    assert index.main(command) == 1
    assert "1 of 13 files cannot be used" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert Run(tmp_path / "out").read_json("audit.json")["rejects"]["files"] == 1
    assert index.main([*command, "--max-rejects", "0.1"]) == 0


def test_nothing_but_rejects_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        (tmp_path / "scans" / name / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert index.main(["--data", str(tmp_path / "scans"), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: none of the 2 files of scans can be used")
    assert len(pd.read_csv(tmp_path / "out" / "rejects.csv")) == 2


def test_one_class_and_headers_only(tmp_path: Path) -> None:
    for number in range(4):
        about = makers.Slice(patient=f"P{number}", number=number)
        path = tmp_path / "scans" / "only" / f"{number}.dcm"
        makers.dicom(path, makers.noise((8, 8), number, dtype="uint16"), about)
    out = tmp_path / "out"
    assert index.main(["--data", str(tmp_path / "scans"), "--out", str(out), "--no-pixels"]) == 0
    table = pd.read_parquet(out / "index.parquet")
    assert set(table["digest"]) == {""} and table["mean"].isna().all()
    kinds = {one["kind"] for one in Run(out).read_json("audit.json")["findings"]}
    assert {"one_class", "headers_only"} <= kinds


def test_the_split_of_the_source_stays(tmp_path: Path) -> None:
    folder = makers.class_folders(tmp_path / "scans", parts=("train", "test"))
    command = ["--data", str(folder), "--out", str(tmp_path / "out"), "--no-pixels"]
    assert index.main(command) == 0
    parts = Run(tmp_path / "out").read_json("audit.json")["parts"]
    assert {name: part["examples"] for name, part in parts.items()} == {"train": 12, "test": 12}


def test_clearing_the_cache_is_all_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    kept = home() / "index" / "part.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(2_500_000))
    assert index.main(["--cache-clear"]) == 0
    assert "freed 2.5 MB of facts and 0.0 MB of images" in capsys.readouterr().err
    assert not kept.exists()
    assert not (tmp_path / "audits").exists()


def test_the_default_folder_is_named_by_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = makers.class_folders(tmp_path / "chest x-ray")
    monkeypatch.chdir(tmp_path)
    assert index.main(["--data", str(folder), "--no-pixels"]) == 0
    (made,) = (tmp_path / "audits").iterdir()
    assert made.name.startswith("chest-x-ray-")


def test_the_data_is_written_as_tfds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = makers.class_folders(tmp_path / "scans", count=3)
    command = ["--data", str(folder), "--out", str(tmp_path / "out")]
    command += ["--to-tfds", str(tmp_path / "tfds")]
    assert index.main([*command, "--no-pixels"]) == 2
    assert "leave out --no-pixels" in capsys.readouterr().err
    assert index.main(command) == 0
    assert (tmp_path / "tfds" / "scans" / "1.0.0" / "dataset_info.json").is_file()
