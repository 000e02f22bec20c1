"""Soft skeletons and clDice against hand calculation and MONAI."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from recorded import Case, answers, cases_of, labels_and_logits

from tfmed.losses import cl_dice, dice, dice_cl_dice
from tfmed.losses.lines import soft_skeleton

SURE = 50.0


def bar(*boxes: tuple[slice, ...], shape: tuple[int, ...] = (9, 15)) -> np.ndarray:
    labels = np.zeros((1, *shape), np.int32)
    for box in boxes:
        labels[(0, *box)] = 1
    return labels


def sure(labels: np.ndarray) -> np.ndarray:
    return SURE * np.eye(2, dtype=np.float32)[labels]


def test_the_skeleton_of_a_bar_of_three_rows_is_its_middle_row() -> None:
    mask = bar(np.s_[3:6, 2:13])[..., None].astype(np.float32)
    skeleton = soft_skeleton(tf.constant(mask), 3).numpy()[0, ..., 0]
    expected = np.zeros((9, 15))
    expected[4, 3:12] = 1
    # Erosion and dilation rebuild neither the ends nor more than the rows beside the middle.
    np.testing.assert_array_equal(skeleton[4], expected[4])
    assert not skeleton[[0, 1, 2, 6, 7, 8]].any()


def test_a_line_of_one_voxel_is_its_own_skeleton() -> None:
    mask = np.zeros((1, 7, 7, 7, 1), np.float32)
    mask[0, 3, 3, 1:6] = 1
    np.testing.assert_array_equal(soft_skeleton(tf.constant(mask), 2), mask)


def test_cl_dice_of_a_torn_line_is_that_worked_by_hand() -> None:
    # Nine pixels in a row are true and six of them found: of the found line all lies inside,
    # of the true line 6 of 9; with 1 above and below, 1 and 0.7.
    truth, found = bar(np.s_[4, 3:12]), bar(np.s_[4, 3:6], np.s_[4, 9:12])
    value = float(cl_dice(truth, sure(found))[0])
    assert value == pytest.approx(1 - 2 * 0.7 / 1.7, abs=1e-5)
    both = float(dice_cl_dice(truth, sure(found), share=0.4)[0])
    expected = 0.6 * float(dice(truth, sure(found))[0]) + 0.4 * value
    assert both == pytest.approx(expected, abs=1e-6)


def test_cl_dice_is_blind_to_the_width_of_a_tube() -> None:
    truth, found = bar(np.s_[3:6, 2:13]), bar(np.s_[2:7, 1:14])
    assert float(cl_dice(truth, sure(found))[0]) == pytest.approx(0, abs=1e-5)
    assert float(dice(truth, sure(found))[0]) > 0.3


@pytest.mark.parametrize("case", cases_of("clDice of MONAI"))
def test_cl_dice_is_that_of_monai(case: Case) -> None:
    labels, logits = labels_and_logits(case["seed"], case["shape"], case["classes"])
    expected = answers("clDice of MONAI", case, labels, logits)["cl_dice"]
    np.testing.assert_allclose(cl_dice(labels, logits), expected, atol=1e-6)
