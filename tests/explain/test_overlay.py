"""The drawing of a heat map over its image."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Picture

from tfmed.explain import display, overlay, peak_slice
from tfmed.explain.overlay import as_radiologists_look


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Picture.open(io.BytesIO(png)).convert("RGB")).astype(int)


def panes(png: bytes) -> tuple[np.ndarray, np.ndarray]:
    drawn = pixels(png)
    width = (drawn.shape[1] - 6) // 2
    return drawn[:, :width], drawn[:, -width:]


def test_small_images_are_enlarged_and_large_ones_bounded() -> None:
    small = pixels(overlay(np.zeros((28, 28)), np.zeros((28, 28), np.float32)))
    large = pixels(overlay(np.zeros((900, 600)), np.zeros((900, 600), np.float32)))
    assert small.shape == (200, 406, 3)
    assert large.shape[0] == 360 and large.shape[1] == 2 * 240 + 6


def test_without_heat_both_panes_show_the_image() -> None:
    image = np.tile(np.linspace(0, 255, 64), (64, 1))
    left, right = panes(overlay(image, np.zeros((64, 64), np.float32), window=(0, 255)))
    assert np.abs(left - right).max() <= 1


def test_heat_colours_its_place_only() -> None:
    heat = np.zeros((64, 64), np.float32)
    heat[:16, :16] = 1
    left, right = panes(overlay(np.full((64, 64), 100.0), heat, window=(0, 255)))
    assert np.abs(right[:30, :30] - left[:30, :30]).max() > 60
    assert np.abs(right[100:, 100:] - left[100:, 100:]).max() <= 1


def test_the_window_maps_its_ends_to_black_and_white() -> None:
    image = np.array([[-200.0, -100.0], [100.0, 300.0]])
    assert display(image, (-100, 100))[..., 0].tolist() == [[0, 0], [255, 255]]


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_constant_or_undefined_images_are_black(value: float) -> None:
    assert display(np.full((4, 4), value)).max() == 0


def test_colour_stays_colour() -> None:
    image = np.zeros((8, 8, 3))
    image[..., 0] = 255
    assert display(image, (0, 255))[0, 0].tolist() == [255, 0, 0]


def test_a_volume_shows_its_hottest_slice() -> None:
    heat = np.zeros((5, 8, 8), np.float32)
    heat[3, 2, 2] = 1
    volume = np.zeros((5, 8, 8, 1), np.float32)
    volume[3] = 255
    left, _ = panes(overlay(volume, heat, window=(0, 255)))
    assert peak_slice(heat) == 3 and left.min() == 255
    assert peak_slice(np.zeros((5, 8, 8))) == 2


def test_planes_of_nifti_have_front_at_the_top_and_right_at_the_left() -> None:
    plane = np.arange(6.0).reshape(2, 3, 1)
    assert as_radiologists_look(plane)[..., 0].tolist() == [[5, 4, 3], [2, 1, 0]]
    volume = np.stack([plane, 10 + plane])
    turned = as_radiologists_look(volume)[..., 0]
    assert turned[1].tolist() == [[15, 14, 13], [12, 11, 10]]
