"""How long and at what rates, of time or without."""

from __future__ import annotations

from tfmed.tasks.segmentation.budget import Budget, Candidate
from tfmed.tasks.segmentation.patch_schedule import training
from tfmed.tasks.segmentation.topology import stages


def settings(width: int, time: Budget | None, step_seconds: float = 0.5) -> dict[str, float]:
    one = Candidate(stages((1.0, 1.0), (64, 64)), width, 4, step_seconds)
    return {name: value for name, (value, _) in training(one, time).items()}


def test_a_time_is_filled_by_twenty_validated_epochs() -> None:
    found = settings(16, Budget(1000, 2))
    # Four fifths of 1,000 s are 1,600 steps of half a second.
    assert (found["epochs"], found["steps_per_epoch"], found["patience"]) == (20, 80, 0)
    assert settings(16, Budget(1000, 2, limited=True))["epochs"] == 40
    # The average reaches over the last twentieth: 80 steps.
    assert found["ema_decay"] == 1 - 1 / 80


def test_a_time_of_few_steps_is_still_a_training() -> None:
    found = settings(16, Budget(1, 2), step_seconds=5.0)
    assert (found["epochs"], found["steps_per_epoch"]) == (1, 1)
    assert found["ema_decay"] == 0.9


def test_a_gpu_trains_longer_and_may_stop_early() -> None:
    found = settings(32, None)
    assert found["epochs"] * found["steps_per_epoch"] == 50_000
    assert found["patience"] > 0
    assert found["ema_decay"] == 0.999


def test_a_wide_network_learns_at_a_lower_rate() -> None:
    assert settings(32, None)["learning_rate"] < settings(16, None)["learning_rate"]
