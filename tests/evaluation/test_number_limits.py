"""Each limit of numbers is told where it holds, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfmed.evaluation.number_limits import Numbered, limits

HELD = {"confidence": 0.9, "value": 0.91, "low": 0.88, "high": 0.93, "width": 2.0}
GOOD = Numbered(
    trained=np.linspace(2, 18, 500),
    tested=np.linspace(2, 18, 200),
    metrics={
        "slope": {"value": 0.99, "low": 0.97, "high": 1.01},
        "bias": {"value": 0.1, "low": -0.1, "high": 0.3},
    },
    coverage=HELD,
    validation_patients=200,
    kind="bone age",
    unit="years",
)


def told(about: Numbered) -> str:
    return " ".join(limits(about))


def test_good_numbers_have_the_range_the_kinds_of_patients_and_the_readers_as_limits() -> None:
    found = limits(GOOD)
    assert len(found) == 3
    assert "a bone age of 2.00 to 18.0 years" in found[0]
    assert "No test example lay outside." in found[0]
    assert "over all patients together" in found[1]
    assert "two readers" in found[2]


def test_a_slope_is_told_where_its_whole_interval_is_on_one_side_of_one() -> None:
    low = replace(GOOD, metrics={"slope": {"value": 0.9, "low": 0.88, "high": 0.92}})
    assert "drawn to the mean: their slope on the truth is 0.90 (0.88 to 0.92)" in told(low)
    high = replace(GOOD, metrics={"slope": {"value": 1.1, "low": 1.05, "high": 1.2}})
    assert "exaggerated" in told(high)
    assert "exaggerated" not in told(low)
    assert "slope" not in told(replace(GOOD, metrics={"slope": None}))


def test_a_bias_is_told_with_its_direction() -> None:
    low = replace(GOOD, metrics={"bias": {"value": -0.4, "low": -0.5, "high": -0.3}})
    assert "too low by 0.40 years on average (0.30 to 0.50)" in told(low)
    assert "on average" not in told(GOOD)


def test_examples_outside_the_trained_range_are_counted() -> None:
    beyond = replace(GOOD, tested=np.append(GOOD.tested, [19.0, 1.0]))
    assert "2 test examples lay outside." in told(beyond)


def test_few_examples_at_an_extreme_are_counted() -> None:
    few = replace(GOOD, tested=np.append(np.linspace(2, 14, 200), [15, 17]))
    # The highest fifth of 2 to 18 begins at 14.8.
    assert "Only 2 test examples lie in the highest fifth of that range (14.8 to 18.0" in told(few)
    assert "lowest" not in told(few)


def test_intervals_that_hold_less_or_more_than_they_state_are_told() -> None:
    less = {**HELD, "value": 0.8, "low": 0.76, "high": 0.84}
    assert "Intervals hold less than they state: 80\u00a0%" in told(replace(GOOD, coverage=less))
    more = {**HELD, "value": 0.98, "low": 0.96, "high": 0.99}
    assert "wider than they need be: they hold 98\u00a0%" in told(replace(GOOD, coverage=more))


def test_intervals_without_bounds_say_what_is_lacking() -> None:
    none = replace(GOOD, coverage={**HELD, "width": np.inf}, validation_patients=5)
    assert "need at least 9 validation patients and there are 5" in told(none)
    assert "over all patients together" not in told(none)
