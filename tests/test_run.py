"""The run folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tfmed.errors import DataError
from tfmed.run import Run, plain, write_aside, write_text


def test_a_run_makes_no_folder_until_something_is_written(tmp_path: Path) -> None:
    run = Run(tmp_path / "a b" / "é")
    assert not run.has("scores.json")
    assert not run.folder.exists()
    run.write_json("scores.json", {})
    assert run.has("scores.json")


def test_a_number_that_is_not_defined_is_null_in_json(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_json("x.json", {"auroc": float("nan"), "n": np.int64(3), "at": [np.float32(0.5)]})
    assert run.read_json("x.json") == {"auroc": None, "n": 3, "at": [0.5]}


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_identifiers_stay_text_in_tables(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"id": ["007", "NA"], "patient": ["1e5", ""], "p_x": [0.25, 1.0]})
    run = Run(tmp_path)
    run.write_table(name, table)
    pd.testing.assert_frame_equal(run.read_table(name), table, check_dtype=False)


def test_a_missing_file_says_that_the_stage_has_not_finished(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no scores\.json.*same command"):
        Run(tmp_path).read_json("scores.json")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    write_text(path, "old")

    def fail(aside: Path) -> None:
        aside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_aside(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"

    def write(name: str) -> None:
        def fill(aside: Path) -> None:
            aside.mkdir()
            (aside / name).touch()

        write_aside(path, fill)

    write("first")
    write("second")
    assert [item.name for item in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


def test_plain_data_keeps_its_shape() -> None:
    value = {1: (np.bool_(True), Path("a/b")), "x": np.array([[1.5, np.inf]])}
    assert plain(value) == {"1": [True, "a/b"], "x": [[1.5, None]]}


def test_what_a_killed_process_left_half_written_goes_with_the_next_write(tmp_path: Path) -> None:
    half = "import os, pathlib, signal, sys; from tfmed.run import write_aside as write; "
    half += "write(pathlib.Path(sys.argv[1]) / 'table.csv', "
    half += "lambda path: (path.write_text('half'), os.kill(os.getpid(), signal.SIGKILL)))"
    subprocess.run([sys.executable, "-c", half, str(tmp_path)], check=False)
    mine = tmp_path / "mine.txt"
    assert len(list(tmp_path.iterdir())) == 1

    def write(aside: Path) -> None:
        write_text(tmp_path / "another.txt", "whole")  # leaves what a living process writes
        aside.write_text("whole")

    write_aside(mine, write)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "another.txt"}
