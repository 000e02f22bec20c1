"""Label values, class order, several labels."""

from __future__ import annotations

import pytest

from tfmed.data.truth.label_truth import class_order, joined, several, tidy
from tfmed.errors import DataError


def test_labels_are_text_and_whole_numbers_lose_their_decimals() -> None:
    assert tidy([" True", "1.0", "0", "2.5", "1.00"]) == ["True", "1", "0", "2.5", "1"]


def test_empty_and_minus_one_are_unknown() -> None:
    assert tidy(["", "  ", "-1", "-1.0", "NaN"]) == [None] * 5


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["True", "False"], ("False", "True")),
        (["1", "0"], ("0", "1")),
        (["Yes", "no"], ("no", "Yes")),
        (["nodule", "normal"], ("normal", "nodule")),
        (["malignant", "benign"], ("benign", "malignant")),
        (["10", "9", "1"], ("1", "9", "10")),
        (["normal", "Covid", "viral"], ("Covid", "normal", "viral")),
    ],
)
def test_class_order(names: list[str], order: tuple[str, ...]) -> None:
    assert class_order(names) == order


def test_several_columns_give_classes_present_and_unknown() -> None:
    labels, unknown = several(
        {
            "mass": ["1", "0", "", "-1"],
            "node": ["True", "no", "0.0", ""],
            "edema": ["0", "0", "1", ""],
        }
    )
    assert labels == ["mass|node", "", "edema", None]
    assert unknown == ["", "", "mass", "mass|node|edema"]


def test_a_cell_that_is_no_mark_is_an_error_with_its_column() -> None:
    with pytest.raises(DataError, match=r"'mass' holds 'maybe'"):
        several({"mass": ["maybe"]})


def test_one_column_may_join_names() -> None:
    assert joined(["b|a", "a", None, "a| b |a"]) == (["b|a", "a", None, "a|b"], ("a", "b"))
