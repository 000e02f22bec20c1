"""Worker processes that may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfmed.data import pool

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
