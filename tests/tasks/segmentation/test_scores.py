"""Scores of masks that were drawn by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tfmed.errors import DataError
from tfmed.run import Run
from tfmed.tasks import Segmentation

CLASSES = ("background", "liver", "spleen")
TASK = Segmentation(CLASSES)


def box(shape: tuple[int, ...], *boxes: tuple[int, tuple[slice, ...]]) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    for label, where in boxes:
        labels[where] = label
    return labels


def table(rows: list[dict], patients: list[str] | None = None) -> pd.DataFrame:
    names = [str(i) for i in range(len(rows))]
    head = {"id": names, "patient": patients or names, "split": "test"}
    return pd.concat([pd.DataFrame(head), pd.DataFrame(rows)], axis=1)


LIVER = box((4, 4), (1, np.s_[:2, :2]))
BOTH = box((4, 4), (1, np.s_[:2, :2]), (2, np.s_[3:, 3:]))


def test_a_case_has_the_scores_of_a_hand_calculation() -> None:
    truth = box((4, 4, 4), (1, np.s_[:2, :2, :2]))
    found = box((4, 4, 4), (1, np.s_[:2, :2, :1]))
    row = TASK.case_scores(truth, found, (2.0, 1.0, 1.0))
    assert row["dice_liver"] == pytest.approx(2 * 4 / 12)
    assert row["iou_liver"] == pytest.approx(4 / 8)
    assert row["volume_mm3_liver"] == 4 * 2
    assert row["true_volume_mm3_liver"] == 8 * 2
    assert row["hd95_mm_liver"] == pytest.approx(1.0)
    assert row["dice_background"] == pytest.approx(2 * 56 / (56 + 60))
    assert row["iou_background"] == pytest.approx(56 / 60)
    assert np.isnan(row["dice_spleen"])
    assert row["true_volume_mm3_spleen"] == 0
    assert not any(name.endswith("hd95_mm_background") for name in row)


def test_a_missed_or_invented_structure_has_the_worst_scores() -> None:
    for truth, found in ((BOTH, LIVER), (LIVER, BOTH)):
        row = TASK.case_scores(truth, found, (0.5, 2.0))
        assert (row["dice_spleen"], row["iou_spleen"], row["nsd_spleen"]) == (0, 0, 0)
        assert row["hd95_mm_spleen"] == pytest.approx(np.hypot(4 * 0.5, 4 * 2.0))
        assert row["area_mm2_spleen"] + row["true_area_mm2_spleen"] == 1.0


def test_without_spacing_units_are_pixels() -> None:
    row = TASK.case_scores(BOTH, LIVER)
    assert row["hd95_px_spleen"] == pytest.approx(np.hypot(4, 4))
    assert row["true_area_px2_spleen"] == 1
    assert "hd95_mm_spleen" not in row
    assert "hd95_px" in TASK.score(table([row]), resamples=0)["metrics"]


def test_without_truth_there_are_volumes_alone() -> None:
    row = TASK.case_scores(None, LIVER)
    assert row == {"area_px2_liver": 4, "area_px2_spleen": 0}


def test_the_mean_is_over_structures_of_means_over_cases() -> None:
    half = box((4, 4), (1, np.s_[:2, :1]))
    rows = [TASK.case_scores(BOTH, BOTH), TASK.case_scores(LIVER, half)]
    scores = TASK.score(table(rows), resamples=0)
    liver = (1 + 2 * 2 / 6) / 2
    assert scores["per_class"]["liver"]["dice"]["value"] == pytest.approx(liver)
    # The spleen is absent from the second case, whose Dice is then not in the mean.
    assert scores["per_class"]["spleen"]["dice"]["value"] == 1
    assert scores["metrics"]["dice"]["value"] == pytest.approx((liver + 1) / 2)
    counted = {"examples": 1, "missed": 0, "invented": 0, "absent": 1}
    assert counted.items() <= scores["per_class"]["spleen"].items()
    assert scores["per_class"]["liver"]["volume_bias"]["value"] == pytest.approx((0 - 2) / 2)
    assert scores["metrics"]["volume_difference"]["value"] == pytest.approx((1 + 0) / 2)
    assert scores["size_unit"] == "px2"


def test_a_miss_stays_in_the_mean() -> None:
    rows = [TASK.case_scores(BOTH, BOTH), TASK.case_scores(BOTH, LIVER)]
    spleen = TASK.score(table(rows), resamples=0)["per_class"]["spleen"]
    assert spleen["dice"]["value"] == 0.5
    assert spleen["missed"] == 1
    assert spleen["hd95_px"]["value"] == pytest.approx(np.hypot(4, 4) / 2)


def test_a_structure_that_no_case_has_is_undefined_and_in_no_mean() -> None:
    scores = TASK.score(table([TASK.case_scores(LIVER, LIVER)]), resamples=10)
    assert np.isnan(scores["per_class"]["spleen"]["dice"]["value"])
    assert scores["per_class"]["spleen"]["absent"] == 1
    assert scores["metrics"]["dice"]["value"] == 1


def test_intervals_draw_patients_with_all_their_cases() -> None:
    good, bad = TASK.case_scores(BOTH, BOTH), TASK.case_scores(BOTH, LIVER)
    # Two patients of which each has equal cases: three means can be drawn, one of them rarely
    # enough for both ends to be the extremes.
    one = TASK.score(table([good] * 5 + [bad] * 5, ["a"] * 5 + ["b"] * 5), 400)
    spleen = one["per_class"]["spleen"]["dice"]
    assert (spleen["low"], spleen["high"]) == (0, 1)
    each = TASK.score(table([good] * 5 + [bad] * 5), 400)["per_class"]["spleen"]["dice"]
    assert 0 < each["low"] < each["high"] < 1
    assert one["patients"] == 2


def test_a_patient_counts_once_however_many_cases_it_has() -> None:
    good, bad = TASK.case_scores(BOTH, BOTH), TASK.case_scores(BOTH, LIVER)
    scores = TASK.score(table([good, good, good, bad], ["a", "a", "a", "b"]), 0)
    assert scores["per_class"]["spleen"]["dice"]["value"] == 0.75
    assert scores["per_patient"]["dice"]["value"] == pytest.approx((1 + (1 + 0) / 2) / 2)


def test_where_no_patient_has_two_cases_their_mean_says_so() -> None:
    rows = [TASK.case_scores(BOTH, BOTH)] * 2
    assert "no patient" in TASK.score(table(rows), 0)["per_patient"]["undefined"]


def test_slices_of_a_stack_are_drawn_one_by_one() -> None:
    rows = [TASK.case_scores(BOTH, BOTH)] * 5 + [TASK.case_scores(BOTH, LIVER)] * 5
    scores = TASK.score(table(rows, ["block"] * 10), 400, unit="image")
    assert scores["resampled"] == "image"
    assert scores["metrics"]["dice"]["low"] < scores["metrics"]["dice"]["high"]
    assert "stack" in scores["per_patient"]["undefined"]
    with pytest.raises(DataError, match="'patient' or 'image'"):
        TASK.score(table(rows), unit="slice")


def test_cases_with_and_without_spacing_keep_their_units_apart() -> None:
    rows = [TASK.case_scores(BOTH, LIVER, (2.0, 2.0)), TASK.case_scores(BOTH, LIVER)]
    scores = TASK.score(table(rows), 0)
    spleen = scores["per_class"]["spleen"]
    assert spleen["hd95_mm"]["value"] == pytest.approx(np.hypot(8, 8))
    assert spleen["hd95_px"]["value"] == pytest.approx(np.hypot(4, 4))
    assert np.isnan(spleen["volume_difference"]["value"])
    assert scores["size_unit"] == "mm2, px2"
    assert spleen["missed"] == 2


def test_rows_without_truth_are_not_scored() -> None:
    rows = [TASK.case_scores(BOTH, BOTH), TASK.case_scores(None, LIVER)]
    assert TASK.score(table(rows), 0)["examples"] == 1
    with pytest.raises(DataError, match="no example has a true mask"):
        TASK.score(table(rows[1:]), 0)


def test_scores_survive_the_run_folder(tmp_path: Path) -> None:
    rows = [TASK.case_scores(BOTH, BOTH, (1.0, 1.0)), TASK.case_scores(LIVER, LIVER, (1.0, 1.0))]
    made, run = table([*rows, TASK.case_scores(None, LIVER, (1.0, 1.0))]), Run(tmp_path)
    run.write_table("predictions.csv", made.assign(prediction="masks/0.png"))
    assert repr(TASK.score(run.read_table("predictions.csv"), 20)) == repr(TASK.score(made, 20))
