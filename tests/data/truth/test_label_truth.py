"""Label values, class order, several labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfmed import data
from tfmed.data.dataset import Dataset, index
from tfmed.data.truth.label_truth import LabelTruth, class_order, joined, several, tidy
from tfmed.errors import ConfigError, DataError


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


def test_strata_are_classes_and_in_multi_label_those_without_any() -> None:
    table = index({"path": ["a", "b", "c"], "id": ["a", "b", "c"], "label": ["y", "x", None]})
    made = Dataset(table, ("x", "y"), "d")
    assert LabelTruth().strata(made).tolist() == [[0, 1], [1, 0], [0, 0]]
    assert LabelTruth().times(made) == {"x": 1, "y": 1}
    several = Dataset(table.assign(label=["x|y", "", "y"]), ("x", "y"), "d", multi_label=True)
    assert LabelTruth().strata(several).tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert LabelTruth().everywhere(several, 3).tolist() == [True, True, False]


def test_names_of_values_are_no_wish_of_labels(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="labels take no --classes"):
        data.open(tmp_path, classes=("a",))
