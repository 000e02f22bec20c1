"""The training loop: calls of many steps, epochs' ends, backups, time budget, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed import log
from tfmed.errors import DataError, TrainingError
from tfmed.task import Validate
from tfmed.training.checkpoint import Backup
from tfmed.training.history import History, tell
from tfmed.training.pace import Clock, Horizon, Pace
from tfmed.training.program import Program
from tfmed.training.schedule import steps_that_fit
from tfmed.training.settings import TOP_EPOCHS

BACKUP_SECONDS = 60.0
_NAMED_EXAMPLES = 16

Batches = Callable[[int, int], tf.data.Dataset]
RowsOfStep = Callable[[int], list[str]]


@dataclass
class State:
    """What the loop must know to go on, as plain data that the backup keeps.

    Attributes:
        step: steps done.
        best: the best watched value, NaN before the first.
        watched: the moving average of the watched value, NaN before the first.
        epochs_since_best: epochs without a strictly better value.
        epochs_at_top: epochs in a row whose value none can better.
        loss_sum, loss_steps: of the epoch's steps so far.
        timed_steps, timed_seconds: of the epoch, without compilation.
        epoch_seconds: the time of the last epoch's end.
        rows: of history.csv.
    """

    step: int = 0
    best: float = math.nan
    watched: float = math.nan
    epochs_since_best: int = 0
    epochs_at_top: int = 0
    loss_sum: float = 0.0
    loss_steps: int = 0
    timed_steps: int = 0
    timed_seconds: float = 0.0
    epoch_seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def follow(self, value: float, decay: float) -> float:
        """The watched value, or its moving average over the epochs with a decay above 0."""
        if math.isnan(self.watched) or math.isnan(value):
            self.watched = value
        else:
            self.watched = decay * self.watched + (1 - decay) * value
        return self.watched

    def start_epoch(self) -> None:
        """Forget the sums of the epoch that has ended."""
        self.loss_sum = self.timed_seconds = 0.0
        self.loss_steps = self.timed_steps = 0


class Loop:
    """Trains a program to its horizon; everything that happens between the compiled calls.

    Args:
        program: the compiled part.
        validate: gives the watched values of networks.
        epoch_steps: steps an epoch.
        folder: the run folder.
        clock: the training time, running.
        rows_of_step: the examples of a step, for the message when its loss is not finite.
    """

    def __init__(
        self,
        program: Program,
        validate: Validate,
        epoch_steps: int,
        folder: Path,
        clock: Clock,
        rows_of_step: RowsOfStep | None,
    ) -> None:
        self.program = program
        self.settings = program.settings
        self._validate = validate
        self._epoch_steps = epoch_steps
        self._rows_of_step = rows_of_step
        self._clock = clock
        self._pace = Pace()
        self._horizon = Horizon(folder, self.settings, epoch_steps)
        self._backup = Backup(folder, program.variables())
        self._history = History(folder)
        self._backed_up = time.monotonic()
        self.state = State(**(self._backup.restore() or {}))
        self._pace.epoch_seconds = self.state.epoch_seconds
        if self.state.step:
            log.info(f"training goes on after step {self.state.step:,}")

    def train(self, batches: Batches) -> None:
        """Run to the end of the horizon, of the patience or of the time, whichever is first."""
        program, state = self.program, self.state
        program.horizon.assign(self._horizon.steps)
        if state.rows:
            self._history.write(state.rows)
        if not self._is_over():
            iterator = program.iterator(batches(state.step, self._horizon.most - state.step))
            left = (self._horizon.steps - state.step) * self.settings.batch_size
            total = left if self._horizon.is_fixed else None
            with log.progress(None, total=total, what="training", unit=self.settings.unit) as bar:
                while not self._is_over():
                    self._call(iterator, bar)
        if state.loss_steps:
            self._end_epoch()
        self._history.close()

    def _is_over(self) -> bool:
        state, patience = self.state, self.settings.patience
        if state.step >= self._horizon.steps or (patience and state.epochs_since_best >= patience):
            return True
        if state.epochs_at_top >= TOP_EPOCHS:
            return True
        next_call = self._pace.epoch_seconds + self._pace.step_seconds
        return state.step > 0 and self._clock.left < next_call

    def _call(self, iterator: tf.data.Iterator, bar: log.Progress) -> None:
        """One compiled call and what is due after it."""
        state, pace = self.state, self._pace
        boundary = min(
            (state.step // self._epoch_steps + 1) * self._epoch_steps, self._horizon.steps
        )
        steps = pace.steps(boundary - state.step, self._clock.left)
        started = time.monotonic()
        losses = self.program.run(iterator, steps)
        seconds = time.monotonic() - started
        self._check(losses)
        pace.took(steps, seconds)
        state.step += steps
        state.loss_sum += float(losses.sum(dtype=np.float64))
        state.loss_steps += steps
        if pace.is_timed:
            state.timed_steps += steps
            state.timed_seconds += seconds
        self._clock.store()
        bar.describe(f"loss {losses.mean():.4f}")
        bar.advance(steps * self.settings.batch_size)
        if not self._horizon.is_fixed and pace.is_known:
            self._fix_horizon()
        if state.step >= boundary:
            self._end_epoch()
        elif time.monotonic() - self._backed_up >= BACKUP_SECONDS:
            self._save()

    def _check(self, losses: np.ndarray) -> None:
        """Stop at a loss that is not finite, before anything of it is kept."""
        bad = np.flatnonzero(~np.isfinite(losses))
        if not len(bad):
            return
        step = self.state.step + int(bad[0])
        names = self._rows_of_step(step) if self._rows_of_step else []
        more = f" and {len(names) - _NAMED_EXAMPLES} more" if len(names) > _NAMED_EXAMPLES else ""
        examples = f"; its examples: {', '.join(names[:_NAMED_EXAMPLES])}{more}" if names else ""
        raise TrainingError(
            f"the loss is {losses[bad[0]]} at step {step}; expected a finite number. Lower the "
            f"learning rate ({self.settings.learning_rate:g}), train in float32, or look for "
            f"values that are not finite{examples}"
        )

    def _fix_horizon(self) -> None:
        """Choose the last step, once, from the time of a step and of an epoch's end."""
        seconds = self._timed_validation()
        if seconds < 0.02 * self._clock.left:
            seconds = self._timed_validation()  # The first one compiled.
        started = time.monotonic()
        self._save()
        self._pace.epoch_seconds = seconds + time.monotonic() - started
        fit = steps_that_fit(
            self._clock.left,
            self._pace.step_seconds,
            self._pace.epoch_seconds,
            self._epoch_steps,
        )
        self._horizon.fix(self.state.step + fit)
        self.program.horizon.assign(self._horizon.steps)
        epochs = self._horizon.steps / self._epoch_steps
        log.info(f"the time allows {self._horizon.steps:,} steps ({epochs:.1f} epochs)")

    def _timed_validation(self) -> float:
        started = time.monotonic()
        with self.program.averaged():
            self._validate(self.program.networks)
        return time.monotonic() - started

    def _end_epoch(self) -> None:
        """Validate, keep the best weights, write the row and the backup."""
        state, settings = self.state, self.settings
        started = time.monotonic()
        with self.program.averaged():
            values = self._validate(self.program.networks)
            is_best = self._take(values)
        row = self._row(values)
        state.rows.append(row)
        state.start_epoch()
        state.epoch_seconds = self._pace.epoch_seconds = time.monotonic() - started
        self._save()
        self._history.write(state.rows)
        self._history.add_to_tensorboard(row)
        self._pace.epoch_seconds = time.monotonic() - started
        tell(row, settings, is_best, self._seconds_left())

    def _take(self, values: dict[str, float]) -> bool:
        """Keep the weights if they are the best; equal values go to the later epoch."""
        state, settings = self.state, self.settings
        if settings.watch not in values:
            known = ", ".join(values)
            raise DataError(f"validation gives no {settings.watch!r} to watch; it gives {known}")
        value = state.follow(float(values[settings.watch]), settings.watch_decay)
        better = settings.is_better(value, state.best)
        at_top = settings.top is not None and not settings.is_better(settings.top, value)
        state.epochs_at_top = state.epochs_at_top + 1 if at_top else 0
        state.epochs_since_best = 0 if better else state.epochs_since_best + 1
        if settings.is_better(state.best, value):
            return False
        self.program.keep_best()
        state.best = value
        return True

    def _row(self, values: dict[str, float]) -> dict[str, Any]:
        state, settings = self.state, self.settings
        examples = state.timed_steps * settings.batch_size
        rate = examples / state.timed_seconds if examples else math.nan
        if settings.watch_decay:
            values = {**values, f"{settings.watch}_average": state.watched}
        return {
            "epoch": len(state.rows) + 1,
            "step": state.step,
            "seconds": round(self._clock.elapsed, 3),
            "learning_rate": self.program.rate(),
            "loss": state.loss_sum / state.loss_steps,
            **{f"val_{name}": float(value) for name, value in values.items()},
            f"{settings.unit}_per_second": round(rate, 1),
        }

    def _save(self) -> None:
        self._backup.save(asdict(self.state))
        self._clock.store()
        self._backed_up = time.monotonic()

    def _seconds_left(self) -> float:
        steps = self._horizon.steps - self.state.step
        epochs = math.ceil(steps / self._epoch_steps)
        return min(
            steps * self._pace.step_seconds + epochs * self._pace.epoch_seconds, self._clock.left
        )
