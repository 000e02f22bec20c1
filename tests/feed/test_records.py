"""Files of records: whole after any kill, written by one process at a time, never silently bad."""

from __future__ import annotations

import errno
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfmed.errors import DataError
from tfmed.feed import stock
from tfmed.feed.records import PART, Layout, Writer, ensure, find

COUNT = 40
NAME = "0" * 32 + stock.STORE


def record(number: int, length: int = 1000) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, length).astype(np.uint8)


def equal(length: int) -> Layout:
    return Layout(np.arange(COUNT + 1) * length, {"shape": [length]})


LAYOUT = equal(1000)
WHOLE = b"".join(record(number).tobytes() for number in range(COUNT))


def fill(writer: Writer) -> None:
    for number in np.random.default_rng().permutation(writer.missing):
        writer.write(int(number), record(number))


def fill_but(*left: int) -> Callable[[Writer], None]:
    """Write all records but some, and then fail."""

    def fill(writer: Writer) -> None:
        for number in np.setdiff1d(writer.missing, left):
            writer.write(int(number), record(number))
        raise InterruptedError("the test stops here")

    return fill


def only(*expected: int) -> Callable[[Writer], None]:
    """Write what is missing, which must be some records."""

    def check(writer: Writer) -> None:
        assert writer.missing.tolist() == list(expected)
        fill(writer)

    return check


def content(path: Path) -> bytes:
    return path.read_bytes()[: len(WHOLE)]


def in_another_process(work: Callable[[], None]) -> int:
    """Fork a process that does some work, without touching TensorFlow, and ends."""
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(0)
    return process


def test_records_of_any_order_and_length_lie_back_to_back(tmp_path: Path) -> None:
    lengths = np.array([5, 0, 70_000, 1])
    layout = Layout(np.concatenate([[0], np.cumsum(lengths)]), {"kind": "ragged"})

    def backwards(writer: Writer) -> None:
        for number in writer.missing[::-1].tolist():
            writer.write(number, record(number, int(lengths[number])))

    ensure(tmp_path / NAME, layout, backwards)
    expected = b"".join(record(i, int(length)).tobytes() for i, length in enumerate(lengths))
    assert (tmp_path / NAME).read_bytes()[: len(expected)] == expected
    assert find(tmp_path / NAME, layout)
    assert not find(tmp_path / NAME, Layout(layout.offsets, {"kind": "other"}))


def test_kills_at_random_moments_leave_what_goes_on_to_the_same_file(tmp_path: Path) -> None:
    chance = random.Random(4)
    path = tmp_path / NAME

    def slowly(writer: Writer) -> None:
        for number in writer.missing.tolist():
            time.sleep(0.001)
            writer.write(number, record(number))

    kills = 0
    for _ in range(20):
        process = in_another_process(lambda: ensure(path, LAYOUT, slowly) and None)
        time.sleep(chance.uniform(0, 0.04))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        kills += os.WIFSIGNALED(status)
        if path.exists():
            assert content(path) == WHOLE
            path.unlink()
    assert kills >= 15
    ensure(path, LAYOUT, fill)
    assert content(path) == WHOLE
    assert [found.name for found in tmp_path.iterdir()] == [NAME]


def test_what_was_written_before_a_failure_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with pytest.raises(InterruptedError):
        ensure(path, LAYOUT, fill_but(3, 17))
    assert not path.exists()
    ensure(path, LAYOUT, only(3, 17))
    assert content(path) == WHOLE


def test_marks_without_their_records_are_not_believed(tmp_path: Path) -> None:
    # As after a power cut that lost pages of the data, but not those of the marks.
    path = tmp_path / NAME
    with pytest.raises(InterruptedError):
        ensure(path, LAYOUT, fill_but(3))
    with path.with_name(NAME + PART).open("r+b") as part:
        part.seek(20 * 1000)
        part.write(bytes(1500))
    ensure(path, LAYOUT, only(3, 20, 21))
    assert content(path) == WHOLE


def test_a_failure_with_nothing_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        ensure(tmp_path / NAME, LAYOUT, fill_but(*range(COUNT)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep_time", [True, False])
def test_damage_is_found_and_only_bad_records_are_written_again(
    tmp_path: Path, keep_time: bool
) -> None:
    path = tmp_path / NAME
    ensure(path, LAYOUT, fill)
    before = path.stat()
    # The last record is in every sample; one in the middle is found by the changed time.
    place = COUNT * 1000 - 1 if keep_time else 15_500
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find(path, LAYOUT) is None
    ensure(path, LAYOUT, only(place // 1000))
    assert content(path) == WHOLE


@pytest.mark.parametrize("cut", [1, 30, 5000])
def test_a_file_that_was_cut_is_made_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / NAME
    ensure(path, LAYOUT, fill)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert find(path, LAYOUT) is None
    ensure(path, LAYOUT, fill)
    assert content(path) == WHOLE


def test_a_copied_file_is_checked_whole_once(tmp_path: Path) -> None:
    ensure(tmp_path / NAME, LAYOUT, fill)
    copy = tmp_path / "copy"
    copy.write_bytes((tmp_path / NAME).read_bytes())
    assert copy.stat().st_mtime_ns != (tmp_path / NAME).stat().st_mtime_ns
    assert find(copy, LAYOUT)
    assert copy.stat().st_mtime_ns == (tmp_path / NAME).stat().st_mtime_ns


def test_of_two_that_write_the_same_file_one_waits_for_the_other(tmp_path: Path) -> None:
    written: list[int] = []
    begun = threading.Event()

    def slowly(writer: Writer) -> None:
        begun.set()
        for number in writer.missing.tolist():
            time.sleep(0.01)
            written.append(number)
            writer.write(number, record(number))

    threads = [
        threading.Thread(target=ensure, args=(tmp_path / NAME, LAYOUT, slowly)) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert written == list(range(COUNT))
    assert content(tmp_path / NAME) == WHOLE
    assert [found.name for found in tmp_path.iterdir()] == [NAME]


def test_one_that_waits_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    def stuck(writer: Writer) -> None:
        for number in range(10):
            writer.write(number, record(number))
        time.sleep(60)

    path = tmp_path / NAME
    process = in_another_process(lambda: ensure(path, LAYOUT, stuck) and None)
    part = path.with_name(NAME + PART)
    while not part.exists() or part.stat().st_size < LAYOUT.size_bytes:
        time.sleep(0.01)
    time.sleep(0.2)
    timer = threading.Timer(0.5, os.kill, (process, signal.SIGKILL))
    timer.start()
    ensure(path, LAYOUT, only(*range(10, COUNT)))
    os.waitpid(process, 0)
    assert content(path) == WHOLE


def test_a_full_disk_is_told_and_what_is_written_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / NAME, os.pwrite

    def full(descriptor: int, data: bytes, place: int) -> int:
        if place >= 12_000 and len(data) == 1000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(DataError, match=r"No space left.*--cache-clear.*TFMED_DATA"):
            ensure(path, LAYOUT, lambda w: [w.write(i, record(i)) for i in w.missing] and None)
    ensure(path, LAYOUT, only(*range(12, COUNT)))
    assert content(path) == WHOLE


def test_too_little_room_is_told_before_anything_is_read(tmp_path: Path) -> None:
    huge = equal(1 << 48)
    with pytest.raises(DataError, match=r"bytes needed, [\d,]+ free"):
        ensure(tmp_path / NAME, huge, fill)
    assert not list(tmp_path.iterdir())


def test_clearing_spares_what_a_living_process_writes_or_uses(tmp_path: Path) -> None:
    other = "1" * 32 + stock.STORE
    (tmp_path / "notes.txt").write_text("not a cache")
    lease = ensure(tmp_path / NAME, LAYOUT, fill)
    ensure(tmp_path / other, LAYOUT, fill)
    assert stock.size(tmp_path) == 2 * LAYOUT.size_bytes

    def and_clear(writer: Writer) -> None:
        assert stock.clear(tmp_path) == LAYOUT.size_bytes  # that of `other`
        fill(writer)

    ensure(tmp_path / ("2" * 32 + stock.STORE), LAYOUT, and_clear)
    assert (tmp_path / NAME).exists()
    lease.close()
    assert stock.clear(tmp_path) == 2 * LAYOUT.size_bytes
    assert [found.name for found in tmp_path.iterdir()] == ["notes.txt"]
    assert stock.size(tmp_path / "nothing") == stock.clear(tmp_path / "nothing") == 0


def test_parts_that_nobody_went_on_with_are_swept(tmp_path: Path) -> None:
    for age_days, name in ((8, "a" * 32), (6, "b" * 32)):
        path = tmp_path / (name + stock.STORE)
        with pytest.raises(InterruptedError):
            ensure(path, LAYOUT, fill_but(1))
        written = time.time() - age_days * 24 * 3600
        os.utime(path.with_name(path.name + PART), (written, written))
    assert stock.sweep(tmp_path) == LAYOUT.size_bytes
    assert [path.name[0] for path in tmp_path.iterdir()] == ["b"]
