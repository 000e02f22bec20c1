"""The boundary loss and its distance maps, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.losses import boundary, signed_distances

LABELS = np.zeros((4, 5), np.int32)
LABELS[:, 2:] = 1


def test_distances_are_in_mm_and_below_0_inside() -> None:
    maps = signed_distances(LABELS, 2, (9.0, 0.5))
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps[1, :, 1], [1.0, 0.5, -0.5, -1.0, -1.5])
    np.testing.assert_allclose(maps[..., 0], -maps[..., 1])


def test_a_class_without_an_outline_has_no_distances() -> None:
    assert not signed_distances(np.zeros((3, 4, 5), np.uint8), 3).any()


def test_voxels_of_unknown_label_have_unknown_distances_and_no_gradient() -> None:
    labels = LABELS.copy()
    labels[0, 0] = -1
    maps = signed_distances(labels, 2)
    assert np.isnan(maps[0, 0]).all()
    assert np.isfinite(maps).sum() == maps.size - 2
    logits = np.zeros((1, 4, 5, 2), np.float32)
    known = np.nansum(maps[..., 1]) * 0.5 / 20
    assert float(boundary(maps[None], logits)[0]) == pytest.approx(known)


def test_boundary_is_that_worked_by_hand() -> None:
    maps = signed_distances(LABELS, 2)[None]
    # Everything is called 1: columns 2 and 1 outside, 1, 2 and 3 inside.
    everything = np.full((1, 4, 5, 2), [-50, 50], np.float32)
    assert float(boundary(maps, everything)[0]) == pytest.approx((2 + 1 - 1 - 2 - 3) / 5)
    right = 50 * np.eye(2, dtype=np.float32)[LABELS][None]
    assert float(boundary(maps, right)[0]) == pytest.approx(-6 / 5)
    moved = np.roll(right, 1, axis=2)
    assert float(boundary(maps, moved)[0]) > -6 / 5
