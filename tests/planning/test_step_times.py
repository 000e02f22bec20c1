"""The time of a step, kept by machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfmed import hardware
from tfmed.planning import step_times


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path))
    return tmp_path


def never() -> float:
    pytest.fail("it was timed already")


def test_a_step_is_timed_once_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert step_times.step_seconds(("net", 16), lambda: 0.25) == 0.25
    assert step_times.step_seconds(("net", 16), never) == 0.25
    assert step_times.step_seconds(("net", 32), lambda: 0.5) == 0.5
    monkeypatch.setattr(hardware, "describe", lambda: {"processor": "another", "onednn": True})
    assert step_times.step_seconds(("net", 16), lambda: 0.75) == 0.75


def test_a_damaged_file_is_timed_anew(home: Path) -> None:
    step_times.step_seconds(("net", 16), lambda: 0.25)
    (file,) = (home / "pace").iterdir()
    file.write_text("[not json")
    assert step_times.step_seconds(("net", 16), lambda: 0.5) == 0.5
    assert step_times.step_seconds(("net", 16), never) == 0.5


def test_an_average_leaves_its_start_behind() -> None:
    # After all steps the weight of the start is decay ** steps.
    for steps in (100, 800, 10_000):
        assert step_times.ema_decay(steps, 0.998) ** steps < 1e-4
    assert step_times.ema_decay(100_000, 0.998) == 0.998
