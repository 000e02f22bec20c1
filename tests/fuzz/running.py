"""Have cases read by a process that may die, hang or swell, and tell what came of each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from fuzz.cases import Case

SECONDS = 10.0
GROWTH_BYTES = 1 << 30
# What `Reader` and `run` call in their process: a path in; pixels, or why there are none, out.
TFMED, PYDICOM = "fuzz.reader_process:by_tfmed", "fuzz.reader_process:by_pydicom"
FAILURES = ("error", "crash", "hang", "memory")
KILL_AFTER_SECONDS = 20.0


@dataclass(frozen=True)
class Result:
    """What came of a case.

    Attributes:
        case: it.
        outcome: `"equal"` to the whole file's pixels, `"changed"` (other pixels, without a
            word), `"refused"`, `"lost"` (pydicom alone: parsed, and no pixel data in it); or
            a failure: `"error"` (not one of ours), `"crash"`, `"hang"`, `"memory"`.
        reason: in words.
        seconds: of reading.
        growth_bytes: how much the process grew at the most.
    """

    case: Case
    outcome: str
    reason: str
    seconds: float = 0.0
    growth_bytes: int = 0

    @property
    def failed(self) -> bool:
        """Whether no reader may do so."""
        return self.outcome in FAILURES


class Reader:
    """A process that reads files, started again when one of them has ended it."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def read(self, case: Case) -> Result:
        """Have a case read."""
        # An archive of arrays is known by its name, all others by their content.
        ending = ".npz" if case.source.format == "npz" else ""
        path = self._folder / f"case{ending}"
        path.write_bytes(case.data)
        request = {"path": str(path), "whole": str(_whole(case, self._folder))}
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        late = threading.Event()
        timer = threading.Timer(KILL_AFTER_SECONDS, self._give_up, [late])
        timer.start()
        line = ""
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        timer.cancel()
        if line:
            return _judged(case, json.loads(line))
        code = process.wait()
        self._end()
        if late.is_set():
            return Result(case, "hang", f"over {KILL_AFTER_SECONDS:.0f} s")
        return Result(case, "crash", f"the process ended with {code}")

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        process = self._process
        if process is not None:
            listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            # GDCM's process is what hangs, perhaps, and would outlive its parent.
            for child in [int(number) for number in listed.split()]:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            process.kill()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fuzz.reader_process", self._name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
            assert self._process.stdout is not None
            if self._process.stdout.readline() != "ready\n":
                raise RuntimeError("the reading process does not start")
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def run(cases: Iterable[Case], reader: str, folder: Path) -> Iterator[Result]:
    """Read cases, one after the other.

    Args:
        cases: damaged files.
        reader: `TFMED`, `PYDICOM` or another `"module:function"`.
        folder: for the files, whole and damaged.
    """
    with Reader(reader, folder) as process:
        for case in cases:
            yield process.read(case)


def _judged(case: Case, answer: dict[str, object]) -> Result:
    outcome, seconds = str(answer["outcome"]), float(str(answer["seconds"]))
    growth = int(str(answer["bytes"]))
    if outcome != "error":
        outcome = "hang" if seconds > SECONDS else outcome
        outcome = "memory" if growth > GROWTH_BYTES else outcome
    return Result(case, outcome, str(answer["reason"]), seconds, growth)


def _whole(case: Case, folder: Path) -> Path:
    path = folder / "whole" / case.source.format / case.source.name.replace("/", "_")
    path = path.with_suffix(".npz") if case.source.format == "npz" else path
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.source.data)
    return path
