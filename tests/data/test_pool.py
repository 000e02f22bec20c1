"""Worker processes that may die."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tfmed.data import pool
from tfmed.errors import DataError

# Text to be evaluated: a function that is importable in a fresh process, and can kill it.
EXIT = "__import__('os')._exit(3)"


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    items = [f"{number} ** 2" for number in range(30)]
    assert pool.run(eval, items, workers=workers) == [number**2 for number in range(30)]


def test_no_items_need_no_process() -> None:
    assert pool.run(eval, []) == []


def test_a_process_that_dies_loses_only_its_own_item() -> None:
    items = [str(number) for number in range(40)]
    items[7] = items[23] = EXIT
    results = pool.run(eval, items, workers=2)
    assert [i for i, one in enumerate(results) if isinstance(one, pool.Crash)] == [7, 23]
    assert [one for one in results if not isinstance(one, pool.Crash)] == [
        number for number in range(40) if number not in (7, 23)
    ]


def test_a_lost_item_says_why() -> None:
    items = ["1", EXIT, "__import__('os').kill(__import__('os').getpid(), 9)"]
    items.append("__import__('time').sleep(60)")
    results = pool.run(eval, items, workers=2, seconds=1.5)
    assert results[0] == 1
    assert [one.reason for one in results[1:]] == [
        pool.CRASHED,
        pool.KILLED,
        "took longer than 1.5 seconds",
    ]


def test_the_guilty_item_of_a_chunk_is_found() -> None:
    items = [str(number) for number in range(2000)]
    items[1500] = EXIT
    results = list(pool.stream(eval, items, workers=2))
    assert isinstance(results[1500], pool.Crash)
    assert sum(isinstance(one, pool.Crash) for one in results) == 1
    assert results[1501:] == list(range(1501, 2000))


def test_items_are_asked_for_as_they_are_needed() -> None:
    """A million items never queue, and results do not pile up before who asks for them."""
    asked = itertools.count()
    items = (f"{next(asked)} or __import__('time').sleep(0.02)" for _ in itertools.count())
    stream = pool.stream(eval, items, workers=2)
    assert [next(stream) for _ in range(20)] == [None, *range(1, 20)]
    time.sleep(0.5)
    assert next(asked) <= 20 + pool.AHEAD * 2 * pool.LARGEST_CHUNK
    stream.close()


def test_pools_of_processes_that_cannot_start_are_given_up(monkeypatch) -> None:
    monkeypatch.setattr(pool.worker, "begin", EndsAtOnce())
    with pytest.raises(DataError, match="worker processes end as soon as they start"):
        pool.run(eval, ["1", "2"], workers=1, seconds=1)


class EndsAtOnce:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple:
        return eval, (EXIT,)


ARRAYS = "__import__('numpy').full({}, {}, 'int16')"


@pytest.mark.parametrize("shared", [True, False])
def test_arrays_come_back_writable_and_equal(monkeypatch, shared: bool) -> None:
    if not shared:
        monkeypatch.delattr(os, "memfd_create")
    sizes = [1, 70_000, 5, 300_000, 40_000_000]
    items = [f"({number}, {ARRAYS.format(size, number)})" for number, size in enumerate(sizes)]
    for number, (size, (same, array)) in enumerate(
        zip(sizes, pool.stream(eval, items * 3, workers=2), strict=False)
    ):
        assert same == number
        np.testing.assert_array_equal(array, np.full(size, number, "int16"))
        array[0] = 7


def test_nothing_is_left_of_a_killed_program(tmp_path: Path) -> None:
    before = set(Path("/dev/shm").iterdir())
    begun = tmp_path / "begun"
    work = f"(open({str(begun)!r}, 'w').close(), {ARRAYS.format(1_000_000, 1)})"
    code = (
        f"import time\nfrom tfmed.data import pool\n"
        f"for _ in pool.stream(eval, [{work!r}] * 10000, workers=2): time.sleep(0.01)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert begun.exists()
    parent.kill()
    parent.wait()
    while set(Path("/dev/shm").iterdir()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(Path("/dev/shm").iterdir()) - before


def test_an_error_that_the_function_does_not_expect_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        pool.run(eval, ["1", "1 / 0"], workers=1)


def test_workers_do_not_import_the_main_module(tmp_path) -> None:
    """A script without a main guard runs once, not once a worker."""
    script = tmp_path / "script.py"
    script.write_text(
        "print('started')\nfrom tfmed.data import pool\nprint(pool.run(abs, [-1, -2], workers=2))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path.cwd(),
    )
    assert done.stdout == "started\n[1, 2]\n"


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    work = f"open({str(begun)!r}, 'a').write(str(__import__('os').getpid()) + ' ')"
    work = f"({work}, __import__('time').sleep(0.2))"
    code = f"from tfmed.data import pool; pool.run(eval, [{work!r}] * 1000, workers=1)"
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    worker = int(begun.read_text().split()[0])
    parent.kill()
    parent.wait()
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    alive = Path(f"/proc/{worker}").exists()
    if alive:
        os.kill(worker, signal.SIGKILL)
    assert not alive
