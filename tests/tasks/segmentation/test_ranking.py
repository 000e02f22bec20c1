"""Which cases are shown, and what is told of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfmed.tasks import Segmentation
from tfmed.tasks.segmentation import ranking as cases

CLASSES = ("background", "liver", "1")
TASK = Segmentation(CLASSES)
EMPTY = np.zeros((4, 4), np.uint8)


def labels(liver: int, other: int) -> np.ndarray:
    """So many pixels of both structures."""
    found = EMPTY.copy()
    found.flat[:liver] = 1
    found.flat[8 : 8 + other] = 2
    return found


def table(*pairs: tuple[np.ndarray, np.ndarray], split: str = "test") -> pd.DataFrame:
    rows = [TASK.case_scores(*pair) for pair in pairs]
    ids = [str(n) for n in range(len(rows))]
    head = pd.DataFrame({"id": ids, "patient": ids, "split": split})
    return pd.concat([head, pd.DataFrame(rows)], axis=1)


def test_rows_are_those_of_the_whole_table() -> None:
    both = (labels(4, 4), labels(4, 4))
    predictions = pd.concat([table(both, split="val"), table(both, both)], ignore_index=True)
    found = cases.scored(predictions, CLASSES, "test")
    assert found is not None
    assert found.rows.tolist() == [1, 2]
    assert cases.describe(found, 0)["row"] == 3


def test_a_part_that_no_row_has_means_all_and_no_truth_means_none() -> None:
    predictions = table((labels(4, 4), labels(4, 4)), split="train")
    found = cases.scored(predictions, CLASSES, "out_of_fold")
    assert found is not None
    assert len(found.rows) == 1
    unknown = predictions.drop(columns=[name for name in predictions if name.startswith("true_")])
    assert cases.scored(unknown, CLASSES, "test") is None
    told = predictions.assign(**{n: "" for n in predictions if n.startswith("true_")})
    assert cases.scored(told, CLASSES, "test") is None


def test_best_median_and_worst_are_chosen_once_each() -> None:
    # Dice of the liver is 2 n / (n + 8), and that of the other structure undefined.
    pairs = [(labels(8, 0), labels(n, 0)) for n in (5, 1, 8, 2, 3, 7, 4, 6)]
    found = cases.scored(table(*pairs), CLASSES, "test")
    assert found is not None
    chosen = [(kind, len(pairs[at][1][pairs[at][1] == 1])) for kind, at in cases.chosen(found, 2)]
    assert chosen == [
        ("best", 8), ("best", 7), ("median", 5), ("median", 4), ("worst", 2), ("worst", 1),
    ]  # fmt: skip


def test_few_cases_are_shown_once_the_worst_before_the_best() -> None:
    for count, kinds in ((1, ["worst"]), (2, ["best", "worst"]), (3, ["best", "median", "worst"])):
        pairs = [(labels(8, 0), labels(n + 1, 0)) for n in range(count)]
        found = cases.scored(table(*pairs), CLASSES, "test")
        assert found is not None
        assert [kind for kind, _ in cases.chosen(found)] == kinds


def test_a_case_without_any_structure_has_no_rank() -> None:
    found = cases.scored(table((EMPTY, EMPTY), (labels(2, 0), labels(2, 0))), CLASSES, "test")
    assert found is not None
    assert cases.ranked(found).tolist() == [1]


def test_what_was_missed_and_invented_is_named() -> None:
    found = cases.scored(table((labels(4, 0), labels(0, 4))), CLASSES, "test")
    assert found is not None
    about = cases.describe(found, 0)
    assert (about["missed"], about["invented"]) == (["liver"], ["label 1"])
    assert about["dice"] == "0.000"
    assert about["scores"][0] == {"name": "liver", "dice": "0.000", "distance": "5.66\u00a0px"}
