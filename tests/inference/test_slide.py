"""Sliding windows: against MONAI's, against a plain loop, and what must change nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from inference.known import placed, pointwise, pointwise_of
from recorded import Case, answers, cases_of, noise, placed_of

from tfmed.errors import ConfigError, DataError
from tfmed.inference import Ensemble, slide
from tfmed.inference.slide import Sliding
from tfmed.inference.windows import gaussian, grid


def by_hand(image: np.ndarray, patch: tuple[int, ...], overlap: float) -> np.ndarray:
    """`slide` with `placed`, by a loop over whole arrays in float64."""
    weight = gaussian(patch[0]).astype(np.float64)
    for length in patch[1:]:
        weight = np.multiply.outer(weight, gaussian(length))
    weight = weight[..., None]
    total, answers = 0.0, 0.0
    for start in grid(image.shape[:-1], patch, overlap):
        box = tuple(slice(at, at + length) for at, length in zip(start, patch, strict=True))
        part = np.zeros((*image.shape[:-1], 1))
        part[box] = weight
        total = total + part
        answer = np.zeros((*image.shape[:-1], 2))
        answer[box] = placed_of(image[box][None])[0] * weight
        answers = answers + answer
    return answers / total


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("patch", [(6, 8, 5), (17, 8, 5), (6, 13, 11), (17, 13, 11)])
def test_windows_are_blended_as_by_hand(patch: tuple[int, ...], overlap: float) -> None:
    image = noise(17, 13, 11, 1)
    found = slide(image, [placed], patch, overlap=overlap, batch_size=4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(image, patch, overlap), atol=1e-5)


@pytest.mark.parametrize("case", cases_of("sliding windows of MONAI"))
def test_windows_are_blended_as_by_monai(case: Case) -> None:
    image = noise(*case["size"], 1)
    expected = answers("sliding windows of MONAI", case, image)["blended"]
    found = slide(image, [placed], tuple(case["patch"]))
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("patch", [(8, 8, 8), (40, 8, 8), (16, 40, 9), (64, 64, 64)])
def test_a_pointwise_network_gives_the_image_for_any_patch(patch: tuple[int, ...]) -> None:
    image = noise(21, 18, 9, 1)
    for overlap in (0.0, 0.5, 0.75):
        found = slide(image, [pointwise], patch, overlap=overlap, batch_size=5)
        assert found.shape == (21, 18, 9, 3)
        np.testing.assert_allclose(found, pointwise_of(image), atol=2e-6)


def test_the_surroundings_of_a_small_image_are_zero_on_both_sides() -> None:
    image = noise(3, 4, 5, 1)
    padded = np.pad(image, [(1, 2), (2, 2), (0, 1), (0, 0)])
    inside = slide(padded, [placed], (6, 8, 6))[1:4, 2:6, :5]
    np.testing.assert_array_equal(slide(image, [placed], (6, 8, 6)), inside)


def test_slices_are_answered_by_themselves() -> None:
    volume = noise(5, 20, 12, 1)
    found = slide(volume, [placed], (8, 12), slice_wise=True, batch_size=3)
    each = np.stack([slide(image, [placed], (8, 12)) for image in volume])
    np.testing.assert_allclose(found, each, atol=1e-6)


def test_mirrors_of_an_equivariant_network_change_nothing() -> None:
    kernel = np.ones((3, 3, 3, 1, 2), np.float32) * [0.3, -0.1]

    def symmetric(patches: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(tf.nn.conv3d(patches, tf.cast(kernel, tf.float32), [1] * 5, "SAME"))

    image = noise(14, 12, 10, 1)
    plain = slide(image, [symmetric], (8, 8, 8))
    for axes in [(0,), (1, 2), (0, 1, 2)]:
        mirrored = slide(image, [symmetric], (8, 8, 8), mirror_axes=axes)
        np.testing.assert_allclose(mirrored, plain, atol=1e-6)


def test_all_sets_of_mirror_axes_are_averaged() -> None:
    image = noise(6, 5, 4, 1)
    expected = []
    for flips in itertools.product([1, -1], repeat=2):
        flip = (slice(None, None, flips[0]), slice(None), slice(None, None, flips[1]))
        expected.append(placed_of(image[flip][None])[0][flip])
    found = slide(image, [placed], (6, 5, 4), mirror_axes=(0, 2))
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-5)


def test_networks_are_averaged() -> None:
    image = noise(12, 9, 1)

    def other(patches: tf.Tensor) -> tf.Tensor:
        return 3 * placed(patches)

    one = slide(image, [placed], (6, 6))
    np.testing.assert_allclose(slide(image, [placed, other], (6, 6)), 2 * one, rtol=1e-5)


def test_the_batch_size_changes_nothing_and_all_windows_are_told() -> None:
    image, told = noise(17, 13, 11, 1), []
    settings = {"batch_size": 4, "told": lambda *counts: told.append(counts)}
    expected = slide(image, [placed], (6, 8, 5), **settings)
    windows = len(grid((17, 13, 11), (6, 8, 5)))
    assert told == [(min(done, windows), windows) for done in range(4, windows + 4, 4)]
    for batch_size in (None, 1, 7, 1000):
        found = slide(image, [placed], (6, 8, 5), batch_size=batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_ensemble_is_traced_once_for_all_cases_and_batches() -> None:
    traces = []

    def counted(patches: tf.Tensor) -> tf.Tensor:
        traces.append(patches.shape)
        return pointwise(patches)

    networks = Ensemble([counted])
    for length in (9, 16, 30):
        slide(noise(length, 12, 10, 1), networks, (8, 8, 8), mirror_axes=(0, 1), batch_size=4)
    assert traces == [(None, 8, 8, 8, 1)]


def test_small_windows_are_answered_together_and_large_ones_alone() -> None:
    assert Sliding((64, 64)).windows_a_call == 32
    assert Sliding((64, 64), batch_size=3).windows_a_call == 3
    assert Sliding((128, 128, 128)).windows_a_call == 1


def test_wrong_settings_say_what_was_expected() -> None:
    image = noise(8, 8, 8, 1)
    with pytest.raises(ConfigError, match="patch_size must be two or three lengths"):
        slide(image, [pointwise], (8,))
    with pytest.raises(ConfigError, match=r"mirror_axes must be some of 0..2, not \(3,\)"):
        slide(image, [pointwise], (8, 8, 8), mirror_axes=(3,))
    with pytest.raises(ConfigError, match="slices are answered in patches of two axes"):
        slide(image, [pointwise], (8, 8, 8), slice_wise=True)
    with pytest.raises(ConfigError, match="batch_size must be at least 1, not 0"):
        slide(image, [pointwise], (8, 8, 8), batch_size=0)
    with pytest.raises(ConfigError, match="overlap must be at least 0 and below 1"):
        slide(image, [pointwise], (8, 8, 8), overlap=1.0)
    with pytest.raises(ConfigError, match="no network was given"):
        slide(image, [], (8, 8, 8))
    with pytest.raises(DataError, match=r"shape \(8, 8, 8, 1\) came for patches of \(8, 8\)"):
        slide(image, [pointwise], (8, 8))
