"""Conformal intervals by hand, and their coverage where the truth is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfmed.errors import DataError
from tfmed.metrics import conformal
from tfmed.statistics import wilson


def test_the_quantile_is_that_of_one_error_more_by_hand() -> None:
    # Of 19 errors the ceil(20 * 0.9) = 18th; of 20 the ceil(18.9) = 19th.
    for count, expected in ((19, 18), (20, 19), (9, 9), (99, 90)):
        errors = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
        found = conformal.half_width(np.zeros(count), errors, np.arange(count))
        assert found == expected


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95])
def test_with_one_example_a_patient_it_is_numpys_corrected_quantile(confidence: float) -> None:
    errors = np.random.default_rng(1).exponential(size=57)
    level = math.ceil((57 + 1) * confidence) / 57
    expected = np.quantile(errors, level, method="inverted_cdf")
    found = conformal.half_width(errors, np.zeros(57), np.arange(57), confidence=confidence)
    assert found == pytest.approx(expected)


def test_too_few_patients_have_no_bounds_however_many_examples() -> None:
    patients = np.repeat(np.arange(8), 20)
    errors = np.random.default_rng(2).random(160)
    assert conformal.half_width(errors, np.zeros(160), patients) == math.inf
    low, high = conformal.intervals(np.zeros(2), math.inf)
    assert (low == -math.inf).all()
    assert (high == math.inf).all()
    assert conformal.without_bounds(8) == (
        "Intervals that hold 90 % need at least 9 validation patients and there are 8, so they "
        "have no bounds."
    )
    assert conformal.half_width(np.empty(0), np.empty(0), np.empty(0)) == math.inf


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_fewest_is_where_the_width_becomes_finite(confidence: float) -> None:
    for short, finite in ((1, False), (0, True)):
        count = conformal.fewest(confidence) - short
        width = conformal.half_width(
            np.ones(count), np.zeros(count), np.arange(count), confidence=confidence
        )
        assert math.isfinite(width) == finite


def test_a_patients_examples_share_one_vote() -> None:
    # Three patients and the new one have a quarter each. Errors 1 and 5 of `a` weigh an eighth:
    # 1 (1/8), 2 (3/8), 3 (5/8), 5 (6/8).
    errors, patients = np.array([1.0, 5.0, 2.0, 3.0]), np.array(["a", "a", "b", "c"])
    for confidence, expected in ((0.3, 2), (0.5, 3), (0.65, 5), (0.75, 5), (0.8, math.inf)):
        found = conformal.half_width(errors, np.zeros(4), patients, confidence=confidence)
        assert found == expected


def test_with_a_scale_intervals_are_as_wide_as_the_network_is_unsure() -> None:
    scale = np.array([1.0, 10.0])
    low, high = conformal.intervals(np.array([5.0, 50.0]), 2.0, scale)
    assert low.tolist() == [3, 30]
    assert high.tolist() == [7, 70]
    errors = np.tile(scale, 10)
    width = conformal.half_width(errors, np.zeros(20), np.arange(20), scale=errors)
    assert width == 1


def drawn(generator: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors with whose they are; patients with many examples are easy and alike in themselves."""
    counts = generator.choice((1, 8), patients)
    member = np.repeat(np.arange(patients), counts)
    own = generator.normal(size=patients) * np.where(counts == 1, 3.0, 0.5)
    return own[member] + generator.normal(0, 0.2, len(member)), member


def test_intervals_hold_a_new_patients_number_as_often_as_they_say() -> None:
    generator = np.random.default_rng(4)
    held, careless = [], []
    for _ in range(400):
        errors, member = drawn(generator, 60)
        zeros = np.zeros(len(errors))
        width = conformal.half_width(errors, zeros, member)
        as_if_strangers = conformal.half_width(errors, zeros, np.arange(len(errors)))
        new, whose = drawn(generator, 60)
        by_patient = np.bincount(whose)
        held.append((np.bincount(whose, np.abs(new) <= width) / by_patient).mean())
        careless.append((np.bincount(whose, np.abs(new) <= as_if_strangers) / by_patient).mean())
    # At least 0.9, and less than 1 / 61 more; the mean of 400 has a standard error below 0.003.
    assert 0.895 < np.mean(held) < 0.925
    assert np.mean(careless) < 0.85


def test_coverage_counts_ends_and_has_wilsons_interval_over_patients() -> None:
    truth = np.array([0.0, 1.0, 2.0, 5.0])
    found = conformal.coverage(truth, np.zeros(4), np.full(4, 2.0), np.arange(4))
    assert (found.value, found.width) == (0.75, 2.0)
    assert (found.low, found.high) == wilson(3, 4)
    same = conformal.coverage(truth, np.zeros(4), np.full(4, 2.0), np.array([0, 0, 1, 1]))
    assert same.value == 0.75
    assert same.high - same.low > found.high - found.low


def test_coverage_of_nothing_is_undefined() -> None:
    empty = np.empty(0)
    assert math.isnan(conformal.coverage(empty, empty, empty, empty).value)


def test_scales_that_are_not_positive_are_refused() -> None:
    with pytest.raises(DataError, match="the smallest scale is 0; expected more than 0"):
        conformal.half_width(np.ones(2), np.ones(2), np.arange(2), scale=np.array([1.0, 0.0]))
    with pytest.raises(DataError, match="1 patients are given for 2 examples"):
        conformal.half_width(np.ones(2), np.ones(2), np.arange(1))
