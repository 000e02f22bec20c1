"""What a worker process of `tfmed.data.pool` is: how it starts, works through items, and answers.

It stands here, not beside the pool, so that a worker that only reads files imports `tfmed.io`
and not pandas, which takes as long again.

Arrays go back through shared memory (`tfmed.io.slots`); where there is none (macOS), or no room
in it, through the pipe as everything else does.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfmed.errors import TfmedError
from tfmed.io import apart
from tfmed.io.reading import read
from tfmed.io.series import read_series
from tfmed.io.shrink import shrink
from tfmed.io.slots import Slots

LEAST_BYTES = 1 << 16  # less goes through the pipe
KEPT_BLOCK_BYTES = 31 << 20

# Of this process, once it is a worker: `begin` puts its slots here.
_slots: list[Slots] = []


def begin(slots: Slots | None, environment: Mapping[str, str]) -> None:
    """Make this process a worker: it ends with its parent, and decodes GDCM's formats itself."""
    # A fork server has the environment of its own start.
    os.environ.update(environment)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    apart.trust_this_process()
    # What was imported stays: the search for garbage need not walk through it again and again.
    gc.freeze()
    # When a block of this size is freed, glibc begins to keep smaller ones for the next image,
    # whose pages would else be asked of the system each time: reading run-length coded slices
    # takes a third of the time. See M_MMAP_THRESHOLD in mallopt(3).
    bytearray(KEPT_BLOCK_BYTES)
    if slots is not None:
        _slots.append(slots)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Call(NamedTuple):
    """An example to be read.

    Attributes:
        files: its one file, or the files of a series.
        series: whether they are a series.
        frame: index inside the file, or -1 for all of it.
        sample: how many frames of a clip are wanted; 0 for all.
        size: rows and columns to which whole numbers are shrunk where `io.shrink` can.
    """

    files: tuple[str, ...]
    series: bool
    frame: int = -1
    sample: int = 0
    size: tuple[int, int] | None = None


def pixels(call: Call) -> np.ndarray | TfmedError:
    """The pixels of an example, shrunk or not, or the error why they cannot be read."""
    try:
        if call.series:
            values = read_series(call.files, on_geometry="ignore").pixels
        else:
            values = read(call.files[0], frame=call.frame, sample=call.sample).pixels
        return _narrowed(values if call.size is None else shrink(values, call.size))
    except TfmedError as error:
        return error


def _narrowed(values: np.ndarray) -> np.ndarray:
    """The same numbers in 16 bits where these hold them, which halves what has to be sent."""
    if values.dtype == np.int32 and values.size:
        low, high = values.min(), values.max()
        for kind in (np.int16, np.uint16):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return values.astype(kind)
    return values


@dataclass(frozen=True)
class WorkerAnswer:
    """What a worker sends for a chunk of items.

    Attributes:
        seconds: that the work took.
        pickled: the results, or a `Failure`, without the values of arrays.
        lengths: bytes of each array that lies in the task's slot.
        arrays: their values where they do not.
    """

    seconds: float
    pickled: bytes
    lengths: tuple[int, ...] = ()
    arrays: tuple[bytearray, ...] = ()

    def unpack(self, slot: int, slots: Slots | None) -> list[Any]:
        """The results, in the parent.

        Raises:
            Exception: what the function raised.
        """
        arrays = slots.read(slot, self.lengths) if slots and self.lengths else self.arrays
        results = pickle.loads(self.pickled, buffers=arrays)
        if isinstance(results, Failure):
            raise results.error
        return results


@dataclass(frozen=True)
class Failure:
    """Stands for the results where the function raised what it should have caught."""

    error: Exception


def work(function: Callable[[Any], Any], items: Sequence[Any], slot: int) -> WorkerAnswer:
    """Call `function` on each item; what it raises is sent too."""
    begun = time.monotonic()
    try:
        pickled, views = _pickle([function(item) for item in items])
    except Exception as error:  # noqa: BLE001  (it is raised again in the parent)
        pickled, views = _failure(error), []
    seconds, lengths = time.monotonic() - begun, tuple(view.nbytes for view in views)
    if sum(lengths) >= LEAST_BYTES and _slots and _slots[0].write(slot, views):
        return WorkerAnswer(seconds, pickled, lengths=lengths)
    return WorkerAnswer(seconds, pickled, arrays=tuple(bytearray(view) for view in views))


def _pickle(results: Any) -> tuple[bytes, list[memoryview]]:
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(results, protocol=5, buffer_callback=buffers.append)
    return pickled, [buffer.raw() for buffer in buffers]


def _failure(error: Exception) -> bytes:
    error.add_note(traceback.format_exc())
    try:
        pickled = pickle.dumps(Failure(error))
        pickle.loads(pickled)
    except Exception:  # noqa: BLE001  (exceptions that take other arguments than they keep)
        return pickle.dumps(Failure(RuntimeError(traceback.format_exc())))
    return pickled


if "forkserver" in multiprocessing.get_all_start_methods():
    from multiprocessing.context import ForkServerContext as _BaseContext
    from multiprocessing.context import ForkServerProcess as _BaseProcess
else:
    from multiprocessing.context import SpawnContext as _BaseContext  # type: ignore[assignment]
    from multiprocessing.context import SpawnProcess as _BaseProcess  # type: ignore[assignment]


class Process(_BaseProcess):
    """A process of nothing but imports, without the program's main module: see `without_main`."""

    def start(self) -> None:
        """Start it."""
        with without_main():
            super().start()


class Context(_BaseContext):
    """What makes processes, pipes and locks for a pool of `Process`.

    Where the system can, a fork server, which is a fresh process that has imported what workers
    need and nothing else, starts them: the imports of half a second are then paid once a program,
    not by each worker of each pool. Elsewhere (Windows) every worker is a fresh process.
    """

    Process = Process  # type: ignore[assignment]

    def preload(self, modules: Sequence[str]) -> None:
        """Say what the fork server imports, if it has not started yet."""
        if hasattr(self, "set_forkserver_preload"):
            self.set_forkserver_preload(list(modules))


_main_is_hidden = threading.Lock()


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the program's main module while a process starts.

    A spawned process imports the main module again: a pipeline's would bring TensorFlow into
    every worker, and a script without a `__main__` guard would run a second time.
    """
    with _main_is_hidden:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
