"""Fields as they are compared with labels, and printed."""

from __future__ import annotations

import math

import numpy as np
from makers_audit import audited

from tfmed.evaluation import fields


def test_many_sizes_are_two_numbers_and_few_are_one_category() -> None:
    many = fields.of(audited(["a"] * 40, height=np.arange(40) + 100).table)
    assert {"height", "width"} <= many.keys() and "size" not in many
    few = fields.of(audited(["a"] * 40, height=[64, 128] * 20).table)
    assert "size" in few and "height" not in few
    assert set(few["size"]) == {"48 x 64", "48 x 128"}


def test_a_transfer_syntax_is_told_by_its_name() -> None:
    uids = ["1.2.840.10008.1.2.4.80", "", "1.2.3.4"]
    found = fields.values(audited(["a"] * 3, transfer_syntax=uids).table, "transfer_syntax")
    assert found.tolist() == ["JPEG-LS Lossless Image Compression", "not given", "1.2.3.4"]


def test_what_is_known_of_several_labels() -> None:
    dataset = audited(["a|b", "", None, "b"], multi_label=True, unknown=["", "a", "", ""])
    np.testing.assert_array_equal(
        fields.truth(dataset.table, dataset).to_numpy(),
        [[1, 1], [math.nan, 0], [math.nan, math.nan], [0, 1]],
    )


def test_values_by_class_are_counted_with_their_patients() -> None:
    dataset = audited(
        ["a", "b", "b", None], ["p", "p", "q", "r"], manufacturer=["X", "X", "Y", "X"]
    )
    counts, sizes = fields.by_class(dataset, "manufacturer")
    assert counts.to_dict("index") == {"X": {"a": 1, "b": 1}, "Y": {"a": 0, "b": 1}}
    assert sizes.to_dict("index") == {
        "X": {"examples": 3, "patients": 2},
        "Y": {"examples": 1, "patients": 1},
    }


def test_the_oldest_patient_is_not_told() -> None:
    ages = np.linspace(20, 103, 84)
    counts, _ = fields.by_class(audited(["a", "b"] * 42, age_years=ages), "age_years")
    assert len(counts) == 4
    assert counts.index[0].startswith("up to") and counts.index[-1].startswith("above")
    assert "103" not in " ".join(counts.index)
    assert counts.to_numpy().sum() == 84


def test_rare_values_are_one_row() -> None:
    devices = [f"d{i}" for i in range(20)] + ["usual"] * 20
    counts, _ = fields.by_class(audited(["a", "b"] * 20, device=devices), "device")
    assert len(counts) == fields.FEW_VALUES + 1
    assert counts.index[0] == "usual" and counts.index[-1] == "others"
