"""Weights under deep supervision, worked by hand."""

from __future__ import annotations

import pytest

from tfmed.losses import supervision_weights


@pytest.mark.parametrize(
    ("levels", "expected"),
    [(1, (1,)), (2, (1, 0)), (3, (2 / 3, 1 / 3, 0)), (4, (4 / 7, 2 / 7, 1 / 7, 0))],
)
def test_weights_halve_with_depth_and_spare_the_lowest(levels: int, expected: tuple) -> None:
    assert supervision_weights(levels) == pytest.approx(expected)
