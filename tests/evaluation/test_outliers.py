"""What lies far from the rest is found, with its reason."""

from __future__ import annotations

import numpy as np
from makers_audit import audited

from tfmed.evaluation.outliers import outliers


def test_an_image_of_another_size_is_told_with_what_is_typical() -> None:
    found = outliers(audited(["a"] * 30, height=[512] * 29 + [128]).table)
    assert found["row"].tolist() == [29]
    assert found["reason"].tolist() == ["height in pixels 128, typically 512"]


def test_values_far_off_are_told_in_their_unit() -> None:
    dataset = audited(["a"] * 30)
    far = np.where(np.arange(30) == 4, 3071.0, dataset.table["p995"])
    found = outliers(dataset.table.assign(p995=far))
    assert found["row"].tolist() == [4]
    assert found["reason"][0].startswith("99.5th percentile 3,071 HU, typically 4")


def test_what_differs_little_is_none_even_where_all_else_is_equal() -> None:
    assert outliers(audited(["a"] * 30, height=[512] * 29 + [500]).table).empty


def test_another_modality_is_judged_among_its_own() -> None:
    kinds = ["CT"] * 30 + ["MR"] * 30
    values = np.r_[np.full(30, 400.0), np.full(30, 4000.0)]
    assert outliers(audited(["a"] * 60, modality=kinds, p995=values).table).empty


def test_few_examples_have_nothing_typical() -> None:
    assert outliers(audited(["a"] * 10, height=[512] * 9 + [12]).table).empty


def test_headers_alone_are_judged_without_values() -> None:
    nothing = dict.fromkeys(("p005", "p995", "mean", "std"), np.nan)
    found = outliers(audited(["a"] * 30, row_spacing_mm=[0.7] * 29 + [7.0], **nothing).table)
    assert found["row"].tolist() == [29]
