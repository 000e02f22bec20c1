"""Figures of numbers show what they are given, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.evaluation.number_plots import Agreement, agreement, bland_altman, scatter

TRUTH = np.array([2.0, 5.0, 9.0, 14.0])
PREDICTED = np.array([3.0, 5.0, 10.0, 14.0])


def crosses(figure: str) -> bool:
    return "outside its interval" in figure


def test_bias_and_limits_by_hand() -> None:
    # Differences 1, 0, 1 and 0: mean 0.5, standard deviation sqrt(1 / 3).
    found = agreement(TRUTH, PREDICTED)
    assert found is not None
    assert (found.bias, found.pairs) == (0.5, 4)
    assert found.high - found.bias == pytest.approx(1.96 / np.sqrt(3))
    assert found.bias - found.low == pytest.approx(1.96 / np.sqrt(3))


def test_two_examples_have_no_limits() -> None:
    assert agreement(TRUTH[:2], PREDICTED[:2]) is None


def test_a_bland_altman_plot_names_what_is_measured_and_its_limits() -> None:
    figure = bland_altman(TRUTH, PREDICTED, Agreement(0.5, -0.63, 1.63, 4), "bone age", "years")
    for words in ("mean bone age (years)", "prediction less truth (years)", "+1.96 SD 1.63"):
        assert words in figure
    plain = bland_altman(TRUTH, PREDICTED, Agreement(0.5, -0.63, 1.63, 4), "number", "")
    assert "mean number<" in plain


def test_a_scatter_tells_the_slope_and_draws_equal_intervals_as_a_band() -> None:
    figure = scatter(TRUTH, PREDICTED, "bone age", "years", (PREDICTED - 2, PREDICTED + 2))
    # By hand: the products about the means 7.5 and 8 sum to 77, the squares of truth to 81.
    assert "slope 0.95" in figure
    assert "true bone age (years)" in figure
    assert ">interval<" in figure
    assert not crosses(figure)


def test_truth_outside_its_interval_is_crossed() -> None:
    assert crosses(scatter(TRUTH, PREDICTED, "age", "", (PREDICTED - 0.5, PREDICTED + 0.5)))


def test_intervals_that_differ_or_have_no_bounds_are_no_band() -> None:
    wide = np.array([1.0, 2.0, 3.0, 4.0])
    for half in (wide, np.full(4, np.inf)):
        figure = scatter(TRUTH, PREDICTED, "age", "", (PREDICTED - half, PREDICTED + half))
        assert ">interval<" not in figure


def test_numbers_that_are_all_alike_have_no_slope() -> None:
    figure = scatter(np.full(3, 5.0), np.full(3, 5.0), "age", "")
    assert "<svg" in figure
    assert "slope" not in figure


def test_no_example_is_no_figure() -> None:
    assert scatter(np.empty(0), np.empty(0), "age", "") == ""
