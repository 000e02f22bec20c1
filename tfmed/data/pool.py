"""Work in several processes that outlives a crash of one of them."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from tfmed import log

CHUNK = 8
CHUNKS_IN_FLIGHT = 3  # a worker, so that none waits and few are lost with a crash


class Crash:
    """Stands in the results for an item on which a worker process died."""


def run(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    workers: int | None = None,
    what: str = "reading",
    unit: str = "files",
) -> list[Any]:
    """Call `function` on each item in worker processes, with progress shown.

    The processes are fresh ones (spawned, not forked): a fork would copy TensorFlow's threads
    and locks. A process that dies (a decoder's segmentation fault, no memory) takes only its
    own item with it.

    Args:
        function: of a module, not a lambda; it turns errors that it expects into a result.
        items: picklable.
        workers: processes; None for one a core, 0 for none: all is done in this process.
        what: for the progress bar.
        unit: for the progress bar.

    Returns:
        A result for each item, in order; `Crash()` where a process died.
    """
    count = (os.cpu_count() or 1) if workers is None else workers
    chunks = [range(i, min(i + CHUNK, len(items))) for i in range(0, len(items), CHUNK)]
    count = min(count, len(chunks))
    with log.progress(None, len(items), what, unit) as bar:
        if count == 0:
            return [_counted(function(item), bar) for item in items]
        results: list[Any] = [None] * len(items)
        waiting = iter(chunks)
        while lost := _until_broken(function, items, results, waiting, count, bar):
            _one_by_one(function, items, results, lost, bar)
        return results


def _counted(result: Any, bar: log.Progress) -> Any:
    bar.advance()
    return result


def _until_broken(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    results: list[Any],
    waiting: Iterator[range],
    workers: int,
    bar: log.Progress,
) -> list[int]:
    """Work through `waiting` chunks; if a process dies, the items that were lost with it."""
    flying: dict[Future[list[Any]], range] = {}
    lost: list[int] = []
    with _pool(workers) as pool:
        while not lost:
            try:
                for chunk in itertools.islice(waiting, workers * CHUNKS_IN_FLIGHT - len(flying)):
                    flying[_submit(pool, function, [items[i] for i in chunk])] = chunk
            except BrokenProcessPool:
                lost += chunk
                break
            if not flying:
                break
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                lost += _collect(future, flying.pop(future), results, bar)
        for future, chunk in flying.items():
            lost += _collect(future, chunk, results, bar)
    return sorted(lost)


def _collect(
    future: Future[list[Any]], chunk: range, results: list[Any], bar: log.Progress
) -> list[int]:
    try:
        done = future.result()
    except BrokenProcessPool:
        return list(chunk)
    results[chunk.start : chunk.stop] = done
    bar.advance(len(chunk))
    return []


def _one_by_one(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    results: list[Any],
    lost: list[int],
    bar: log.Progress,
) -> None:
    """Do again what was lost with a process, one item at a time, to find the one that kills."""
    left = list(lost)
    while left:
        with _pool(1) as pool:
            while left:
                i = left.pop(0)
                try:
                    results[i] = _submit(pool, function, [items[i]]).result()[0]
                except BrokenProcessPool:
                    results[i] = Crash()
                    break
                finally:
                    bar.advance()


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    """Make a worker leave interrupts to its parent, and end when the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _submit(
    pool: ProcessPoolExecutor, function: Callable[[Any], Any], items: list[Any]
) -> Future[list[Any]]:
    with without_main():
        return pool.submit(_apply, function, items)


def _apply(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [function(item) for item in items]


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the program's main module while a process may start.

    A spawned process imports the main module again: a pipeline's would bring TensorFlow into
    every worker, and a script without a `__main__` guard would run a second time.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
