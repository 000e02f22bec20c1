"""Heat maps: the known place lights up, and nothing else does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfmed.errors import ConfigError
from tfmed.explain import feature_layer, gradcam

L = keras.layers


def brightness(rank: int = 2, **options) -> keras.Model:
    """A hand-made network: class 1 is how bright, class 0 how dark, seen by a 3-wide mean."""
    shape = (16, 16, 1) if rank == 2 else (8, 16, 16, 1)
    conv, pool = (
        (L.Conv2D, L.GlobalAveragePooling2D)
        if rank == 2
        else (
            L.Conv3D,
            L.GlobalAveragePooling3D,
        )
    )
    given = keras.Input(shape)
    maps = conv(2, 3, strides=2, padding="same", activation="relu", name="maps")(given)
    model = keras.Model(given, L.Dense(2, name="logits")(pool()(maps)))
    kernel = np.ones((3,) * rank + (1, 2), np.float32) / 3**rank
    kernel[..., 1] *= -1
    model.get_layer("maps").set_weights([kernel, np.array([0, 0.5], np.float32)])
    model.get_layer("logits").set_weights(
        [np.array([[-1, 1], [1, -1]], np.float32), np.zeros(2, np.float32)]
    )
    return model


def corner(place: tuple[slice, ...], rank: int = 2) -> np.ndarray:
    image = np.zeros((16, 16, 1) if rank == 2 else (8, 16, 16, 1), np.float32)
    image[place] = 1
    return image[None]


@pytest.mark.parametrize("rows", [slice(0, 6), slice(10, 16)])
@pytest.mark.parametrize("columns", [slice(0, 6), slice(10, 16)])
def test_the_quadrant_with_the_evidence_lights_up(rows: slice, columns: slice) -> None:
    heat = gradcam(brightness(), corner((rows, columns)), [1])[0]
    assert heat.shape == (16, 16) and heat.dtype == np.float32
    assert heat.max() == 1 and heat.min() >= 0
    inside = heat[rows, columns].sum()
    assert inside > 0.75 * heat.sum()


def test_the_other_class_lights_up_elsewhere() -> None:
    image = corner((slice(0, 8), slice(0, 8)))
    dark = gradcam(brightness(), image, [0])[0]
    assert dark[:7, :7].max() < 0.1 and dark[10:, 10:].min() > 0.9


def test_volumes_have_heat_in_the_right_slices() -> None:
    heat = gradcam(brightness(3), corner((slice(0, 3), slice(10, 16), slice(0, 6)), 3), [1])[0]
    assert heat.shape == (8, 16, 16) and heat.max() == 1
    assert heat[:3, 10:, :6].sum() > 0.6 * heat.sum()
    assert heat[6:].max() < 0.1


def test_each_image_has_its_own_class_scale_and_batch() -> None:
    model = brightness()
    bright, dim = corner((slice(0, 6), slice(0, 6))), 0.7 * corner((slice(10, 16), slice(10, 16)))
    images = np.concatenate([bright, dim, bright])
    together = gradcam(model, images, [1, 1, 0], batch_size=2)
    for index, name in enumerate([1, 1, 0]):
        alone = gradcam(model, images[index : index + 1], [name])[0]
        np.testing.assert_allclose(together[index], alone, atol=1e-6)
    assert together[1].max() == 1


def test_a_shared_shift_of_all_logits_changes_nothing() -> None:
    # A softmax does not see it, so the map must not either.
    model, shifted = brightness(), brightness()
    weights = shifted.get_layer("logits").get_weights()
    shifted.get_layer("logits").set_weights([weights[0] + np.float32(5), weights[1]])
    image = corner((slice(0, 6), slice(0, 6)))
    np.testing.assert_allclose(gradcam(model, image, [1]), gradcam(shifted, image, [1]), atol=1e-5)
    lone = gradcam(shifted, image, [1], multi_label=True)
    assert np.abs(lone - gradcam(shifted, image, [1])).max() > 0.1


def test_a_cold_or_constant_map_is_zero_and_never_nan() -> None:
    model = brightness()
    kernel, bias = model.get_layer("maps").get_weights()
    model.get_layer("maps").set_weights([0 * kernel, bias])
    np.testing.assert_array_equal(gradcam(model, corner((slice(0, 6), slice(0, 6))), [1]), 0)
    model.get_layer("maps").set_weights([np.full_like(kernel, np.nan), bias])
    np.testing.assert_array_equal(gradcam(model, corner((slice(0, 6), slice(0, 6))), [1]), 0)


def test_no_images_give_no_maps() -> None:
    assert gradcam(brightness(), np.zeros((0, 16, 16, 1), np.float32), []).shape == (0, 16, 16)


def lenet() -> keras.Model:
    given = keras.Input((28, 28, 1))
    x = L.Conv2D(6, 5, activation="relu", name="first")(given)
    x = L.MaxPooling2D()(x)
    x = L.Conv2D(16, 5, activation="relu", name="second")(x)
    x = L.MaxPooling2D()(x)
    x = L.Dense(10, activation="relu")(L.Flatten()(x))
    return keras.Model(given, L.Dense(3, name="logits")(x))


def test_the_last_convolution_of_a_flattening_network_is_found() -> None:
    model = lenet()
    assert feature_layer(model).name == "second"
    images = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype(np.float32)
    heat = gradcam(model, images, [0, 2])
    assert heat.shape == (2, 28, 28) and np.isfinite(heat).all()


def test_the_last_map_of_a_residual_network_is_its_activation_or_sum() -> None:
    given = keras.Input((32, 32, 1))
    x = L.Rescaling(2.0)(given)
    x = first = L.Conv2D(4, 3, strides=4, padding="same")(x)
    x = L.ReLU(name="last")(
        L.Add()([L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x)), first])
    )
    squeezed = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Dropout(0.2)(L.Flatten()(L.Conv2D(4, 1)(squeezed)))
    assert feature_layer(keras.Model(given, L.Dense(2)(x))).name == "last"


def test_a_map_too_coarse_to_read_gives_way_to_a_finer_one() -> None:
    given = keras.Input((16, 16, 1))
    fine = L.Conv2D(4, 3, strides=4, padding="same", name="fine")(given)
    coarse = L.Conv2D(4, 3, strides=2, padding="same", name="coarse")(fine)
    model = keras.Model(given, L.Dense(2)(L.GlobalAveragePooling2D()(coarse)))
    assert feature_layer(model).name == "fine"
    assert feature_layer(model, "coarse").name == "coarse"


def test_what_has_no_map_is_refused() -> None:
    given = keras.Input((8, 8, 1))
    flat = keras.Model(given, L.Dense(2, name="logits")(L.Flatten()(L.Rescaling(1.0)(given))))
    with pytest.raises(ConfigError, match="has none"):
        feature_layer(flat)
    with pytest.raises(ConfigError, match="no layer 'nope'"):
        feature_layer(flat, "nope")
    with pytest.raises(ConfigError, match="not a spatial map"):
        feature_layer(flat, "logits")


def test_randomised_weights_change_the_map() -> None:
    # The sanity check of Adebayo et al. 2018.
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
    maps = [gradcam(lenet(), images, [0] * 8).reshape(8, -1) for _ in range(2)]
    for one, other in zip(*maps, strict=True):
        if one.any() and other.any():
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.7


def test_a_trained_network_points_at_the_finding() -> None:
    # A brighter square somewhere in noise, learned from image labels alone.
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    images = random.normal(0, 0.5, (512, 32, 32, 1)).astype(np.float32)
    labels = np.arange(512) % 2
    places = random.integers(0, 24, (512, 2))
    for image, (row, column) in zip(images[1::2], places[1::2], strict=True):
        image[row : row + 8, column : column + 8] += 1.0
    given = keras.Input((32, 32, 1))
    x = L.Conv2D(8, 5, strides=2, padding="same", activation="relu")(given)
    x = L.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    model = keras.Model(given, L.Dense(2)(L.GlobalAveragePooling2D()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(images[:448], labels[:448], epochs=12, batch_size=32, verbose=0)

    shown = np.arange(449, 512, 2)
    heat = gradcam(model, images[shown], np.ones(len(shown), int))
    peaks = np.array([np.unravel_index(one.argmax(), one.shape) for one in heat])
    near = np.abs(peaks - (places[shown] + 3.5)).max(axis=1) <= 6
    # By chance a peak lies so near in about one image of five.
    assert near.mean() > 0.8
