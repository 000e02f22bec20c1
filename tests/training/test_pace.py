"""How many steps a call takes, the clock over resumes and the stored horizon."""

from __future__ import annotations

import math
from pathlib import Path

from tfmed.training import Settings
from tfmed.training.pace import Clock, Horizon, Pace


def test_the_first_call_is_one_step_and_is_not_timed() -> None:
    pace = Pace()
    assert pace.steps(1000) == 1
    pace.took(1, 30.0)
    assert not pace.is_timed
    assert pace.step_seconds == 0.0


def test_calls_grow_to_a_second_and_a_half_and_end_with_the_epoch() -> None:
    pace = Pace()
    sizes = []
    for _ in range(6):
        steps = pace.steps(10_000)
        sizes.append(steps)
        pace.took(steps, 0.01 * steps)
    assert sizes == [1, 4, 32, 150, 150, 150]
    assert pace.steps(20) == 20


def test_a_call_keeps_inside_the_time_left() -> None:
    pace = Pace()
    for at_most in (1, 4, 10):
        steps = pace.steps(at_most)
        pace.took(steps, 0.1 * steps)
    pace.epoch_seconds = 1.0
    assert pace.steps(1000, seconds_left=1.5) == 5
    assert pace.steps(1000, seconds_left=0.0) == 1


def test_the_clock_counts_what_a_killed_training_used(tmp_path: Path) -> None:
    first = Clock(tmp_path, 1.0)
    first._started -= 40.0
    first.store()
    assert 19.0 < Clock(tmp_path, 1.0).left <= 20.0
    assert Clock(tmp_path, None).left == math.inf


def test_a_horizon_is_fixed_once_and_stored(tmp_path: Path) -> None:
    settings = Settings(epochs=10, max_minutes=5.0)
    horizon = Horizon(tmp_path, settings, epoch_steps=7)
    assert (horizon.steps, horizon.is_fixed) == (70, False)
    horizon.fix(33)
    again = Horizon(tmp_path, settings, epoch_steps=7)
    assert (again.steps, again.is_fixed, again.most) == (33, True, 70)


def test_a_horizon_never_passes_the_epochs(tmp_path: Path) -> None:
    horizon = Horizon(tmp_path, Settings(epochs=2, max_minutes=5.0), epoch_steps=7)
    horizon.fix(1000)
    assert horizon.steps == 14


def test_more_minutes_make_a_stored_horizon_void(tmp_path: Path) -> None:
    Horizon(tmp_path, Settings(epochs=10, max_minutes=5.0), 7).fix(33)
    assert not Horizon(tmp_path, Settings(epochs=10, max_minutes=6.0), 7).is_fixed
