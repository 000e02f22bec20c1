"""What the user is told while work goes on: messages and progress, all on standard error.

Standard output stays free for what a command was asked for.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

PLAIN_LINE_SECONDS = 30.0


@cache
def console() -> Console:
    """The one console, on standard error; a terminal is noticed, a file or pipe gets plain text."""
    return Console(stderr=True, soft_wrap=True)


def info(text: str) -> None:
    """Tell the user what goes on."""
    _logger_ready().info(text)


def warning(text: str) -> None:
    """Tell the user of something that may surprise, and go on."""
    _logger_ready().warning(text)


def error(text: str) -> None:
    """Tell the user why the work ends."""
    _logger_ready().error(text)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep from the terminal what libraries write to the process's output and error from C++.

    TensorFlow's start, the TFLite converter and Keras' export tell of devices, dialects and
    passes, past Python's logging; Python's warnings are ignored too. When the block raises, the
    last of what was written becomes a note on the error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException as error:
            sink.seek(max(0, sink.tell() - 2000))
            error.add_note(sink.read().decode("utf-8", "replace"))
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)


def quiet_tensorflow() -> None:
    """Load TensorFlow before the work needs it, without its lines on missing GPUs and oneDNN.

    No setting of its own silences them; a level that the user has set still counts.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with quiet():
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()
    # Its warnings of retracing are for authors of graphs, not for users of networks.
    tensorflow.get_logger().setLevel(logging.ERROR)


class _Handler(logging.Handler):
    """Writes through the one console, so that messages and a progress bar do not mix."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a level above information stands before its text."""
        above = record.levelno > logging.INFO
        level = f"{record.levelname.lower()}: " if above else ""
        text = Text(level, style="bold red" if record.levelno >= logging.ERROR else "yellow")
        console().print(text.append(record.getMessage(), style="default"), highlight=False)


def _logger_ready() -> logging.Logger:
    """The logger, given its handler at first use, so that importing tfmed changes nothing."""
    logger = logging.getLogger("tfmed")
    if not logger.handlers:
        logger.addHandler(_Handler())
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logger


class Progress:
    """How far a piece of work has come; made by `progress`.

    Attributes:
        done: units finished so far.
        total: units in all, or None where unknown.
    """

    def __init__(self, iterable: Iterable[Any] | None, total: int | None, unit: str) -> None:
        self.total = total
        self.done = 0
        self._iterable = iterable
        self._unit = unit
        self._note = ""
        self._started = time.monotonic()

    def advance(self, n: int = 1) -> None:
        """Say that `n` more units are done."""
        self.done += n
        self._show()

    def describe(self, text: str) -> None:
        """Put a short changing note, as the loss, behind the numbers."""
        self._note = text
        self._show()

    def __iter__(self) -> Iterator[Any]:
        """The items of the iterable, each of them one unit done when the next is asked for."""
        for item in self._iterable or ():
            yield item
            self.advance()

    def line(self) -> str:
        """The state in words: done and total, rate, time left, note."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = self.done / seconds
        unit = f" {self._unit}" if self._unit else ""
        parts = [f"{self.done:,}{unit}" if self.total is None else f"{self.done:,}/{self.total:,}"]
        if self.done:
            parts.append(f"{rate:,.1f}{unit or ' '}/s".replace("  ", " "))
            if self.total is not None and self.total > self.done:
                parts.append(f"{_clock((self.total - self.done) / rate)} left")
        if self._note:
            parts.append(self._note)
        return ", ".join(parts)

    def _show(self) -> None:
        """What the kind of output needs to do when something has changed."""


class _Bar(Progress):
    """Progress on a terminal: one bar, redrawn in place."""

    def __init__(self, rich: RichProgress, task: TaskID, *rest: Any) -> None:
        super().__init__(*rest)
        self._rich = rich
        self._task = task

    def _show(self) -> None:
        self._rich.update(self._task, completed=self.done, state=self.line())


class _Lines(Progress):
    """Progress in a log file: a plain line every half minute."""

    def __init__(self, what: str, *rest: Any) -> None:
        super().__init__(*rest)
        self._what = what
        self._told = self._started

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._told >= PLAIN_LINE_SECONDS:
            self._told = now
            info(f"{self._what}: {self.line()}")


@contextmanager
def progress(
    iterable: Iterable[Any] | None = None,
    total: int | None = None,
    what: str = "",
    unit: str = "",
) -> Iterator[Progress]:
    """Show how far a piece of work has come, with its rate and the time left.

    On a terminal this is a bar; elsewhere a plain line every 30 seconds, so that a log
    stays readable.

    Args:
        iterable: items to walk through by `for item in bar`, or None to call `advance`.
        total: units in all; taken from the iterable's length where it has one.
        what: what is being done, as `"reading"`.
        unit: what is counted, as `"images"`.

    Yields:
        An object with `advance(n=1)` and `describe(text)`.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)  # type: ignore[arg-type]
    if not console().is_terminal:
        yield _Lines(what, iterable, total, unit)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}", markup=False),
    )
    with RichProgress(*columns, console=console(), transient=True) as rich:
        task = rich.add_task(what, total=total, state="")
        yield _Bar(rich, task, iterable, total, unit)


def _clock(seconds: float) -> str:
    """Seconds as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
