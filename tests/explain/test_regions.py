"""Seg-Grad-CAM: the known place lights up, weights matter, and whole cases keep their geometry."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfmed import explain, models
from tfmed.errors import ConfigError, DataError
from tfmed.explain.regions import around, bottleneck, context
from tfmed.inference import InferenceSettings
from tfmed.transforms.normalisation import Normalisation

L = keras.layers
STAGES = {
    "features": (4, 8, 8),
    "strides": ((1, 1), (2, 2), (2, 2)),
    "kernels": ((3, 3),) * 3,
}


def by_hand() -> keras.Model:
    """Class 1 is how bright a voxel is, class 2 how dark; maps are brightness and darkness."""
    given = keras.Input((None, None, 1))
    maps = L.Conv2D(2, 1, activation="relu", name="maps")(given)
    model = keras.Model(given, L.Conv2D(3, 1, name="logits")(maps))
    model.get_layer("maps").set_weights([np.array([[[[1.0, -1.0]]]]), np.zeros(2)])
    weights = np.array([[[[0.0, 4.0, -1.0], [0.0, -1.0, 4.0]]]])
    model.get_layer("logits").set_weights([weights, np.array([0.5, 0.0, 0.0])])
    return model


def spots() -> np.ndarray:
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, 1:3, 1:3] = 2
    image[0, 5:7, 5:7] = -1
    return image


@pytest.fixture(scope="module")
def unet() -> keras.Model:
    return models.build_segmenter("unet", 1, 3, **STAGES, seed=1)


def test_heat_is_the_sum_of_maps_weighed_by_their_gradients() -> None:
    image, model = spots(), by_hand()
    region = np.ones((1, 8, 8), bool)
    # Logit 1 less the mean logit is 4 b - d - (3 b + 3 d) / 3 = 3 b - 2 d of brightness b and
    # darkness d, everywhere alike; its positive part is 3 b.
    heat = explain.region_heat(model, image, [1], region=region, layer="maps")
    np.testing.assert_allclose(heat[0], np.maximum(image[0, ..., 0], 0) / 2, atol=1e-6)
    other = explain.region_heat(model, image, [2], region=region, layer="maps")
    np.testing.assert_allclose(other[0], image[0, ..., 0] == -1, atol=1e-6)


def test_by_default_the_region_is_what_the_network_marks() -> None:
    image, model = spots(), by_hand()
    marked = model(image).numpy().argmax(axis=-1) == 1
    assert marked.sum() == 4
    given = explain.region_heat(model, image, [1], region=marked, layer="maps")
    np.testing.assert_array_equal(explain.region_heat(model, image, [1], layer="maps"), given)


def test_an_empty_region_has_no_heat() -> None:
    image, model = np.zeros((2, 8, 8, 1), np.float32), by_hand()
    assert not explain.region_heat(model, image, [1, 2]).any()


def test_the_bottleneck_is_the_coarsest_map_of_four_cells(unet: keras.Model) -> None:
    probe = keras.Model(unet.inputs, bottleneck(unet, (16, 32, 1)).output)
    assert probe.compute_output_shape((1, 16, 32, 1)) == (1, 4, 8, 8)
    # A quarter of 8 is 2 cells, which tell little; half of it are 4, before the decoder.
    probe = keras.Model(unet.inputs, bottleneck(unet, (8, 32, 1)).output)
    assert probe.compute_output_shape((1, 8, 32, 1)) == (1, 4, 16, 8)
    names = [layer.name for layer in unet.layers]
    ups = [n for n, layer in enumerate(unet.layers) if isinstance(layer, L.Conv2DTranspose)]
    assert names.index(bottleneck(unet, (8, 32, 1)).name) < ups[0]


def test_the_context_is_the_decoders_last_map_of_four_voxels_a_cell(unet: keras.Model) -> None:
    deeper = models.build_segmenter(
        "unet",
        1,
        2,
        features=(4, 4, 4, 4),
        strides=((1, 1), (2, 2), (2, 2), (2, 2)),
        kernels=((3, 3),) * 4,
    )
    found = context(deeper, (32, 32, 1))
    assert keras.Model(deeper.inputs, found.output).compute_output_shape((1, 32, 32, 1))[1:3] == (
        8,
        8,
    )
    names = [layer.name for layer in deeper.layers]
    ups = [n for n, layer in enumerate(deeper.layers) if isinstance(layer, L.Conv2DTranspose)]
    assert ups[0] < names.index(found.name) < ups[1]
    assert context(by_hand(), (8, 8, 1)).name == bottleneck(by_hand(), (8, 8, 1)).name
    assert context(unet, (8, 8, 1)).name == bottleneck(unet, (8, 8, 1)).name


def test_gradients_that_are_not_pooled_keep_to_the_region() -> None:
    image, model = spots(), by_hand()
    image[0, 5:7, 1:3] = 2
    region = np.zeros((1, 8, 8), bool)
    region[0, :4] = True
    pooled = explain.region_heat(model, image, [1], region=region, layer="maps")
    assert pooled[0, 5, 1] == 1
    own = explain.region_heat(model, image, [1], region=region, layer="maps", pooled=False)
    np.testing.assert_allclose(own[0], np.where(region[0], image[0, ..., 0] / 2, 0), atol=1e-6)


@pytest.mark.parametrize("pooled", [True, False])
def test_random_weights_change_the_map(unet: keras.Model, pooled: bool) -> None:
    image = np.random.default_rng(0).normal(size=(1, 32, 32, 1)).astype(np.float32)
    image[0, 8:20, 8:20] += 3
    region = np.zeros((1, 32, 32), bool)
    region[0, 8:20, 8:20] = True
    other = models.build_segmenter("unet", 1, 3, **STAGES, seed=2)
    first, again, second = (
        explain.region_heat(model, image, [1], region=region, pooled=pooled)[0]
        for model in (unet, unet, other)
    )
    np.testing.assert_array_equal(first, again)
    assert first.max() == second.max() == 1
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.8


def test_class_and_layer_change_the_map_and_wrong_ones_are_refused(unet: keras.Model) -> None:
    image = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    region = np.ones((2, 16, 16), bool)
    maps = explain.region_heat(unet, image, [1, 2], region=region)
    swapped = explain.region_heat(unet, image, [2, 1], region=region)
    assert maps.shape == (2, 16, 16)
    assert not np.allclose(maps, swapped)
    with pytest.raises(ConfigError, match="no layer 'nowhere'"):
        explain.region_heat(unet, image, [1, 1], layer="nowhere")
    with pytest.raises(DataError, match="0 to 2"):
        explain.region_heat(unet, image, [1, 3])
    with pytest.raises(DataError, match="shape"):
        explain.region_heat(unet, image, [1, 1], region=region[:1])


def test_of_several_outputs_the_first_is_explained() -> None:
    deep = models.build_segmenter("unet", 1, 3, **STAGES, deep_supervision=True, seed=1)
    image = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
    region = np.ones((1, 16, 16), bool)
    np.testing.assert_allclose(
        explain.region_heat(deep, image, [1], region=region),
        explain.region_heat(models.without_supervision(deep), image, [1], region=region),
        atol=1e-5,
    )


def test_the_box_is_in_the_middle_of_the_structure_and_in_the_image() -> None:
    inside = np.zeros((6, 20, 5), bool)
    inside[2:4, 14:18, 1:3] = True
    inside[3, 13, 1] = True
    assert around(inside, (1, 8, 8)) == (slice(3, 4), slice(11, 19), slice(0, 5))


def settings(patch: tuple[int, ...], **changes: object) -> InferenceSettings:
    intensity = Normalisation("unit", (0.0, 1.0), 0.0, 1.0, False)
    values = {"spacing_mm": None, "intensity": intensity, "classes": 3, **changes}
    return InferenceSettings(patch, **values)  # type: ignore[arg-type]


def test_a_whole_case_keeps_its_geometry_and_only_the_patch_has_heat() -> None:
    pixels = np.zeros((40, 30, 1), np.float32)
    pixels[4:8, 6:9] = 1
    labels = (pixels[..., 0] > 0).astype(np.uint8)
    heat = explain.case_heat(by_hand(), pixels, labels, 1, settings((16, 16)), layer="maps")
    np.testing.assert_allclose(heat, labels, atol=1e-6)
    nothing = explain.case_heat(by_hand(), pixels, labels, 2, settings((16, 16)))
    assert nothing.shape == (40, 30)
    assert not nothing.any()


def test_a_case_smaller_than_the_patch_and_of_other_spacing_comes_back_in_its_own_size() -> None:
    pixels = np.zeros((12, 10, 1), np.float32)
    pixels[4:8, 2:8] = 1
    labels = (pixels[..., 0] > 0).astype(np.uint8)
    given = settings((16, 32), spacing_mm=(1.0, 0.5))
    heat = explain.case_heat(
        by_hand(), pixels, labels, 1, given, spacing_mm=(1.0, 1.0), layer="maps"
    )
    assert heat.shape == (12, 10)
    assert heat[4:8, 2:8].min() > 0.5 > heat[0].max()


def test_slice_wise_the_slice_that_shows_most_has_the_heat() -> None:
    pixels = np.zeros((4, 16, 16, 1), np.float32)
    pixels[1, 4:6, 4:6] = 1
    pixels[2, 4:9, 4:9] = 1
    labels = (pixels[..., 0] > 0).astype(np.uint8)
    given = settings((16, 16), slice_wise=True)
    heat = explain.case_heat(by_hand(), pixels, labels, 1, given, layer="maps")
    np.testing.assert_allclose(heat[2], labels[2], atol=1e-6)
    assert not heat[[0, 1, 3]].any()
