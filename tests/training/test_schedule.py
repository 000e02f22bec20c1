"""The learning rate's curve and the planning of steps, against hand calculation."""

from __future__ import annotations

import pytest

from tfmed.training.schedule import learning_rate, steps_that_fit


def test_warm_up_is_linear_and_reaches_the_peak() -> None:
    rates = [float(learning_rate(step, 100, 0.2, 0.05)) for step in range(5)]
    assert rates == pytest.approx([0.04, 0.08, 0.12, 0.16, 0.2], rel=1e-6)


def test_half_of_the_fall_is_half_of_the_peak() -> None:
    # Warm-up is 1 step of 101; the fall takes 101 steps, of which 50.5 is the middle.
    before, after = (float(learning_rate(step, 101, 1.0, 0.0)) for step in (50, 51))
    assert (before + after) / 2 == pytest.approx(0.5, abs=1e-6)


def test_the_last_step_has_nearly_no_rate_but_some() -> None:
    assert 0 < float(learning_rate(999, 1000, 1.0, 0.05)) < 1e-4


def test_every_step_of_a_one_step_training_learns() -> None:
    assert float(learning_rate(0, 1, 1.0, 0.05)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        # 95 s count; an epoch is 50 * 0.5 + 10 = 35 s: two whole ones, and of the 25 s left
        # 10 s for its validation, so 30 steps.
        (100.0, 130),
        # 38 s count: one whole epoch; 3 s left do not reach for a validation.
        (40.0, 50),
        # 19 s count: 9 s for steps.
        (20.0, 18),
        (0.0, 1),
    ],
)
def test_steps_fit_the_time_with_validation_and_reserve(seconds: float, expected: int) -> None:
    assert steps_that_fit(seconds, 0.5, 10.0, 50) == expected
