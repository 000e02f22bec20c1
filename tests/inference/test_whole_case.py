"""Whole cases: back in their own geometry, as with all done at once."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from inference.known import pointwise
from recorded import noise

from tfmed import io
from tfmed.data.resampling import resample_case
from tfmed.errors import ConfigError, DataError, GeometryError
from tfmed.inference import InferenceSettings, network, segment, slide
from tfmed.transforms.normalisation import Normalisation

CT = Normalisation("ct", (-200.0, 300.0), 50.0, 100.0)
ZSCORE = Normalisation("zscore")


def blurred(patches: tf.Tensor) -> tf.Tensor:
    """Probabilities of three classes from the neighbourhood."""
    kernel = tf.reshape(tf.linspace(-1.0, 1.0, 27 * 3), [3, 3, 3, 1, 3])
    return tf.nn.softmax(tf.nn.conv3d(patches, kernel, [1] * 5, "SAME"))


def case(*shape: int) -> np.ndarray:
    return (noise(*shape, 1) * 150).astype(np.int16)


def at_once(
    pixels: np.ndarray, spacing: tuple[float, ...], target: tuple[float, ...], how: Normalisation
) -> np.ndarray:
    """The same, from whole arrays."""
    image = resample_case(pixels, spacing, target, keep_zeros=how.nonzero)
    found = slide(how.apply(image), [blurred], (8, 10, 8))
    back = resample_case(found, target, spacing, kind="probabilities", size=pixels.shape[:-1])
    return back.argmax(axis=-1)


@pytest.mark.parametrize("intensity", [CT, ZSCORE, Normalisation("zscore", nonzero=True)])
@pytest.mark.parametrize(
    ("spacing", "target"),
    [
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        ((1.2, 0.9, 1.0), (1.0, 1.5, 0.8)),
        ((5.0, 0.9, 1.0), (4.0, 1.2, 1.2)),
        ((1.0, 0.9, 5.0), (1.0, 1.2, 3.5)),
    ],
)
def test_row_by_row_is_the_whole_at_once(
    intensity: Normalisation, spacing: tuple[float, ...], target: tuple[float, ...]
) -> None:
    pixels = case(15, 22, 18)
    before = pixels.copy()
    found = segment(pixels, spacing, [blurred], InferenceSettings((8, 10, 8), target, intensity, 3))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, at_once(pixels, spacing, target, intensity))
    np.testing.assert_array_equal(pixels, before)


def test_a_float_case_at_the_right_spacing_is_not_written_to() -> None:
    pixels = noise(9, 9, 9, 1)
    before = pixels.copy()
    segment(pixels, None, [blurred], InferenceSettings((8, 8, 8), None, ZSCORE, 3))
    np.testing.assert_array_equal(pixels, before)


def test_normalising_by_slabs_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, settings = case(15, 12, 10), InferenceSettings((8, 8, 8), (1.5, 1.0, 1.0), ZSCORE, 3)
    whole = segment(pixels, (1.0, 1.0, 1.0), [blurred], settings)
    monkeypatch.setattr(import_module("tfmed.inference.whole_case"), "SLAB", 1)
    np.testing.assert_array_equal(segment(pixels, (1.0, 1.0, 1.0), [blurred], settings), whole)


def test_a_threshold_is_found_at_any_spacing_of_the_network() -> None:
    # A ramp along the last axis: the class changes where it passes the mean, wherever it is seen.
    ramp = np.broadcast_to(np.arange(24, dtype=np.float32), (12, 16, 24))[..., None]
    for target in [(1.0, 1.0, 1.0), (2.0, 2.0, 0.5), (0.7, 1.3, 1.1)]:
        settings = InferenceSettings((8, 8, 8), target, ZSCORE, 3)
        found = segment(ramp, (1.0, 1.0, 1.0), [pointwise], settings)
        np.testing.assert_array_equal(found[..., :12], 1)
        np.testing.assert_array_equal(found[..., 12:], 0)


def test_slice_wise_keeps_the_slices_and_0_keeps_an_axis() -> None:
    volume = case(5, 20, 24)
    sliced = InferenceSettings((8, 8), (9.0, 1.5, 1.5), CT, 3, slice_wise=True)
    found = segment(volume, (5.0, 1.0, 1.0), [pointwise], sliced)
    flat = InferenceSettings((8, 8), (1.5, 1.5), CT, 3)
    for number, image in enumerate(volume):
        np.testing.assert_array_equal(found[number], segment(image, (1.0, 1.0), [pointwise], flat))
    for spacing in [(0.0, 1.5, 1.5), (5.0, 1.5, 1.5)]:
        deep = InferenceSettings((4, 8, 8), spacing, CT, 3)
        again = segment(volume, (5.0, 1.0, 1.0), [pointwise], deep)
        np.testing.assert_array_equal(again, found)


def test_a_keras_model_and_its_saved_model_give_the_same_map(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, None, 1))
    hidden = keras.layers.Conv3D(4, 3, padding="same", activation="relu")(inputs)
    model = keras.Model(inputs, [keras.layers.Conv3D(3, 1)(hidden), hidden])
    archive = keras.export.ExportArchive()
    archive.track(model)
    own = network(model)
    archive.add_endpoint(
        "patches",
        lambda patches: {"probabilities": own(patches)},
        [tf.TensorSpec([None, 8, 8, 8, 1], tf.float32, "patches")],
    )
    archive.write_out(f"{tmp_path}/saved", verbose=False)
    loaded = tf.saved_model.load(f"{tmp_path}/saved")

    def other(patches: tf.Tensor) -> tf.Tensor:
        return loaded.signatures["patches"](patches)["probabilities"]

    settings = InferenceSettings((8, 8, 8), (1.3, 1.0, 1.0), CT, 3, mirror_axes=(0, 1, 2))
    pixels = case(10, 16, 12)
    found = segment(pixels, (1.0, 1.0, 1.0), [own], settings)
    again = segment(pixels, (1.0, 1.0, 1.0), [other], settings)
    assert len(np.unique(found)) > 1
    np.testing.assert_array_equal(again, found)


def test_a_real_case_comes_back_in_its_own_geometry(shared_data: Path) -> None:
    path = sorted((shared_data / "msd_hippocampus" / "images").glob("*.nii.gz"))[0]
    image = io.read(path)
    assert image.spacing_mm is not None
    target = tuple(1.3 * length for length in image.spacing_mm)
    settings = InferenceSettings((24, 32, 24), target, ZSCORE, 3, mirror_axes=(0, 1, 2))
    found = segment(image.pixels, image.spacing_mm, [pointwise], settings)
    assert found.shape == image.pixels.shape[:-1]
    # The network calls what is above the mean 0, below it 1.
    above = image.pixels[..., 0] > image.pixels.mean()
    assert ((found == 0) == above).mean() > 0.9


def test_what_does_not_fit_is_refused() -> None:
    pixels = case(8, 8, 8)
    with pytest.raises(ConfigError, match="4 classes are set; a network gives 3"):
        segment(pixels, None, [blurred], InferenceSettings((8, 8, 8), None, CT, 4))
    with pytest.raises(GeometryError, match="without a known spacing"):
        segment(pixels, None, [blurred], InferenceSettings((8, 8, 8), (1.0, 1.0, 1.0), CT, 3))
    with pytest.raises(DataError, match="expected 3 axes and channels"):
        segment(pixels[0], (1.0, 1.0), [blurred], InferenceSettings((8, 8, 8), None, CT, 3))
    broken = noise(8, 8, 8, 1)
    broken[3, 4, 5] = np.nan
    with pytest.raises(DataError, match="answer is not finite"):
        segment(broken, None, [blurred], InferenceSettings((8, 8, 8), None, CT, 3))
    with pytest.raises(ConfigError, match="classes must be 2 to 256, not 1"):
        InferenceSettings((8, 8, 8), None, CT, 1)
    with pytest.raises(ConfigError, match="batch_size must be at least 1"):
        InferenceSettings((8, 8, 8), None, CT, 3, batch_size=0)
