"""Tables of numbers: units where a score has one, and no identifiers."""

from __future__ import annotations

import numpy as np

from tfmed.evaluation import number_tables
from tfmed.metrics import agreement

SCORES = {
    "mae": {"value": 0.456, "low": 0.41, "high": 0.5},
    "r2": {"value": 0.95, "low": 0.93, "high": 0.97},
    "slope": {"value": float("nan"), "low": float("nan"), "high": float("nan")},
}


def test_every_score_has_words() -> None:
    assert set(number_tables.WORDS) == set(agreement.METRICS)


def test_errors_have_the_unit_and_no_bar_and_shares_have_a_bar_and_no_unit() -> None:
    error, share, slope = number_tables.metrics(SCORES, "years")
    assert (error["name"], error["value"]) == ("Mean absolute error, years", "0.46")
    assert (error["reach"], error["bar"]) == ("0.41 to 0.50", None)
    assert (share["name"], share["value"], share["bar"]) == ("R2", "0.950", (0.95, 0.93, 0.97))
    assert slope["undefined"]
    assert number_tables.metrics(SCORES, "")[0]["name"] == "Mean absolute error"


def test_the_head_of_the_page_shows_what_there_is_of_three() -> None:
    assert [tile["name"] for tile in number_tables.tiles(SCORES, "")] == [
        "Mean absolute error",
        "R2",
    ]


def test_coverage_is_told_with_what_is_stated_and_the_width() -> None:
    found = {"confidence": 0.9, "value": 0.91, "low": 0.88, "high": 0.93, "width": 2.5}
    share, width = number_tables.coverage(found, "years")
    assert "90\u00a0% is stated" in share["tells"]
    assert (share["value"], width["name"], width["value"]) == (
        "0.910",
        "Median width, years",
        "2.50",
    )
    endless = number_tables.coverage({**found, "width": np.inf}, "")[1]
    assert (endless["value"], endless["undefined"]) == ("no bounds", False)


def test_the_worst_come_first_by_the_row_of_a_spreadsheet() -> None:
    truth, predicted = np.array([5.0, 9.0, 2.0]), np.array([5.5, 6.0, 2.0])
    first, second, third = number_tables.worst(
        truth, predicted, (predicted - 1, predicted + 1), np.array([0, 7, 4])
    )
    assert first == {
        "row": 9,
        "truth": "9.00",
        "prediction": "6.00",
        "difference": "-3.00",
        "interval": "5.00 to 7.00",
        "within": False,
    }
    assert (second["row"], second["difference"], second["within"]) == (2, "+0.50", True)
    assert (third["row"], third["difference"]) == (6, "0.00")


def test_an_interval_without_bounds_is_told_so() -> None:
    one = np.array([5.0])
    (row,) = number_tables.worst(one, one, (one - np.inf, one + np.inf), np.array([0]))
    assert (row["interval"], row["within"]) == ("no bounds", True)
