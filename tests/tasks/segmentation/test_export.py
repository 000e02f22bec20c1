"""The signatures of a segmenter, asked as TF Serving asks them."""

import numpy as np
import pytest
import tensorflow as tf
from export.samples import png
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmed import inference
from tfmed.errors import DataError

SIZES = [(17, 45), (20, 24), (1, 3), (33, 8), (64, 64)]


def images(seed=0, low=0, high=256):
    random = np.random.default_rng(seed)
    return [random.integers(low, high, (*size, 1)).astype(np.float32) for size in SIZES]


FILES = [png(image[..., 0].astype(np.uint8)) for image in images()]
BAD = [b"", b"text", FILES[0][:50], png(np.zeros((4, 4), np.uint16)), b"\xff\xd8\xff\xe0"]


@pytest.fixture(scope="module")
def plain(segmented):
    return segmented["plain"]


@pytest.mark.parametrize("name", ["plain", "hu", "photo"])
def test_images_of_any_size_are_answered_as_the_live_model_does(segmenters, segmented, name):
    live = segmenters[name].live()
    for image in images(low=-200 if name == "hu" else 0):
        pixels = image.repeat(segmenters[name].channels, axis=-1)
        answer = segmented[name].ask("serving_default", image=pixels[np.newaxis])
        np.testing.assert_allclose(answer["probabilities"][0], live(pixels), atol=2e-5)
        assert answer["mask"].dtype == np.uint8
        assert np.array_equal(answer["mask"], answer["probabilities"].argmax(axis=-1))
    assert np.ptp(answer["probabilities"]) > 0.2


def test_images_of_one_request_are_normalised_each_by_itself(segmented):
    random = np.random.default_rng(0)
    pair = random.normal([[[[10.0]]], [[[500.0]]]], 5.0, (2, 20, 16, 1)).repeat(3, axis=-1)
    ask = segmented["photo"].ask
    together = ask("serving_default", image=pair.astype(np.float32))["probabilities"]
    for one, answer in zip(pair, together, strict=True):
        alone = ask("serving_default", image=one[np.newaxis].astype(np.float32))
        np.testing.assert_allclose(answer, alone["probabilities"][0], atol=1e-5)


def test_files_are_padded_to_the_largest_and_answered_as_if_alone(plain):
    answer = plain.ask("serving_bytes", image_bytes=FILES)
    assert answer["probabilities"].shape == (5, 64, 64, 3)
    assert answer["size"].tolist() == [list(size) for size in SIZES]
    assert answer["valid"].all()
    for row, (image, (height, width)) in enumerate(zip(images(), SIZES, strict=True)):
        alone = plain.ask("serving_default", image=image[np.newaxis])
        inside = answer["probabilities"][row, :height, :width]
        np.testing.assert_allclose(inside, alone["probabilities"][0], atol=1e-6)
        assert np.array_equal(answer["mask"][row, :height, :width], alone["mask"][0])
        assert not answer["probabilities"][row, height:].any()
        assert not answer["mask"][row, :, width:].any()


def test_hu_go_through_a_16_bit_png(segmenters, segmented):
    image = images(low=-1024, high=2000)[0]
    sent = segmenters["hu"].pixels.encode(image)
    answer = segmented["hu"].ask("serving_bytes", image_bytes=[sent])
    live = segmenters["hu"].live()(image)
    np.testing.assert_allclose(answer["probabilities"][0], live, atol=2e-5)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_request_of_only_bad_images_is_answered(plain, count):
    answer = plain.ask("serving_bytes", image_bytes=tf.constant(BAD[:count], tf.string, (count,)))
    assert answer["probabilities"].shape == (count, 1, 1, 3)
    assert np.isnan(answer["probabilities"]).all()
    assert answer["mask"].shape == (count, 1, 1) and not answer["mask"].any()
    assert answer["size"].shape == (count, 2) and not answer["size"].any()
    assert answer["valid"].shape == (count,) and not answer["valid"].any()


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 1000))
@settings(max_examples=15)
def test_a_bad_image_leaves_its_neighbours_bit_equal(plain, right, seed):
    random = np.random.default_rng(seed)
    sent = [(FILES if good else BAD)[random.integers(5)] for good in right]
    together = plain.ask("serving_bytes", image_bytes=sent)
    assert together["valid"].tolist() == right
    assert np.isnan(together["probabilities"]).all(axis=(1, 2, 3)).tolist() == [
        not good for good in right
    ]
    assert not np.isnan(together["probabilities"][together["valid"]]).any()
    assert not together["mask"][~together["valid"]].any()
    good = [one for one, valid in zip(sent, right, strict=True) if valid]
    if good:
        alone = plain.ask("serving_bytes", image_bytes=good)
        assert np.array_equal(together["probabilities"][right], alone["probabilities"])
        assert np.array_equal(together["size"][right], alone["size"])


def test_names_shapes_and_dtypes_are_the_contract(segmented):
    found = {}
    for name in ("plain", "deep"):
        for signature, one in segmented[name]._module.signatures.items():
            ((key, spec),) = one.structured_input_signature[1].items()
            outputs = {k: v.dtype.name for k, v in one.structured_outputs.items()}
            shape = None if spec.shape.rank is None else spec.shape.as_list()
            found[name, signature] = (key, spec.dtype.name, shape, outputs)
    answer = {"probabilities": "float32", "mask": "uint8"}
    assert found == {
        ("plain", "serving_default"): ("image", "float32", [None, None, None, 1], answer),
        ("plain", "serving_bytes"): (
            "image_bytes", "string", [None], answer | {"valid": "bool", "size": "int32"}),
        ("plain", "patches"): (
            "patches", "float32", [None, 16, 24, 1], {"probabilities": "float32"}),
        ("deep", "serving_default"): ("image", "float32", [None, 8, 12, 8, 1], answer),
        ("deep", "patches"): (
            "patches", "float32", [None, 8, 12, 8, 1], {"probabilities": "float32"}),
    }  # fmt: skip


def test_a_patch_of_a_volume_is_normalised_by_its_own_statistics(segmenters, segmented):
    patch = np.random.default_rng(0).normal(80, 30, (8, 12, 8, 1)).astype(np.float32)
    answer = segmented["deep"].ask("serving_default", image=patch[np.newaxis])
    ready = ((patch - patch.mean()) / patch.std())[np.newaxis]
    patches = segmented["deep"].ask("patches", patches=ready)["probabilities"]
    np.testing.assert_allclose(answer["probabilities"], patches, atol=1e-5)
    np.testing.assert_allclose(patches[0], segmenters["deep"].live()(patch), atol=1e-5)


def test_volumes_take_no_bytes_and_the_card_says_so(segmented):
    assert segmented["deep"].signatures == ("patches", "serving_default")
    assert segmented["deep"].card["input"]["bytes"] is None
    assert "serving_bytes" not in segmented["deep"].card["signatures"]
    text = (segmented["deep"].folder / "card.md").read_text()
    assert "they carry no volumes" in text
    with pytest.raises(DataError, match="no signature serving_bytes"):
        segmented["deep"].predict_bytes([FILES[0]])


@pytest.mark.parametrize("name", ["hu", "deep"])
def test_whole_cases_are_answered_by_the_export_as_by_keras(segmenters, segmented, name):
    model = segmenters[name]
    axes = len(model.settings.patch_size)
    case = np.random.default_rng(0).normal(50, 100, (9, 21, 30, 1)[-axes - 1 :])
    spacing = (3.0, 1.2, 1.0)[-axes:]
    networks = [inference.network(one) for one in model.models]
    own = inference.segment(case, spacing, networks, model.settings)
    own = inference.keep_largest(own, model.keep_largest)
    answer = segmented[name].segment(case, spacing)
    assert answer.shape == case.shape[:-1] and answer.dtype == np.uint8
    assert np.mean(answer != own) <= 1e-4
    assert len(np.unique(own)) > 1
    opened = segmented[name].predictor
    assert (opened.settings, opened.keep_largest) == (model.settings, model.keep_largest)
    assert np.array_equal(opened.ask({"image": case, "spacing_mm": spacing})["mask"], answer)
