"""Windows cover an image evenly, and their weights are nnU-Net's and MONAI's Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
from recorded import Case, answers, cases_of
from scipy import ndimage

from tfmed.errors import ConfigError
from tfmed.inference.windows import gaussian, grid


def test_windows_lie_evenly_from_edge_to_edge() -> None:
    assert grid([10, 8], [4, 8], 0.5).starts == ((0, 2, 4, 6), (0,))
    assert grid([11], [4], 0.5).starts == ((0, 2, 4, 5, 7),)
    assert grid([11], [4], 0.0).starts == ((0, 4, 7),)
    assert grid([3], [1], 0.5).starts == ((0, 1, 2),)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.9])
def test_neighbours_overlap_at_least_as_asked_and_no_voxel_is_left_out(overlap: float) -> None:
    for length in range(7, 40):
        (starts,) = grid([length], [7], overlap).starts
        assert starts[0] == 0
        assert starts[-1] == length - 7
        steps = np.diff(starts)
        assert (steps > 0).all()
        assert (steps <= max(1, int(7 * (1 - overlap)))).all()


def test_the_first_axis_ascends_slowest() -> None:
    windows = grid([4, 4], [2, 2], 0.5)
    assert list(windows)[:4] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert len(windows) == len(list(windows)) == 9


def test_totals_are_the_sum_of_all_windows() -> None:
    windows = grid([11, 6], [4, 6], 0.5)
    total = np.zeros((11, 6))
    for row, column in windows:
        total[row : row + 4, column : column + 6] += np.outer(*windows.weights)
    np.testing.assert_allclose(np.outer(*windows.totals), total, rtol=1e-6)


def test_weights_are_those_of_a_filtered_point() -> None:
    # As nnU-Net makes them: a point in the middle, blurred by an eighth of the length.
    point = np.zeros(65)
    point[32] = 1
    blurred = ndimage.gaussian_filter(point, 65 / 8, mode="constant", truncate=8)
    np.testing.assert_allclose(gaussian(65), blurred / blurred.max(), atol=1e-6)


@pytest.mark.parametrize("case", cases_of("window weights of MONAI"))
def test_weights_are_those_of_monai(case: Case) -> None:
    expected = answers("window weights of MONAI", case)["weights"]
    # Its weights never fall below 1e-3.
    found = np.maximum(gaussian(case["length"]), 1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_wrong_windows_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"overlap must be at least 0 and below 1, not 1"):
        grid([4], [4], 1)
    with pytest.raises(ConfigError, match="a window of"):
        grid([4], [5])
