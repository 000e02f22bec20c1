"""One normalisation in NumPy and in the graph, for whole cases and for parts of them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.normalisation import Normalisation, normalise

CT = Normalisation("ct", window=(-100.0, 300.0), mean=80.0, std=40.0)
UNIT = Normalisation("unit", window=(0.0, 255.0))
ZSCORE = Normalisation("zscore")
NONZERO = Normalisation("zscore", nonzero=True)
CLIPPED = Normalisation("zscore", window=(0.0, 500.0))
PERCENTILES = Normalisation("percentiles", mean=0.5, std=0.25)
CHANNELS = Normalisation("unit", (0.0, 255.0), mean=(0.4, 0.6), std=(0.2, 0.3))
ALL = [CT, UNIT, ZSCORE, NONZERO, CLIPPED, PERCENTILES, CHANNELS]


def cases(seed: int = 0) -> np.ndarray:
    """Two volumes of other mean and spread, each with a frame of zeros."""
    draw = np.random.default_rng(seed)
    images = draw.normal([[[[[100.0]]]], [[[[900.0]]]]], 200.0, (2, 6, 20, 18, 2))
    images[:, :, :4] = 0
    return images.astype(np.float32)


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_numpy_and_the_graph_give_equal_numbers(rule: Normalisation) -> None:
    images = cases()
    expected = np.stack([rule.apply(image) for image in images])
    whole = tf.function(lambda x: normalise(x, rule), autograph=False)(images)
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    mean, std = np.transpose([rule.statistics(image) for image in images]).astype(np.float32)
    part = normalise(tf.constant(images[:, 2:4, 3:9]), rule, (tf.constant(mean), tf.constant(std)))
    np.testing.assert_allclose(part, expected[:, 2:4, 3:9], atol=1e-5)


def test_ct_is_clipped_and_standardised_by_fixed_numbers() -> None:
    pixels = np.array([-1000.0, 80.0, 120.0, 3000.0]).reshape(2, 2, 1)
    np.testing.assert_allclose(CT.apply(pixels).ravel(), [-4.5, 0.0, 1.0, 5.5], rtol=1e-6)


def test_unit_makes_the_window_0_to_1() -> None:
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 3, 1)
    np.testing.assert_allclose(UNIT.apply(pixels).ravel(), [0.0, 0.2, 1.0], rtol=1e-6)


def test_zscore_has_mean_0_and_deviation_1() -> None:
    for image in cases():
        found = ZSCORE.apply(image)
        assert found.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
        assert found.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)


def test_zeros_are_left_out_and_stay_zero() -> None:
    image = cases()[1]
    found = NONZERO.apply(image)
    assert not found[:, :4].any()
    inside = found[:, 4:]
    assert inside.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert inside.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("rule", [ZSCORE, NONZERO], ids=repr)
@pytest.mark.parametrize("value", [0.0, 1e-3, 3e4])
def test_a_flat_image_is_not_blown_up(rule: Normalisation, value: float) -> None:
    image = np.full((5, 300, 301, 1), value, np.float32)
    assert np.abs(rule.apply(image)).max() < 0.1
    assert np.abs(normalise(tf.constant(image[None]), rule)).max() < 0.1


def test_a_large_volume_keeps_its_precision() -> None:
    image = np.random.default_rng(1).normal(30000, 20, (40, 256, 256, 1)).astype(np.float32)
    found = normalise(tf.constant(image[None]), ZSCORE)[0]
    np.testing.assert_allclose(found, ZSCORE.apply(image), atol=2e-4)


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_plain_values_bring_it_back(rule: Normalisation) -> None:
    assert Normalisation.from_dict(rule.to_dict()) == rule


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "z-score"}, "ct, unit, zscore"),
        ({"kind": "unit"}, "needs the window"),
        ({"kind": "ct", "window": (3.0, 3.0)}, "low < high"),
        ({"kind": "ct", "std": 0.0}, "above 0"),
        ({"kind": "ct", "mean": (1.0, 2.0)}, "one mean and std"),
        ({"kind": "percentiles", "window": (0.0, 1.0)}, "has no window"),
        ({"kind": "ct", "nonzero": True}, "belongs to 'zscore'"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Normalisation(**settings)  # type: ignore[arg-type]
