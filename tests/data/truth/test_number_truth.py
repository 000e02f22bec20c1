"""Numbers as truth: from every source, in parts of one spread."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pandas as pd
import pytest

from tfmed import data
from tfmed.data import parts
from tfmed.data import truth as truths
from tfmed.data.dataset import Dataset, index
from tfmed.data.stored import store, stored
from tfmed.errors import ConfigError, DataError, LeakageError
from tfmed.run import Run


def dataset(numbers: list[float], patients: list[str] | None = None) -> Dataset:
    ids = [f"image{number}" for number in range(len(numbers))]
    columns = {
        "id": ids,
        "path": ids,
        "number": numbers,
        "label": [None if np.isnan(number) else str(number) for number in numbers],
        "patient": patients or ids,
        "patient_known": [patients is not None] * len(ids),
    }
    return Dataset(index(columns).assign(digest=ids), (), "made")


def table(folder: Path, cells: list[str], column: str = "label") -> Path:
    """A CSV of images with a cell each."""
    rows = []
    for number, cell in enumerate(cells):
        makers.raster(folder / f"{number}.png", makers.noise((4, 4), seed=number))
        rows.append({"file": f"{number}.png", column: cell})
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def test_a_table_gives_numbers_with_their_text(tmp_path: Path) -> None:
    made = data.open(table(tmp_path, ["2.50", "-1", "1e2", "7.0"], "age"), truth="number",
                     label_columns=("age",))  # fmt: skip
    assert made.table["number"].tolist() == [2.5, -1.0, 100.0, 7.0]
    assert made.table["label"].tolist() == ["2.5", "-1", "100", "7"]
    assert (made.truth, made.classes, made.multi_label) == ("number", (), False)
    assert truths.of(made).name == "number"


def test_text_that_is_no_number_is_a_reject_and_an_empty_cell_too(tmp_path: Path) -> None:
    made = data.open(table(tmp_path, ["1", "old", "inf", "", "nan", "2"]), truth="number")
    assert made.table["number"].tolist() == [1.0, 2.0]
    reasons = {Path(row.path).name: row.reason for row in made.rejects.itertuples()}
    assert reasons["1.png"] == "its label 'old' is no number"
    assert reasons["2.png"] == "its label 'inf' is no number"
    assert reasons["3.png"] == reasons["4.png"] == "label is empty in the table"


def test_a_column_of_names_is_told_from_one_of_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no label of t is a number, the first is 'a'"):
        data.open(table(tmp_path, ["a", "b"]), truth="number")


def test_a_folder_takes_its_numbers_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    path = table(tmp_path / "scans", ["3", "4", "5"]).rename(tmp_path / "t.csv")
    made = data.open(tmp_path / "scans", table=path, truth="number")
    assert made.table["number"].tolist() == [3.0, 4.0, 5.0]


def test_several_columns_of_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    makers.raster(tmp_path / "0.png", makers.noise((4, 4)))
    path.write_text("file,a,b\n0.png,1,2\n")
    with pytest.raises(ConfigError, match="numbers are one column"):
        data.open(path, truth="number", label_columns=("a", "b"))


@pytest.mark.parametrize("option", [{"positive": ("1",)}, {"classes": ("1",)}])
def test_what_numbers_do_not_have_is_refused(tmp_path: Path, option: dict[str, tuple]) -> None:
    with pytest.raises(ConfigError, match="numbers take no --"):
        data.open(table(tmp_path, ["1", "2"]), truth="number", **option)


def test_an_archive_gives_numbers(tmp_path: Path) -> None:
    images = np.stack([makers.noise((5, 5), seed=n)[..., 0] for n in range(3)])
    numbers = np.array([0.5, np.nan, -1], np.float32)
    np.savez(tmp_path / "a.npz", train_images=images, train_labels=numbers)
    made = data.open(tmp_path / "a.npz", truth="number")
    np.testing.assert_array_equal(made.table["number"], [0.5, np.nan, -1.0])
    assert list(made.answered) == [True, False, True]
    several = np.ones((3, 2), np.uint8)
    np.savez(tmp_path / "b.npz", train_images=images, train_labels=several)
    with pytest.raises(DataError, match="expected one number"):
        data.open(tmp_path / "b.npz", truth="number")


def test_a_class_folder_may_be_a_number(tmp_path: Path) -> None:
    makers.class_folders(tmp_path, ("1", "10", "2"), count=2)
    made = data.open(tmp_path, truth="number")
    assert sorted(made.table["number"]) == [1, 1, 2, 2, 10, 10]


def test_parts_have_the_same_spread_and_patients_stay_together() -> None:
    generator = np.random.default_rng(0)
    numbers = generator.exponential(10, 1000).round(3).tolist()
    whole = parts.assign(dataset(numbers, [f"P{n // 2}" for n in range(1000)]), seed=3)
    assert whole.table.groupby("patient")["split"].nunique().max() == 1
    assert whole.facts["split"]["how"] == "split by patient, stratified by number, seed 3"
    fifths = np.quantile(numbers, [0.2, 0.4, 0.6, 0.8])
    shares = {"train": 0.7, "val": 0.15, "test": 0.15}
    for part, share in shares.items():
        rows = whole.part(part).table["number"]
        assert len(rows) / 1000 == pytest.approx(share, abs=0.01)
        held = np.bincount(np.searchsorted(fifths, rows, side="right"), minlength=5)
        np.testing.assert_allclose(held / len(rows), 0.2, atol=0.02)


def test_folds_hold_every_number_out_once() -> None:
    made = dataset([float(n) for n in range(40)])
    held = [fold.part("test").table["number"] for fold in parts.folds(made, 4)]
    assert sorted(pd.concat(held)) == sorted(made.table["number"])
    assert all(abs(fold.mean() - 19.5) < 4 for fold in held)


def test_few_numbers_still_fill_every_part() -> None:
    whole = parts.assign(dataset([1.0, 2.0, 3.0]))
    assert set(whole.table["split"]) == {"train", "val", "test"}
    with pytest.raises(DataError, match=r"made has 2 examples .* need at least 3\. Add examples$"):
        parts.assign(dataset([1.0, 2.0]))


def test_unknown_numbers_are_only_predicted() -> None:
    whole = parts.assign(dataset([*map(float, range(20)), np.nan]))
    assert whole.table["split"].iloc[-1] == ""
    assert "1 examples without a number are only predicted" in whole.facts["split"]["how"]


def test_nothing_is_learned_from_no_number_and_from_one_alone() -> None:
    with pytest.raises(DataError, match="has no numbers: expected a table"):
        parts.assign(dataset([np.nan, np.nan]))
    with pytest.raises(DataError, match="all 3 numbers of made are 4"):
        parts.assign(dataset([4.0, 4.0, 4.0, np.nan]))


def test_equal_images_with_different_numbers_are_leakage() -> None:
    made = dataset([*map(float, range(10))])
    same = made.table["digest"].where(made.table.index > 1, "same")
    with pytest.raises(LeakageError, match=r"'0\.0', the equal image1 is '1\.0'"):
        parts.assign(made.with_table(made.table.assign(digest=same)))


def test_the_python_way_and_a_run_keep_numbers(tmp_path: Path) -> None:
    made = data.open(table(tmp_path, [str(n) for n in range(12)]), truth="number")
    train, valid, test = data.split(made, (0.5, 0.25, 0.25))
    assert len(train) + len(valid) + len(test) == 12 and min(len(valid), len(test)) >= 3
    assert (train.table["digest"] != "").all(), "it was not audited first"
    store(Run(tmp_path / "run"), train)
    again = stored(Run(tmp_path / "run"))
    assert again.truth == "number"
    pd.testing.assert_series_equal(again.table["number"], train.table["number"])
