"""What pixels tell as numbers."""

from __future__ import annotations

import makers
import numpy as np
import pytest

from tfmed.data import pixel_facts as counting
from tfmed.data.pixel_facts import coloured, digest, statistics, unusable


@pytest.mark.parametrize(
    ("dtype", "low", "high", "shape"),
    [
        ("uint8", 0, 256, (13, 17, 3)),
        ("int16", -1024, 3072, (64, 65, 1)),
        ("int16", -32768, 32768, (50, 50, 1)),
        ("uint16", 0, 65536, (5, 31, 33, 1)),
        ("int32", -(2**31), 2**31, (40, 41, 1)),
        ("uint8", 3, 5, (1, 2, 1)),
    ],
)
def test_integers_are_told_as_numpy_tells_them(dtype, low, high, shape) -> None:
    image = makers.noise(shape, 5, low, high, dtype)
    found = statistics(image)
    exact = image.astype(np.float64)
    lower, upper = np.percentile(exact, (0.5, 99.5))
    expected = (exact.min(), exact.max(), lower, upper, exact.mean(), exact.std())
    assert list(found) == ["minimum", "maximum", "p005", "p995", "mean", "std"]
    assert list(found.values()) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_grey_in_three_channels_is_no_colour_and_a_tenth_of_colour_is_one() -> None:
    grey = np.repeat(makers.noise((3, 40, 50, 1), 4), 3, axis=-1)
    rounded = np.clip(grey.astype(int) + makers.noise(grey.shape, 5, -3, 4, "int16"), 0, 255)
    tinted = np.clip(grey + np.array([0, 0, 20]), 0, 255)
    logo = grey.copy()
    logo[:, :4, :5] = (255, 0, 0)
    doppler = grey.copy()
    doppler[:, :10, :20] = (255, 0, 0)
    assert [coloured(one) for one in (grey, grey[..., :1], rounded, tinted, logo)] == [False] * 5
    assert coloured(doppler)
    assert coloured(makers.noise((500, 2000, 3), 6))


def test_large_images_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    image = makers.noise((30, 31, 1), 2, -50, 900, "int16")
    whole = statistics(image)
    monkeypatch.setattr(counting, "BLOCK_VALUES", 100)
    assert statistics(image) == whole


def test_floats_are_told_as_numpy_tells_them() -> None:
    image = np.random.default_rng(0).normal(size=(20, 21, 1)).astype(np.float32)
    found = statistics(image)
    assert found["p995"] == pytest.approx(np.percentile(image, 99.5))
    assert found["std"] == pytest.approx(image.astype(float).std())


def test_one_bad_value_makes_an_image_unusable() -> None:
    image = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    assert unusable(image) == ""
    for value in (np.nan, np.inf, -np.inf):
        image[1, 1, 0] = value
        assert unusable(image) == counting.NOT_FINITE
    assert unusable(np.zeros((2, 2, 1), np.int16)) == counting.CONSTANT
    assert unusable(np.zeros((0, 2, 1), np.int16)) == counting.CONSTANT


def test_equal_values_have_one_digest_whatever_their_type() -> None:
    pixels = makers.noise((4, 5, 1))
    for dtype in ("int16", "uint16", "int32", "float32", "float64", "int64"):
        assert digest(pixels.astype(dtype)) == digest(pixels)
    assert digest(np.zeros((1, 1, 1))) == digest(-np.zeros((1, 1, 1)))


def test_other_values_or_shapes_have_another_digest() -> None:
    pixels = makers.noise((4, 5, 1))
    changed = pixels.copy()
    changed[3, 4, 0] += 1
    large = np.full((2, 1), 2**24, np.int32)
    larger = large + np.array([[0], [1]], np.int32)
    assert len({digest(pixels), digest(changed), digest(pixels.reshape(5, 4, 1))}) == 3
    assert digest(large) != digest(larger)
    halves = pixels + np.float32(0.5)
    assert digest(halves) == digest(halves.astype(np.float64))
    assert digest(halves) != digest(halves + np.float64(1e-12))
