"""Parts and folds: by patient, stratified, without leakage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmed import data
from tfmed.data import auditing
from tfmed.data.dataset import Dataset, index
from tfmed.data.parts import assign, folds
from tfmed.errors import ConfigError, DataError, LeakageError


def dataset(
    labels: list[str | None],
    patients: list[str] | None = None,
    parts: list[str] | None = None,
    digests: list[str] | None = None,
) -> Dataset:
    ids = [f"image{number}" for number in range(len(labels))]
    columns = {
        "id": ids,
        "path": ids,
        "label": labels,
        "patient": patients or ids,
        "patient_known": [patients is not None] * len(ids),
        "split": parts or [""] * len(ids),
    }
    table = index(columns).assign(digest=digests or ids)
    return Dataset(table, tuple(sorted({name for name in labels if name})), "made")


def parts_of(made: Dataset) -> dict[str, int]:
    return made.table["split"].value_counts().to_dict()


def assert_no_group_is_parted(made: Dataset) -> None:
    rows = made.table[made.table["split"] != ""]
    for column in ("patient", "digest"):
        assert rows.groupby(column)["split"].nunique().max() == 1


# Label, patient and content. Each class has six patients of its own, so that every table can be
# split; what is drawn beside them is held together by patients of several classes and by equal
# images.
OWN = [("xyz"[number % 3], 100 + number, 100 + number) for number in range(18)]
tables = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 40), st.integers(0, 60)), max_size=100
).map(lambda rows: rows + OWN)


@given(tables, st.integers(0, 5))
def test_no_patient_and_no_equal_image_is_in_two_parts(rows, seed) -> None:
    one_label = {digest: label for label, _, digest in rows}  # equal images, equal labels
    made = dataset(
        [one_label[digest] for _, _, digest in rows],
        [f"P{patient}" for _, patient, _ in rows],
        digests=[str(digest) for _, _, digest in rows],
    )
    whole = assign(made, seed=seed)
    assert_no_group_is_parted(whole)
    assert set(whole.table["split"]) == {"train", "val", "test"}
    for part in ("train", "val", "test"):
        assert set(whole.part(part).table["label"]) == set(made.classes)
    assert list(whole.table["split"]) == list(assign(made, seed=seed).table["split"])


@given(tables, st.integers(2, 4))
def test_every_example_is_held_out_once_and_no_fold_parts_a_patient(rows, k) -> None:
    made = dataset([label for label, _, _ in rows], [f"P{patient}" for _, patient, _ in rows])
    several = folds(made, k, seed=1)
    assert len(several) == k
    held = pd.concat([fold.part("test").table["id"] for fold in several])
    assert sorted(held) == sorted(made.table["id"])
    for fold in several:
        assert_no_group_is_parted(fold)
        assert set(fold.part("train").table["label"]) == set(made.classes)


def test_shares_and_classes_are_kept() -> None:
    whole = assign(dataset(["no"] * 600 + ["yes"] * 400), seed=4)
    assert parts_of(whole) == {"train": 700, "val": 150, "test": 150}
    for part, count in (("train", 280), ("val", 60), ("test", 60)):
        assert (whole.part(part).table["label"] == "yes").sum() == count
    said = whole.facts["split"]
    assert said["how"] == "split by patient, stratified by class, seed 4"
    assert said["parts"]["val"] == {
        "examples": 150,
        "patients": 150,
        "classes": {"no": 90, "yes": 60},
    }


def test_another_seed_is_another_split() -> None:
    made = dataset(["no", "yes"] * 50)
    assert list(assign(made, seed=0).table["split"]) != list(assign(made, seed=1).table["split"])


def test_fractions_may_leave_out_a_part() -> None:
    assert parts_of(assign(dataset(["no", "yes"] * 50), (0.8, 0.2, 0.0))) == {
        "train": 80,
        "val": 20,
    }


@pytest.mark.parametrize(
    "fractions", [(0.7, 0.2), (0.7, 0.2, 0.2), (1.2, -0.1, -0.1), (0, 0.5, 0.5)]
)
def test_fractions_that_do_not_sum_to_one_are_refused(fractions) -> None:
    with pytest.raises(ConfigError, match="sum to 1"):
        assign(dataset(["no", "yes"] * 50), fractions)


def test_an_own_split_is_kept() -> None:
    parts = ["train"] * 10 + ["val"] * 4 + ["test"] * 6
    whole = assign(dataset(["no", "yes"] * 10, parts=parts))
    assert list(whole.table["split"]) == parts
    assert whole.facts["split"]["how"] == "the source's own split was kept"


def test_a_missing_validation_part_is_taken_off_train_by_patient() -> None:
    patients = [f"P{number // 2}" for number in range(320)]
    parts = ["train"] * 240 + ["test"] * 80
    whole = assign(dataset((["no"] * 2 + ["yes"] * 2) * 80, patients, parts))
    assert parts_of(whole) == {"train": 204, "val": 36, "test": 80}
    assert list(whole.table["split"][240:]) == parts[240:]
    assert_no_group_is_parted(whole)
    assert "val was taken off train" in whole.facts["split"]["how"]


def test_a_test_part_without_labels_is_only_predicted_and_another_is_made() -> None:
    parts = ["train"] * 200 + ["test"] * 10
    whole = assign(dataset([*["no", "yes"] * 100, *[None] * 10], parts=parts))
    assert parts_of(whole) == {"train": 140, "val": 30, "test": 30, "": 10}
    assert set(whole.table["split"][200:]) == {""}
    assert "10 examples without a label are only predicted" in whole.facts["split"]["how"]


def test_a_class_with_one_patient_is_named_with_what_to_do() -> None:
    made = dataset(["no"] * 9 + ["rare"] * 4, [f"P{n}" for n in range(9)] + ["Q"] * 4)
    with pytest.raises(
        DataError, match=r"class 'rare' has 1 patient .*at least 3.*--positive"
    ) as caught:
        assign(made)
    assert "Q" not in str(caught.value), "a patient's identifier is in the message"


def test_a_class_with_two_images_is_counted_in_examples() -> None:
    with pytest.raises(DataError, match="class 'rare' has 2 examples"):
        assign(dataset(["no"] * 9 + ["rare"] * 2))


def test_one_class_and_no_labels_cannot_be_split() -> None:
    with pytest.raises(DataError, match="one class, 'no'"):
        assign(dataset(["no"] * 9))
    with pytest.raises(DataError, match="has no labels"):
        assign(dataset([None] * 9))


def test_a_source_without_a_training_part_cannot_be_split() -> None:
    with pytest.raises(DataError, match="but no train"):
        assign(dataset(["no", "yes"] * 3, parts=["test"] * 6))


def test_a_class_that_is_not_in_the_own_training_part_is_named() -> None:
    parts = ["train", "train", "val", "test"]
    with pytest.raises(DataError, match="the training part has no example of 'yes'"):
        assign(dataset(["no", "no", "yes", "yes"], parts=parts))


def test_images_that_come_again_leave_the_earlier_part() -> None:
    made = dataset(
        ["no", "yes"] * 5,
        parts=["train"] * 6 + ["val"] * 2 + ["test"] * 2,
        digests=["v", "a", "a2", "a", "t", "b", "v", "t2", "t", "t2"],
    )
    # image0 equals image6 of val, image4 equals image8 of test, image7 of val image9 of test;
    # image1 and image3 are equal inside train and stay.
    whole = assign(made)
    assert list(whole.table["id"]) == [f"image{n}" for n in (1, 2, 3, 5, 6, 8, 9)]
    assert whole.rejects["reason"].tolist() == [
        "equals an image of val; left out of train",
        "equals an image of test; left out of train",
        "equals an image of test; left out of val",
    ]
    assert whole.facts["duplicates"]["left_out"] == 3
    assert whole.facts["duplicates"]["groups"] == 4


def test_equal_images_with_two_labels_are_leakage() -> None:
    made = dataset(["no", "yes"] * 10, digests=["same", "same", *map(str, range(18))])
    with pytest.raises(LeakageError, match=r"image0 is 'no', the equal image1 is 'yes'"):
        assign(made)
    assert_no_group_is_parted(assign(made, allow_leakage=True))


def test_a_patient_in_two_own_parts_is_leakage_without_the_patients_name() -> None:
    patients = ["DOE", *[f"P{n}" for n in range(8)], "DOE"]
    made = dataset(["no", "yes"] * 5, patients, ["train"] * 6 + ["val"] * 2 + ["test"] * 2)
    with pytest.raises(LeakageError, match="1 patients stand in two parts") as caught:
        assign(made)
    assert "DOE" not in str(caught.value)
    assert len(assign(made, allow_leakage=True)) == 10


def test_folds_leave_an_own_test_part_out_and_stop_on_another_part_than_the_held_one() -> None:
    parts = ["train"] * 60 + ["val"] * 12 + ["test"] * 8
    made = dataset(["no", "yes"] * 40, [f"P{n // 2}" for n in range(80)], parts)
    with pytest.raises(LeakageError):
        folds(made.with_table(made.table.assign(patient="P")), 3)
    several = folds(made, 3)
    for fold in several:
        assert len(fold) == 72
        assert set(fold.table["split"]) == {"train", "val", "test"}
        share = len(fold.part("val")) / (len(fold) - len(fold.part("test")))
        assert 0.15 <= share <= 0.21
    assert len({tuple(fold.part("test").table["id"]) for fold in several}) == 3


def test_folds_are_the_same_for_one_seed() -> None:
    made = dataset(["no", "yes"] * 20)
    for one, two in zip(folds(made, 3, seed=5), folds(made, 3, seed=5), strict=True):
        assert list(one.table["split"]) == list(two.table["split"])


@pytest.mark.parametrize(
    ("k", "error", "message"), [(1, ConfigError, "2 or more"), (5, DataError, "'yes' has 4")]
)
def test_too_few_folds_or_patients_are_an_error(k, error, message) -> None:
    with pytest.raises(error, match=message):
        folds(dataset(["no"] * 20 + ["yes"] * 4), k)


def test_several_labels_are_stratified_too() -> None:
    generator = np.random.default_rng(0)
    labels = [
        "|".join(np.array(["a", "b", "c"])[generator.random(3) < [0.5, 0.2, 0.05]])
        for _ in range(600)
    ]
    made = Dataset(dataset(labels).table, ("a", "b", "c"), "made", multi_label=True)
    whole = assign(made)
    for name in "abc":
        has = whole.table["label"].str.split("|").map(lambda names, name=name: name in names)
        shares = whole.table["split"][has].value_counts(normalize=True)
        assert shares["val"] == pytest.approx(0.15, abs=0.05)


def test_the_real_pneumoniamnist_loses_the_images_that_are_in_two_parts(shared_data: Path) -> None:
    path = shared_data / "pneumoniamnist" / "pneumoniamnist.npz"
    arrays = np.load(path)
    val = {image.tobytes() for image in arrays["val_images"]}
    twins = [
        f"train/{i:06d}" for i, image in enumerate(arrays["train_images"]) if image.tobytes() in val
    ]
    whole = assign(auditing.audit(data.open(path)))
    # 8 images of val stand in train, two of them twice: 10 training rows leave.
    assert len(twins) == whole.facts["duplicates"]["left_out"] == len(whole.rejects) == 10
    assert not set(twins) & set(whole.table["id"])
    assert parts_of(whole) == {"train": 4698, "val": 524, "test": 624}
