"""Scores of masks against hand calculation, surface-distance and MONAI."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import Case, answers, cases_of, pair, spacing_of

from tfmed.errors import DataError, GeometryError
from tfmed.metrics.mask_scores import TOLERANCE_MM, scores

UNIT_SCORES = ("dice", "iou", "nsd")


def score(
    truth: np.ndarray,
    predicted: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
) -> dict[str, float]:
    return scores(truth, predicted, (1,), spacing_mm, tolerance_mm)[1]


def blank(*shape: int) -> np.ndarray:
    return np.zeros(shape, bool)


def test_two_squares_one_pixel_apart_score_as_worked_by_hand() -> None:
    truth, predicted = blank(6, 6), blank(6, 6)
    truth[2:4, 1:3] = True
    predicted[2:4, 2:4] = True
    found = score(truth, predicted, (3.0, 2.0), tolerance_mm=0.0)
    # Of the truth's outline (top and bottom 2, sides 3, four corners) the top and bottom and
    # two corners lie on the other; the sides and two corners lie a column of 2 mm away.
    corner = math.hypot(3, 2) / 2
    assert found == pytest.approx(
        {
            "dice": 0.5,
            "iou": 1 / 3,
            "nsd": (4 + 2 * corner) / (10 + 4 * corner),
            "hd95_mm": 2.0,
            "area_truth_mm2": 24.0,
            "area_predicted_mm2": 24.0,
            "area_difference_mm2": 0.0,
        }
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_single_voxels_two_apart_score_as_worked_by_hand(axis: int) -> None:
    spacing = (5.0, 3.0, 1.5)
    truth, predicted = blank(6, 6, 6), blank(6, 6, 6)
    truth[1, 1, 1] = True
    predicted[tuple(3 if of == axis else 1 for of in range(3))] = True
    found = score(truth, predicted, spacing, tolerance_mm=spacing[axis])
    # Eight equal elements at the corners: the near four are one step away, the far four two.
    assert found["hd95_mm"] == pytest.approx(2 * spacing[axis])
    assert found["nsd"] == pytest.approx(0.5)
    assert found["dice"] == found["iou"] == 0
    assert found["volume_truth_ml"] == pytest.approx(0.0225)


def test_volumes_are_in_ml_and_differ_by_predicted_less_truth() -> None:
    truth, predicted = blank(10, 10, 10), blank(10, 10, 10)
    truth[:2, :5, :5] = True
    predicted[:1, :5, :5] = True
    found = score(truth, predicted, (4.0, 2.0, 2.0))
    assert found["volume_truth_ml"] == pytest.approx(0.8)
    assert found["volume_predicted_ml"] == pytest.approx(0.4)
    assert found["volume_difference_ml"] == pytest.approx(-0.4)


@pytest.mark.parametrize("axes", [2, 3])
def test_without_a_spacing_lengths_are_in_pixels(axes: int) -> None:
    truth, predicted = pair(1, axes)
    spaced, plain = score(truth, predicted, (1.0,) * axes), score(truth, predicted)
    assert plain["hd95_px"] == spaced["hd95_mm"]
    assert plain["nsd"] == spaced["nsd"]
    kind = ("area", "volume")[axes - 2]
    assert plain[f"{kind}_truth_px{axes}"] == truth.sum()
    assert not [name for name in plain if name.endswith(("mm", "mm2", "ml"))]


@pytest.mark.parametrize("missed", [True, False])
@pytest.mark.parametrize("axes", [2, 3])
def test_a_missed_or_invented_structure_has_the_worst_scores(missed: bool, axes: int) -> None:
    mask = pair(3, axes)[0]
    masks = (mask, np.zeros_like(mask)) if missed else (np.zeros_like(mask), mask)
    spacing = (2.0, 0.5, 0.7)[:axes]
    found = score(*masks, spacing)
    assert [found[name] for name in UNIT_SCORES] == [0, 0, 0]
    lengths = [count * length for count, length in zip(mask.shape, spacing, strict=True)]
    assert found["hd95_mm"] == pytest.approx(math.hypot(*lengths))


def test_a_structure_in_neither_mask_is_undefined_and_of_no_volume() -> None:
    found = score(blank(4, 5, 6), blank(4, 5, 6), (1.0, 1.0, 1.0))
    assert all(math.isnan(found[name]) for name in (*UNIT_SCORES, "hd95_mm"))
    assert found["volume_truth_ml"] == found["volume_difference_ml"] == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">i2", "int64", "uint64"])
def test_classes_of_a_label_map_score_as_their_masks(dtype: str) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 4, (6, 9, 8)).astype(dtype)
    predicted = rng.integers(0, 4, (6, 9, 8)).astype(dtype)
    found = scores(truth, predicted, (1, 3, 9), (3.0, 1.0, 1.2))
    assert list(found) == [1, 3, 9]
    for label in (1, 3):
        assert found[label] == score(truth == label, predicted == label, (3.0, 1.0, 1.2))
    assert math.isnan(found[9]["dice"])


@pytest.mark.parametrize("case", cases_of("mask scores of surface-distance"))
def test_dice_nsd_and_hd95_are_those_of_surface_distance(case: Case) -> None:
    truth, predicted = pair(case["seed"], case["axes"], case["smooth"])
    expected = answers("mask scores of surface-distance", case, truth, predicted)
    found = score(truth, predicted, spacing_of(case), case["tolerance"])
    assert set(expected) == {"dice", "nsd", "hd95_mm"}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("case", cases_of("mask scores of MONAI"))
def test_dice_iou_and_nsd_are_those_of_monai(case: Case) -> None:
    truth, predicted = pair(case["seed"], case["axes"], case["smooth"])
    expected = answers("mask scores of MONAI", case, truth, predicted)
    found = score(truth, predicted, spacing_of(case), case["tolerance"])
    assert set(expected) == {"dice", "iou", "nsd"}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Two masks that are not empty, small, of any density, and a spacing."""
    axes = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(1, 6)] * axes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    masks = [rng.random(shape) < draw(st.floats(0.05, 0.95)) for _ in range(2)]
    for mask in masks:
        mask.flat[rng.integers(mask.size)] = True
    return *masks, draw(st.tuples(*[st.floats(0.1, 10.0)] * axes))


@settings(deadline=None, max_examples=60)
@given(cases())
def test_scores_are_symmetric_and_within_their_bounds(case: tuple) -> None:
    truth, predicted, spacing = case
    found, turned = score(*case), score(predicted, truth, spacing)
    for name in (*UNIT_SCORES, "hd95_mm"):
        assert found[name] == pytest.approx(turned[name], abs=1e-12)
    for name in UNIT_SCORES:
        assert 0 <= found[name] <= 1 + 1e-12
    assert 0 <= found["hd95_mm"] <= math.hypot(*np.multiply(truth.shape, spacing)) * (1 + 1e-12)
    assert found["iou"] == pytest.approx(found["dice"] / (2 - found["dice"]))


@settings(deadline=None, max_examples=40)
@given(cases())
def test_a_mask_is_found_perfectly_by_itself(case: tuple) -> None:
    truth, _, spacing = case
    found = score(truth, truth, spacing, tolerance_mm=0.0)
    assert [found[name] for name in (*UNIT_SCORES, "hd95_mm")] == [1, 1, 1, 0]


@settings(deadline=None, max_examples=40)
@given(cases(), st.integers(0, 5), st.integers(0, 5))
def test_scores_do_not_depend_on_where_the_structure_lies(
    case: tuple, before: int, after: int
) -> None:
    truth, predicted, spacing = case
    moved = [np.pad(mask, (before, after)) for mask in (truth, predicted)]
    assert score(*moved, spacing) == score(truth, predicted, spacing)


@pytest.mark.parametrize(
    ("truth", "predicted", "labels"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4), int), (1,)),
        (np.zeros((4, 4), int), np.zeros((4, 5), int), (1,)),
        (np.zeros(4, int), np.zeros(4, int), (1,)),
        (np.zeros((4, 4), int), np.zeros((4, 4), int), (0,)),
    ],
)
def test_what_is_no_pair_of_label_maps_is_refused(
    truth: np.ndarray, predicted: np.ndarray, labels: tuple[int, ...]
) -> None:
    with pytest.raises(DataError, match="expected"):
        scores(truth, predicted, labels)


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, float("nan")), (1.0, -2.0)])
def test_a_wrong_spacing_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError, match="expected 2 positive numbers"):
        score(blank(4, 4), blank(4, 4), spacing)
