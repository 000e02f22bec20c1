"""Time: how fast training goes, how much of the budget is used, where the last step is."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

from tfmed.run import write_text
from tfmed.training.checkpoint import FOLDER
from tfmed.training.settings import Settings

CALL_SECONDS = 1.5
_FIRST_STEPS = 4
_GROWTH = 8
_FADE = 0.7
_ENOUGH_SECONDS = 2.0
_ENOUGH_STEPS = 50


class Pace:
    """The time of a step, from the calls so far; the first call compiles and does not count.

    Attributes:
        epoch_seconds: the last time that an epoch's end took (validation and backup).
    """

    def __init__(self) -> None:
        self.epoch_seconds = 0.0
        self._calls = 0
        self._steps = 0.0
        self._seconds = 0.0
        self._timed_steps = 0
        self._timed_seconds = 0.0
        self._last = 1

    def steps(self, at_most: int, seconds_left: float = math.inf) -> int:
        """How many steps the next call takes: one, then few, then about 1.5 s worth."""
        if self._calls == 0:
            wanted = 1
        elif self._calls == 1:
            wanted = _FIRST_STEPS
        else:
            seconds = min(CALL_SECONDS, max(seconds_left - self.epoch_seconds, 0.0))
            # Growth has a limit, so that one mistimed short call does not ask for minutes.
            wanted = min(round(seconds / self.step_seconds), _GROWTH * self._last)
        self._last = max(1, min(wanted, at_most))
        return self._last

    def took(self, steps: int, seconds: float) -> None:
        """Take in one call's time; older calls count less and less."""
        self._calls += 1
        if self.is_timed:
            self._steps = _FADE * self._steps + steps
            self._seconds = _FADE * self._seconds + seconds
            self._timed_steps += steps
            self._timed_seconds += seconds

    @property
    def is_timed(self) -> bool:
        """Whether the last call's time is that of its steps, not of compilation."""
        return self._calls > 1

    @property
    def is_known(self) -> bool:
        """Whether enough was timed to plan with."""
        return self._timed_seconds >= _ENOUGH_SECONDS or self._timed_steps >= _ENOUGH_STEPS

    @property
    def step_seconds(self) -> float:
        """Seconds a step; 0 before anything was timed."""
        return max(self._seconds / self._steps, 1e-6) if self._steps else 0.0


class Clock:
    """The training time used so far, over all resumes, killed ones included.

    Args:
        folder: the run folder.
        max_minutes: the budget, or None.
    """

    def __init__(self, folder: Path, max_minutes: float | None) -> None:
        self._file = folder / FOLDER / "clock.json"
        self._before = 0.0
        if self._file.is_file():
            self._before = float(json.loads(self._file.read_text(encoding="utf-8"))["seconds"])
        self._started = time.monotonic()
        self._budget = math.inf if max_minutes is None else 60.0 * max_minutes

    @property
    def elapsed(self) -> float:
        """Seconds used."""
        return self._before + time.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; infinite without one."""
        return self._budget - self.elapsed

    def store(self) -> None:
        """Write the time used, so that a killed training counts too."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._file, json.dumps({"seconds": self.elapsed}))


class Horizon:
    """The last step: of all epochs, or, with a time budget, fixed once and then stored.

    A stored one counts as long as `epochs` and `max_minutes` are the same.

    Args:
        folder: the run folder.
        settings: how to train.
        epoch_steps: steps an epoch.

    Attributes:
        most: the steps of all epochs.
        steps: the last step as far as it is known.
        is_fixed: whether it is final.
    """

    def __init__(self, folder: Path, settings: Settings, epoch_steps: int) -> None:
        self._file = folder / FOLDER / "horizon.json"
        self._key = {"epochs": settings.epochs, "max_minutes": settings.max_minutes}
        self.most = self.steps = settings.epochs * epoch_steps
        self.is_fixed = settings.max_minutes is None
        if not self.is_fixed and self._file.is_file():
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            if {name: stored.get(name) for name in self._key} == self._key:
                self.steps, self.is_fixed = int(stored["steps"]), True

    def fix(self, steps: int) -> None:
        """Make `steps` the last step, at most that of all epochs, and store it."""
        self.steps, self.is_fixed = min(steps, self.most), True
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._file, json.dumps({**self._key, "steps": self.steps}))
