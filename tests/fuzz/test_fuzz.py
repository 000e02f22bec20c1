"""Damaged files of every format: a good array or an error of ours, and most damage reported."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from fuzz import cases, corpus, report, running
from fuzz.bytewise import BYTEWISE
from fuzz.structured import STRUCTURED

SEED = 3
CASES = 220
DICOM_CASES = 300
KINDS = ("uint", "int", "float")


@pytest.fixture(scope="module")
def dicom_cases() -> list[cases.Case]:
    return [cases.make(SEED, number, "dicom") for number in range(DICOM_CASES)]


def failures(results: Sequence[running.Result]) -> list[str]:
    return [f"{r.outcome}: {r.reason}: {r.case.command}" for r in results if r.failed]


def test_no_damage_breaks_a_reader(tmp_path: Path) -> None:
    made = [cases.make(SEED, number) for number in range(CASES)]
    assert {case.source.format for case in made} == set(corpus.FORMATS)
    assert not failures(list(running.run(made, running.TFMED, tmp_path)))


def test_most_damage_to_dicom_is_reported(tmp_path: Path, dicom_cases: list[cases.Case]) -> None:
    ours = list(running.run(dicom_cases, running.TFMED, tmp_path))
    peer = list(running.run(dicom_cases, running.PYDICOM, tmp_path))
    assert not failures(ours)
    assert report.share_reported(ours) >= 0.7
    assert report.share_reported(peer) < 0.5


@pytest.mark.parametrize("format_name", corpus.FORMATS)
def test_every_whole_file_of_ours_is_read(tmp_path: Path, format_name: str) -> None:
    made = [
        cases.Case(0, 0, "", source, "none", "header", source.data)
        for source in corpus.sources(format_name)
    ]
    results = list(running.run(made, running.TFMED, tmp_path))
    assert {result.outcome for result in results} == {"equal"}
    read = [result for result in results if result.reason.split()[0].rstrip("0123456789") in KINDS]
    # Half of pydicom's files are no images.
    assert len(read) >= (40 if format_name == "dicom" else len(results))


def test_equal_numbers_make_equal_files() -> None:
    numbers = range(100)
    corpus.sources.cache_clear()
    first = [cases.make(5, number).data for number in numbers]
    corpus.sources.cache_clear()
    assert [cases.make(5, number).data for number in numbers] == first
    assert [cases.make(6, number).data for number in numbers] != first


def test_every_kind_of_damage_is_drawn() -> None:
    drawn = {cases.make(SEED, number).mutation for number in range(900)}
    assert drawn == {*BYTEWISE, *(name for table in STRUCTURED.values() for name in table)}


def test_a_share_counts_only_what_differs() -> None:
    case = cases.make(0, 0)
    outcomes = ["equal"] * 5 + ["refused"] * 3 + ["changed"] + ["lost"] * 2 + ["crash"]
    results = [running.Result(case, outcome, "") for outcome in outcomes]
    assert report.share_reported(results) == 3 / 6
    assert math.isnan(report.share_reported(results[:5]))
    assert "50.0%" in report.tables(results)


def test_each_failure_costs_its_case_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "misbehaving.py").write_text(
        "import os, pathlib, time\n"
        "import numpy as np\n"
        "def read(path):\n"
        "    what = pathlib.Path(path).read_text()\n"
        "    if what == 'crash': os.abort()\n"
        "    if what == 'hang': time.sleep(600)\n"
        "    if what == 'error': raise LookupError('no')\n"
        "    if what == 'memory': return str(len(b'x' * (9 << 27)))\n"
        "    return what if what == 'refused' else np.array([len(what)])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(running, "KILL_AFTER_SECONDS", 6.0)
    source = corpus.Source("png", "one", b"whole", 0)
    asked = ["equal", "crash", "refused", "memory", "hang", "changed", "error", "equal"]
    made = [cases.Case(0, 0, "", source, "none", "header", what.encode()) for what in asked]
    results = list(running.run(made, "misbehaving:read", tmp_path))
    assert [result.outcome for result in results] == asked
    assert results[3].growth_bytes > running.GROWTH_BYTES
    assert len(failures(results)) == 4
