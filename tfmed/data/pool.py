"""Work in several processes that outlives the death of one of them.

The processes are no forks of this one, which would copy TensorFlow's threads and locks. pebble
runs them, notices when one dies, ends one that takes too long, and starts another in its place;
here items are cut into chunks, a bounded number of them is under way, and the item that killed a
process is found. Arrays come back through shared memory, see `tfmed.io.slots`.
"""

from __future__ import annotations

import itertools
import os
import queue
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pebble import ProcessExpired, ProcessPool

from tfmed import log
from tfmed.errors import DataError
from tfmed.io import worker
from tfmed.io.slots import Slots

# What workers need, so that it is imported once for all of them.
IMPORTED = ("tfmed.io.worker", "tfmed.data.examined")
SECONDS = 120.0
FEW = 8  # items for which another process would start for nothing
CHUNK_SECONDS = 0.02  # of work in one message: so small items cost few messages
LARGEST_CHUNK = 32
AHEAD = 4  # chunks under way a worker, so that none waits for its next
LARGE_BYTES = 1 << 25  # of results, from which on few chunks are under way
GRACE_SECONDS = 60.0
ATTEMPTS = 3

CRASHED = "reading it crashed the decoder"
KILLED = "the process that read it was killed (did it need more memory than there is?)"

_Chunk = list[tuple[int, Any]]


@dataclass(frozen=True)
class Crash:
    """Stands in the results for an item on which a worker process died, or took too long.

    Attributes:
        reason: in words.
    """

    reason: str = CRASHED


def run(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    workers: int | None = None,
    seconds: float = SECONDS,
    what: str = "reading",
    unit: str = "files",
) -> list[Any]:
    """Call `function` on each item in worker processes, with progress shown.

    A process that dies (a decoder's segmentation fault, no memory) or takes too long takes only
    its own item with it.

    Args:
        function: of a module, not a lambda; it turns errors that it expects into a result.
        items: picklable.
        workers: processes; None for one a core (fewer for few items), 0 for none: all is done in
            this process.
        seconds: that an item may take; in this process it may take any time.
        what: for the progress bar.
        unit: for the progress bar.

    Returns:
        A result for each item, in order; `Crash` where a process was lost.
    """
    results: list[Any] = [None] * len(items)
    with (
        log.progress(None, len(items), what, unit) as bar,
        closing(_results(function, items, workers, seconds, ordered=False)) as found,
    ):
        for number, result in found:
            results[number] = result
            bar.advance()
    return results


def stream(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    workers: int | None = None,
    seconds: float = SECONDS,
) -> Generator[Any]:
    """Call `function` on each item in worker processes, a few items ahead of who asks.

    Args:
        function: as for `run`.
        items: picklable; asked for as they are needed, so there may be any number of them.
        workers: processes; None for one a core, 0 for none.
        seconds: that an item may take.

    Yields:
        A result for each item, in order; `Crash` where a process was lost.
    """
    with closing(_results(function, items, workers, seconds, ordered=True)) as found:
        for _, result in found:
            yield result


def _results(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    workers: int | None,
    seconds: float,
    ordered: bool,
) -> Generator[tuple[int, Any]]:
    """Number and result of each item, in order or as they come."""
    count = (os.cpu_count() or 1) if workers is None else workers
    if isinstance(items, Sized):
        count = min(count, -(-len(items) // FEW) if workers is None else len(items))
    numbered = enumerate(items)
    if count == 0:
        yield from ((number, function(item)) for number, item in numbered)
        return
    held: dict[int, Any] = {}
    due = 0
    with closing(_Crew(function, count, seconds)) as crew:
        while True:
            while crew.has_room(len(held)) and crew.submit(numbered):
                pass
            if not crew.busy:
                return
            if not ordered:
                yield from crew.collect()
                continue
            held.update(crew.collect())
            while due in held:
                yield due, held.pop(due)
                due += 1


class _Crew:
    """The worker processes, and the chunks of numbered items that they have under way."""

    def __init__(self, function: Callable[[Any], Any], count: int, seconds: float) -> None:
        self._function = function
        self._count = count
        self._seconds = seconds
        self._slots = Slots.make(AHEAD * count)
        self._again: deque[_Chunk] = deque()
        self._length = 1  # of the next chunk
        self._ahead = count + 1  # until the first result tells how large they are
        self._failures = 0
        self._begin()

    def _begin(self) -> None:
        context = worker.Context()
        context.preload(IMPORTED)
        self._pool = ProcessPool(
            self._count,
            initializer=worker.begin,
            initargs=(self._slots, dict(os.environ)),
            context=context,
        )
        self._free = list(range(AHEAD * self._count))
        self._flying: dict[Future[worker.WorkerAnswer], tuple[_Chunk, int]] = {}
        self._done: queue.SimpleQueue[Future[worker.WorkerAnswer]] = queue.SimpleQueue()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._flying)

    def has_room(self, held: int) -> bool:
        """Whether to send more, where `held` results already wait for an earlier one."""
        return not self._flying or len(self._flying) + held // self._length < self._ahead

    def submit(self, numbered: Iterator[tuple[int, Any]]) -> bool:
        """Send the next chunk, what was lost before anything new; False if there is none."""
        if self._again:
            chunk = self._again.popleft()
        else:
            chunk = list(itertools.islice(numbered, self._length))
        if not chunk:
            return False
        slot = self._free.pop()
        arguments = (self._function, [item for _, item in chunk], slot)
        try:
            future = self._pool.schedule(worker.work, args=arguments, timeout=self._seconds)
        except RuntimeError:  # the pool broke while nobody asked it for anything
            self._again.appendleft(chunk)
            self._restart()
            return True
        self._flying[future] = chunk, slot
        future.add_done_callback(self._done.put)
        return True

    def collect(self) -> list[tuple[int, Any]]:
        """Wait for a chunk: its items' results, or none where they have to be tried again."""
        try:
            # Every chunk is done, or its process ended, within its time.
            future = self._done.get(timeout=self._seconds + GRACE_SECONDS)
            answer = future.result()
        except ProcessExpired as error:
            return self._lost(future, KILLED if error.exitcode == -signal.SIGKILL else CRASHED)
        except (BrokenProcessPool, queue.Empty):
            self._restart()
            return []
        except TimeoutError:
            return self._lost(future, f"took longer than {self._seconds:g} seconds")
        chunk, slot = self._flying.pop(future)
        results = answer.unpack(slot, self._slots)
        self._free.append(slot)
        self._failures = 0
        fitting = int(CHUNK_SECONDS * len(chunk) / max(answer.seconds, 1e-6))
        self._length = max(1, min(LARGEST_CHUNK, fitting))
        large = sum(answer.lengths) > LARGE_BYTES
        self._ahead = self._count + 1 if large else AHEAD * self._count
        return [(number, result) for (number, _), result in zip(chunk, results, strict=True)]

    def _lost(self, future: Future[worker.WorkerAnswer], reason: str) -> list[tuple[int, Any]]:
        """A process has gone: with one item it is guilty, of several each is tried alone."""
        chunk, slot = self._flying.pop(future)
        self._free.append(slot)
        if len(chunk) == 1:
            return [(chunk[0][0], Crash(reason))]
        self._again.extend([one] for one in chunk)
        self._length = 1
        return []

    def _restart(self) -> None:
        """Begin again with new processes, for pebble gives up when an idle one dies.

        Raises:
            DataError: this happens again and again.
        """
        self._failures += 1
        if self._failures > ATTEMPTS:
            raise DataError(
                "worker processes end as soon as they start, or stand still; is there too "
                "little memory for them? With workers=0 all is done in one process"
            )
        self._stop()
        self._again.extend([one] for chunk, _ in self._flying.values() for one in chunk)
        self._begin()

    def _stop(self) -> None:
        self._pool.stop()
        self._pool.join()

    def close(self) -> None:
        """End the processes."""
        self._stop()
        if self._slots is not None:
            self._slots.close()
