"""Which answers are shown."""

from __future__ import annotations

import pandas as pd

from tfmed.evaluation import confident


def table(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["truth", "prediction", "p_a", "p_b"])


def test_the_most_confident_come_first_and_classes_take_turns() -> None:
    rows = [("a", "a", 0.99, 0.01), ("a", "a", 0.98, 0.02), ("a", "a", 0.97, 0.03)]
    rows += [("b", "b", 0.4, 0.6), ("b", "a", 0.7, 0.3), ("a", "b", 0.2, 0.8)]
    chosen = confident(table(rows), 2)
    assert chosen["row"].tolist() == [0, 3, 5, 4]
    assert chosen["right"].tolist() == [True, True, False, False]
    assert chosen["of"].tolist() == ["a", "b", "b", "a"]
    assert chosen["probability"].tolist() == [0.99, 0.6, 0.8, 0.7]


def test_rows_without_truth_are_left_out() -> None:
    chosen = confident(table([(None, "a", 0.9, 0.1), ("", "a", 0.8, 0.2), ("a", "a", 0.6, 0.4)]))
    assert chosen["row"].tolist() == [2]


def test_no_rows_give_no_examples() -> None:
    assert confident(table([])).empty


def test_labels_are_judged_one_by_one() -> None:
    predictions = table([("a|b", "a", 0.9, 0.2), ("", "b", 0.1, 0.7), ("", "", 0.1, 0.1)])
    predictions["unknown"] = ["", "", "a"]
    chosen = confident(predictions, multi_label=True)
    found = [(r["row"], r["of"], r["right"]) for r in chosen.to_dict("records")]
    # a found; b missed with 0.2 (surer wrong than the false b of 0.7); an absent class not shown.
    assert found == [(0, "a", True), (0, "b", False), (1, "b", False)]


def test_unknown_labels_are_not_wrong() -> None:
    predictions = table([("", "a", 0.9, 0.1)])
    predictions["unknown"] = ["a"]
    assert confident(predictions, multi_label=True).empty
