"""Agreement of volumes by hand, and figures that show what they are given."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.evaluation.volume_plots import (
    agreement_of,
    bland_altman,
    dice_by_case,
    unit_of,
)

SIZES = np.array([[10.0, 12.0], [20.0, 20.0], [30.0, 31.0], [0.0, 0.0]])


def test_bias_and_limits_are_those_of_a_hand_calculation() -> None:
    found = agreement_of(SIZES)
    assert found is not None
    # Differences 2, 0 and 1: mean 1, standard deviation 1.
    assert (found.bias, found.pairs) == (1.0, 3)
    assert found.low == pytest.approx(1 - 1.96)
    assert found.high == pytest.approx(1 + 1.96)


def test_fewer_than_three_cases_have_no_limits() -> None:
    assert agreement_of(SIZES[[0, 1, 3]]) is None


def test_a_missed_structure_stays_in() -> None:
    found = agreement_of(np.array([[10.0, 10.0], [10.0, 10.0], [9.0, 0.0]]))
    assert found is not None
    assert found.bias == -3


def test_large_volumes_are_told_in_millilitres() -> None:
    assert unit_of(np.array([2e4, 3e6, 4e6]), "mm3") == (1000, "ml")
    assert unit_of(np.array([200.0, np.nan, 0.0]), "mm3") == (1, "mm\u00b3")
    assert unit_of(np.array([2e4]), "mm2") == (100, "cm\u00b2")
    assert unit_of(np.array([2e9]), "px3") == (1, "px\u00b3")


def test_figures_name_what_they_show() -> None:
    found = agreement_of(SIZES)
    assert found is not None
    figure = bland_altman(SIZES, found, "ml", "volume")
    assert "mean volume (ml)" in figure
    assert "bias 1" in figure
    assert "missed or invented" not in figure
    assert "missed or invented" in bland_altman(np.vstack([SIZES, [5.0, 0.0]]), found, "ml", "area")


def test_structures_without_a_dice_have_no_row() -> None:
    values = np.array([[0.9, np.nan], [0.0, np.nan]])
    figure = dice_by_case(values, ("liver", "spleen"))
    assert "liver" in figure
    assert "spleen" not in figure
    assert dice_by_case(values[:, 1:], ("spleen",)) == ""
