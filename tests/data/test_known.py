"""What was read once is not read again, until it changes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import makers
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tfmed import data
from tfmed.data import auditing, known, pool
from tfmed.data.dataset import index

SCHEMA = pa.schema([("words", pa.string()), ("number", pa.float64())])


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


class Reader:
    """Tells of each row its number; remembers which it was asked for."""

    def __init__(self, lasts: bool = True, fail_at: int = -1) -> None:
        self.asked: list[int] = []
        self.lasts = lasts
        self.fail_at = fail_at

    def __call__(self, rows: np.ndarray) -> Iterator[known.Fact]:
        for row in rows.tolist()[::-1]:
            if row == self.fail_at:
                raise KeyboardInterrupt
            self.asked.append(row)
            yield row, {"words": f"row {row}", "number": row / 2}, self.lasts


def files(folder: Path, count: int = 5) -> pd.DataFrame:
    folder.mkdir(exist_ok=True)
    paths = [folder / str(number) for number in range(count)]
    for path in paths:
        path.write_text(path.name)
    return index({"id": [path.name for path in paths], "path": list(map(str, paths))})


def facts(table: pd.DataFrame, reader: Reader, kind: str = "kind") -> list[Any]:
    return known.facts(kind, SCHEMA, known.marks(table), reader).to_pylist()


EXPECTED = [{"words": f"row {row}", "number": row / 2} for row in range(5)]


def test_the_second_time_nothing_is_read(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    first, second = Reader(), Reader()
    assert facts(table, first) == EXPECTED
    assert facts(table, second) == EXPECTED
    assert (sorted(first.asked), second.asked) == ([0, 1, 2, 3, 4], [])


def test_facts_follow_their_files_whatever_the_order_of_rows(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader())
    order = [3, 0, 3]
    again = pd.concat([table.iloc[order], files(tmp_path / "b", 1)], ignore_index=True)
    reader = Reader()
    assert facts(again, reader) == [EXPECTED[3], EXPECTED[0], EXPECTED[3], EXPECTED[3]]
    assert reader.asked == [3]


def test_a_file_of_another_size_or_time_is_read_again(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader())
    Path(table["path"][1]).write_text("longer")
    os.utime(table["path"][3], ns=(5, 5))
    reader = Reader()
    facts(table, reader)
    assert sorted(reader.asked) == [1, 3]


def test_the_image_of_a_pair_is_a_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_text("header")
    (tmp_path / "a.img").write_text("voxels")
    table = index({"id": ["a"], "path": [str(tmp_path / "a.hdr")]})
    facts(table, Reader())
    (tmp_path / "a.img").write_text("other voxels")
    reader = Reader()
    facts(table, reader)
    assert reader.asked == [0]


def test_a_frame_a_member_and_a_series_are_told_apart(tmp_path: Path) -> None:
    table = pd.concat([files(tmp_path / "a", 1)] * 4, ignore_index=True)
    table["frame"] = [-1, 0, 0, -1]
    table["member"] = ["", "", "x", ""]
    other = files(tmp_path / "b", 2)
    table["files"] = pd.Series([None, None, None, tuple(other["path"])], dtype="object")
    marks = known.marks(table)
    assert len(np.unique(marks[:, 0])) == 4
    Path(other["path"][1]).write_text("longer")
    changed = known.marks(table)
    assert (changed[:, 0] == marks[:, 0]).all()
    assert (changed[:, 1] != marks[:, 1]).tolist() == [False, False, False, True]


def test_a_mark_does_not_depend_on_the_other_rows(tmp_path: Path) -> None:
    table = files(tmp_path / "a", 3)
    table.loc[1, "frame"] = 7
    whole = known.marks(table)
    alone = np.concatenate([known.marks(table.iloc[[row]]) for row in range(3)])
    assert (whole == alone).all()


def test_what_may_pass_is_not_kept(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader(lasts=False))
    reader = Reader()
    facts(table, reader)
    assert len(reader.asked) == 5


def test_a_file_that_is_not_there_is_not_kept(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    Path(table["path"][2]).unlink()
    facts(table, Reader())
    reader = Reader()
    facts(table, reader)
    assert reader.asked == [2]


def test_kinds_and_columns_are_kept_apart(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader())
    reader = Reader()
    facts(table, reader, "other")
    known.facts("kind", SCHEMA.remove(1), known.marks(table), reader)
    assert len(reader.asked) == 10


def test_another_codec_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader())
    monkeypatch.setattr(known.metadata, "version", lambda name: "999")
    reader = Reader()
    facts(table, reader)
    assert len(reader.asked) == 5


def test_an_interrupted_pass_goes_on_where_it_was(tmp_path: Path) -> None:
    table = files(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        facts(table, Reader(fail_at=1))
    reader = Reader()
    assert facts(table, reader) == EXPECTED
    assert sorted(reader.asked) == [0, 1]


def test_a_killed_audit_goes_on_where_it_was(tmp_path: Path, own_home: Path) -> None:
    makers.class_folders(tmp_path / "scans", count=20)
    program = (
        "import os, signal\n"
        "from tfmed import data\n"
        "from tfmed.data import auditing, known, pool\n"
        "known.FLUSH_ROWS = 8\n"
        "def dying(function, items, **options):\n"
        "    for number, item in enumerate(items):\n"
        "        if number == 30: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield function(item)\n"
        "pool.stream = dying\n"
        f"auditing.audit(data.open({str(tmp_path / 'scans')!r}))\n"
    )
    child = subprocess.run([sys.executable, "-c", program], env={**os.environ}, check=False)
    assert child.returncode == -9
    asked = []

    def counted(function, items, **options):
        for item in items:
            asked.append(item["path"])
            yield function(item)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "stream", counted)
        audited = auditing.audit(data.open(tmp_path / "scans"))
    assert len(asked) == 40 - 24
    known.clear()
    assert audited.table.equals(auditing.audit(data.open(tmp_path / "scans"), workers=0).table)


def test_parts_become_one_and_old_rows_go(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "FLUSH_ROWS", 1)
    table = files(tmp_path / "a", 40)
    assert facts(table, Reader())[:5] == EXPECTED
    parts = list((own_home / "index").rglob("part-*"))
    assert len(parts) == 1
    assert len(pd.read_parquet(parts[0])) == 40
    for path in table["path"][:30]:
        Path(path).write_text("other")
    facts(table, Reader())
    parts = list((own_home / "index").rglob("part-*"))
    assert [len(pd.read_parquet(part)) for part in parts] == [40]
    reader = Reader()
    assert facts(table, reader)[:5] == EXPECTED
    assert reader.asked == []


def test_of_a_large_part_the_groups_that_are_wanted_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "ROW_GROUP", 7)
    table = files(tmp_path / "a", 40)
    facts(table, Reader())
    reader = Reader()
    some = table.iloc[[39, 6, 7, 20]].reset_index(drop=True)
    assert [row["number"] for row in facts(some, reader)] == [19.5, 3.0, 3.5, 10.0]
    assert reader.asked == []


def test_a_damaged_part_is_read_again(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader())
    (part,) = (own_home / "index").rglob("part-*")
    part.write_bytes(part.read_bytes()[:-30])
    reader = Reader()
    assert facts(table, reader) == EXPECTED
    assert len(reader.asked) == 5
    assert facts(table, Reader()) == EXPECTED


def test_two_at_once_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "FLUSH_ROWS", 2)
    table = files(tmp_path / "a", 60)
    found: list[list[Any]] = []

    def work() -> None:
        found.extend(facts(table, Reader()) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(one == found[0] for one in found)


def test_a_home_that_cannot_be_written_costs_only_time(tmp_path: Path, own_home: Path) -> None:
    own_home.write_text("a file where a folder should be")
    assert facts(files(tmp_path / "a"), Reader()) == EXPECTED


def test_cleared_means_gone(tmp_path: Path, own_home: Path) -> None:
    table = files(tmp_path / "a")
    facts(table, Reader())
    assert known.clear() > 0
    assert not (own_home / "index").exists()
    assert known.clear() == 0
    reader = Reader()
    facts(table, reader)
    assert len(reader.asked) == 5


def test_names_tell_nothing_and_the_folder_is_the_users(tmp_path: Path, own_home: Path) -> None:
    makers.dicom(tmp_path / "scans" / "a.dcm", makers.noise((4, 4)), makers.Slice(patient="SECRET"))
    makers.dicom(tmp_path / "scans" / "b.dcm", makers.noise((4, 4), 1), makers.Slice())
    auditing.audit(data.open(tmp_path / "scans"), workers=0)
    names = [str(path.relative_to(own_home)) for path in own_home.rglob("*")]
    assert names
    assert not [name for name in names if "SECRET" in name or "scans" in name]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (own_home / "index").iterdir())


def test_many_frames_of_a_known_file_take_one_look_at_it_and_one_pass_over_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = files(tmp_path / "a", 1).loc[[0] * 100_000].reset_index(drop=True)
    table["frame"] = np.arange(len(table))
    facts(table, Reader())
    looks: dict[str, list[Any]] = {"_state": [], "_marks_of": []}
    for name, seen in looks.items():
        ours = getattr(known, name)

        def counted(what: Any, ours: Any = ours, seen: list[Any] = seen) -> Any:
            seen.append(what)
            return ours(what)

        monkeypatch.setattr(known, name, counted)
    reader = Reader()
    found = known.facts("kind", SCHEMA, known.marks(table), reader)
    assert reader.asked == []
    assert len(looks["_state"]) == 1
    parts = sorted((tmp_path / "home" / "index").rglob("part-*"))
    assert looks["_marks_of"] == parts
    assert parts
    assert found["number"].to_pylist() == [row / 2 for row in range(100_000)]
