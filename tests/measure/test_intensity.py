"""First-order statistics by hand and by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tfmed.measure.intensity import first_order, levels


def test_four_values_by_hand() -> None:
    found = first_order(np.array([1, 1, 2, 4], np.uint8))
    assert found["mean"] == 2 and found["median"] == 1.5
    assert found["sd"] == pytest.approx(np.sqrt(1.5))
    assert (found["minimum"], found["maximum"]) == (1, 4)
    # Third and fourth moments of -1, -1, 0, 2 over powers of the deviation; 3 is a normal's.
    assert found["skewness"] == pytest.approx((6 / 4) / 1.5**1.5)
    assert found["kurtosis"] == pytest.approx((18 / 4) / 1.5**2 - 3)
    # Shares of one half, a quarter and a quarter: 1.5 bits.
    assert found["entropy"] == pytest.approx(1.5)


def test_a_constant_has_no_form_and_no_values_no_statistics() -> None:
    found = first_order(np.full(9, 5.0))
    assert (found["mean"], found["sd"], found["entropy"]) == (5, 0, 0)
    assert found["skewness"] is None and found["kurtosis"] is None
    assert set(first_order(np.zeros(0)).values()) == {None}


def test_percentiles_and_entropy_of_many_values() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    found = first_order(values)
    assert found["p10"] == pytest.approx(np.percentile(values, 10))
    shares = np.histogram(values, 32)[0] / 5000
    assert found["entropy"] == pytest.approx(stats.entropy(shares, base=2))


def test_levels_run_from_1_to_32() -> None:
    coded = levels(np.array([0.0, 31.99, 32.0, 64.0]) / 2)
    # Bins 1 wide: [0, 1) is 1, [15.995] is 16, [16, 17) is 17, and the greatest is 32.
    assert coded.tolist() == [1, 16, 17, 32]
    assert levels(np.full(3, 7)).tolist() == [1, 1, 1]
