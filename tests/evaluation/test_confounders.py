"""Fields that tell the label are found; fields that do not, are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from makers_audit import audited
from sklearn.metrics import roc_auc_score

from tfmed.data.dataset import Dataset
from tfmed.evaluation import confounders
from tfmed.evaluation.confounders import Confounder


def of(dataset: Dataset, name: str) -> Confounder:
    return next(one for one in confounders.search(dataset).found if one.field == name)


def labels(count: int, share: float = 0.5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(count) < share


def test_a_class_from_one_maker_is_found_and_stands_first() -> None:
    sick = labels(120)
    rng = np.random.default_rng(3)
    dataset = audited(
        np.where(sick, "sick", "well").tolist(),
        manufacturer=np.where(sick, "Maker A", "Maker B").tolist(),
        body_part=rng.choice(["CHEST", "ABDOMEN"], 120).tolist(),
    )
    first, *rest = confounders.search(dataset).found
    assert (first.field, first.auroc, first.low) == ("manufacturer", 1.0, 1.0)
    assert all(one.low < 0.5 < one.high for one in rest if one.field == "body_part")


def test_the_area_of_a_category_is_that_of_scikit_learn() -> None:
    # 70 % of the sick, 40 % of the well: a field of two values has one threshold.
    sick = np.arange(1000) % 2 == 0
    given = np.where(sick, np.arange(1000) % 20 < 14, np.arange(1000) % 20 < 8)
    dataset = audited(
        np.where(sick, "sick", "well").tolist(), view=np.where(given, "AP", "PA").tolist()
    )
    found = of(dataset, "view")
    assert found.auroc == pytest.approx(roc_auc_score(~sick, ~given), abs=0.01)
    assert found.low < found.auroc < found.high


def test_a_number_tells_by_its_range_as_well() -> None:
    # Those in the middle are sick: no order of the values, but two thresholds tell it.
    age = np.linspace(20, 80, 300)
    sick = (age > 40) & (age < 60)
    dataset = audited(np.where(sick, "sick", "well").tolist(), age_years=age)
    assert roc_auc_score(sick, age) == pytest.approx(0.5, abs=0.01)
    assert of(dataset, "age_years").auroc > 0.95


def test_what_is_missing_can_tell_too() -> None:
    sick = labels(100)
    dataset = audited(
        np.where(sick, "sick", "well").tolist(),
        row_spacing_mm=np.where(sick, math.nan, np.random.default_rng(5).uniform(0.5, 0.9, 100)),
        sex=np.where(sick, "", "F").tolist(),
    )
    assert of(dataset, "row_spacing_mm").auroc == 1.0
    assert of(dataset, "sex").auroc == 1.0
    assert of(dataset, "sex").known == pytest.approx((~sick).mean())


def test_shuffled_labels_give_intervals_that_hold_one_half() -> None:
    rng = np.random.default_rng(7)
    count = 300
    patients = np.repeat(np.arange(count // 3), 3)
    dataset = audited(
        np.where(rng.permutation(np.arange(100) < 40)[patients], "sick", "well").tolist(),
        [f"p{number}" for number in patients],
        manufacturer=rng.choice(["A", "B", "C"], 100)[patients].tolist(),
        device=rng.choice([f"m{i}" for i in range(30)], 100)[patients].tolist(),
        age_years=rng.uniform(20, 80, 100)[patients],
        row_spacing_mm=rng.uniform(0.5, 0.9, 100)[patients],
    )
    for found in confounders.search(dataset).found:
        assert found.low < 0.5 < found.high, found


def test_chance_is_not_far_below_one_half() -> None:
    # The mean over shuffles: comparing scores of different folds gives 0.46 here.
    rng = np.random.default_rng(11)
    maker = rng.choice(["A", "B"], 60).tolist()
    found = [
        of(
            audited(rng.permutation(["sick"] * 30 + ["well"] * 30).tolist(), manufacturer=maker),
            "manufacturer",
        ).auroc
        for _ in range(25)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)


def test_a_value_of_one_patient_alone_tells_nothing() -> None:
    # Each patient has a device of its own: what one fold learns, no other can use.
    patients = np.repeat(np.arange(30), 4)
    dataset = audited(
        np.where(patients % 2, "sick", "well").tolist(),
        [f"p{number}" for number in patients],
        device=[f"device {number}" for number in patients],
    )
    found = of(dataset, "device")
    assert found.auroc == found.low == found.high == 0.5


def test_of_several_classes_the_one_that_is_told_is_named() -> None:
    kind = np.arange(150) % 3
    dataset = audited(
        np.array(["a", "b", "c"])[kind].tolist(),
        manufacturer=np.where(kind == 2, "Maker C", "Maker AB").tolist(),
    )
    found = of(dataset, "manufacturer")
    assert found.strongest == "c"
    assert found.per_class["c"] == (1.0, 1.0, 1.0)
    assert found.auroc == pytest.approx(np.mean([area for area, _, _ in found.per_class.values()]))


def test_of_several_labels_each_is_judged_where_it_is_known() -> None:
    rng = np.random.default_rng(2)
    mass, fluid = rng.random(200) < 0.4, rng.random(200) < 0.4
    joined = [
        "|".join(n for n, has in (("mass", m), ("fluid", f)) if has)
        for m, f in zip(mass, fluid, strict=True)
    ]
    dataset = audited(
        joined,
        multi_label=True,
        view=np.where(mass, "AP", "PA").tolist(),
        unknown=["fluid"] * 20 + [""] * 180,
    )
    found = of(dataset, "view")
    assert found.per_class["mass"][0] == 1.0
    assert found.per_class["fluid"][1] < 0.5 < found.per_class["fluid"][2]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([None] * 10, "the examples have no labels"),
        (["a"] * 10, "there is one class only"),
        (["a"] * 10 + ["b"] * 2, "it needs two classes with at least 5 patients each"),
    ],
)
def test_where_nothing_can_be_measured_the_reason_is_told(names: list, reason: str) -> None:
    dataset = audited(names, manufacturer=[f"m{i % 2}" for i in range(len(names))])
    assert confounders.search(dataset).undefined == reason


def test_one_patient_is_too_few() -> None:
    dataset = audited(["a", "b"] * 10, ["p"] * 20)
    assert confounders.search(dataset).undefined


def test_fields_of_one_value_are_told_apart() -> None:
    found = confounders.search(audited(["a", "b"] * 20))
    assert found.constant["modality"] == "CT"
    assert found.constant["size"] == "48 x 64"
    assert "modality" not in {one.field for one in found.found}


def test_of_many_examples_a_draw_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confounders, "MOST_ROWS", 200)
    names = ["rare"] * 60 + ["usual"] * 5000
    dataset = audited(names, manufacturer=["A"] * 60 + ["B"] * 5000)
    found = confounders.search(dataset)
    assert found.examples == 200
    assert found.found[0].auroc == 1.0


def test_contrast_of_ct_is_told_by_the_encoding(shared_data) -> None:
    from tfmed import data
    from tfmed.data.auditing import audit

    folder = shared_data / "ct_contrast_dicom"
    listed = data.open(
        folder / "dicom_dir",
        table=folder / "overview.csv",
        path_column="dicom_name",
        label_columns=("Contrast",),
    )
    found = of(audit(listed), "transfer_syntax")
    assert found.low > 0.5
