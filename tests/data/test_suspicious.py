"""Labels that no careful reader would believe."""

from __future__ import annotations

import pytest
from makers_audit import audited

from tfmed.data import suspicious


def test_equal_pixels_with_two_labels_stand_before_mere_copies() -> None:
    dataset = audited(["a", "a", "a", "b", "b"], digest=["1", "1", "2", "2", "3"])
    found = suspicious.duplicates(dataset.table)
    assert found["rows"].tolist() == [(2, 3), (0, 1)]
    assert found["labels"].tolist() == [2, 1]
    assert found["patients"].tolist() == [2, 2]
    assert found["images"].tolist() == [2, 2]


def test_copies_in_two_parts_are_counted_and_the_empty_part_is_none() -> None:
    dataset = audited(["a"] * 4, digest=list("1122"), split=["train", "test", "train", ""])
    assert suspicious.duplicates(dataset.table)["parts"].tolist() == [2, 1]


def test_an_unlabelled_or_unknown_copy_contradicts_nothing() -> None:
    dataset = audited(["a", None], patients=["p", "q"], digest=list("11"))
    table = dataset.table.assign(patient_known=[True, False])
    found = suspicious.duplicates(table).iloc[0]
    assert (found["labels"], found["patients"]) == (1, 1)


def test_a_label_that_says_none_contradicts_one_that_says_some() -> None:
    dataset = audited(["a", ""], digest=list("11"), multi_label=True)
    assert suspicious.duplicates(dataset.table)["labels"].tolist() == [2]


def test_examples_whose_pixels_were_not_read_are_no_copies() -> None:
    dataset = audited(["a", "a"], digest="")
    assert suspicious.duplicates(dataset.table).empty
    assert suspicious.duplicates(dataset.table.drop(columns="digest")).empty


def test_patients_with_two_labels_are_suspicious_where_others_have_one() -> None:
    patients = [f"p{number // 2}" for number in range(20)]
    labels = ["a"] * 19 + ["b"]  # nine patients with one label, the tenth with two
    assert suspicious.patients_with_two_labels(audited(labels, patients).table) == 1


def test_patients_with_two_labels_are_usual_where_labels_are_of_slices() -> None:
    patients = [f"p{number // 2}" for number in range(20)]
    assert suspicious.patients_with_two_labels(audited(["a", "b"] * 10, patients).table) == 0


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["Normal", "normal "], [("Normal", "normal ")]),
        (
            ["pleural effusion", "Pleural_Effusion", "mass"],
            [("pleural effusion", "Pleural_Effusion")],
        ),
        (["left", "right"], []),
    ],
)
def test_names_that_differ_in_spelling_alone_are_alike(names: list[str], alike: list) -> None:
    found = suspicious.one_name_spelled_twice(names)
    assert [sorted(pair) for pair in found] == [sorted(pair) for pair in alike]


def test_small_classes_are_counted_in_patients() -> None:
    dataset = audited(["a"] * 12 + ["b"] * 12, [f"p{i}" for i in range(12)] + ["q"] * 12)
    assert suspicious.small_classes(dataset.table, ("a", "b", "c")) == {"b": 1, "c": 0}
    several = audited(["a|b"] * 9 + ["b"], multi_label=True)
    assert suspicious.small_classes(several.table, ("a", "b")) == {"a": 9}
