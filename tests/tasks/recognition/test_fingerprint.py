"""The training part in numbers, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from planning.tables import part

from tfmed.errors import DataError
from tfmed.tasks.recognition.fingerprint import fingerprint


def test_it_holds_medians_of_sizes_and_percentiles() -> None:
    seen = fingerprint(
        part("aab", height=[10, 30, 20], width=[8, 8, 40], p005=[1, 5, 2], p995=[90, 60, 70])
    )
    assert (seen.examples, seen.size) == (3, (20, 8))
    assert (seen.low, seen.high) == (2, 70)


def test_spread_is_that_of_all_pixels_together() -> None:
    pixels = [np.array([0.0, 2.0, 4.0, 6.0]), np.array([10.0, 10.0, 14.0, 14.0])]
    means, stds = [one.mean() for one in pixels], [one.std() for one in pixels]
    seen = fingerprint(part("ab", mean=means, std=stds))
    assert seen.mean == pytest.approx(np.concatenate(pixels).mean())
    assert seen.std == pytest.approx(np.concatenate(pixels).std())


def test_one_colour_image_makes_it_colour_and_one_deep_image_deep() -> None:
    seen = fingerprint(part("ab", channels=[1, 3], bits=[8, 12]))
    assert (seen.channels, seen.bits) == (3, 12)


def test_three_equal_channels_are_grey() -> None:
    assert fingerprint(part("ab", channels=3, coloured=False)).channels == 1
    assert fingerprint(part("ab", channels=3, coloured=[False, True])).channels == 3


def test_modality_and_units_are_those_that_all_share() -> None:
    assert fingerprint(part("ab", modality="CT", units="HU")).units == "HU"
    mixed = fingerprint(part("ab", modality=["CT", "MR"], units=["HU", None]))
    assert (mixed.modality, mixed.units) == ("", "")


def test_volumes_have_three_axes() -> None:
    assert fingerprint(part("ab", depth=[30, 50])).size == (40, 28, 28)


def test_an_empty_part_is_named() -> None:
    whole = part("ab")
    with pytest.raises(DataError, match="training part is empty"):
        fingerprint(whole.part("val"))
