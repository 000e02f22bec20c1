"""The three signatures of whole examples, asked as TF Serving asks them."""

import numpy as np
import pytest
import tensorflow as tf
from export.samples import answers_of, ct_images, grey_images, png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from tfmed.errors import DataError
from tfmed.export.saved_model import example

GOOD = [png(image[..., 0]) for image in grey_images(8)]
BAD = [b"", b"text", GOOD[0][:50], png(np.zeros((4, 4), np.uint16)), b"\xff\xd8\xff\xe0"]


@pytest.fixture(scope="module")
def grey(loaded):
    return loaded["grey"]


def of_bytes(exported, files):
    """Probabilities, and which of the files are valid."""
    answer = exported.predict_bytes(files)
    return answer["probabilities"], answer["valid"]


def test_images_of_any_size_are_answered_as_the_live_model_does(recognisers, loaded):
    for name, images in (("grey", grey_images(8)), ("ct", ct_images(8))):
        answer = loaded[name].predict(images)["probabilities"]
        assert np.allclose(answer, answers_of(recognisers[name], images), atol=1e-6)
        assert np.ptp(answer) > 0.05
        assert np.allclose(answer.sum(axis=1), 1, atol=1e-6)


def test_hu_go_through_a_16_bit_png(recognisers, loaded):
    images = ct_images(5)
    files = [recognisers["ct"].pixels.encode(image) for image in images]
    probabilities, valid = of_bytes(loaded["ct"], files)
    assert valid.all()
    assert np.allclose(probabilities, answers_of(recognisers["ct"], images), atol=1e-6)


def test_grey_files_reach_a_colour_model_and_colour_files_a_grey_one(recognisers, loaded):
    colour = np.random.default_rng(0).integers(0, 256, (25, 31, 3), dtype=np.uint8)
    luminance = (colour @ np.array([0.299, 0.587, 0.114]))[..., None]
    grey = grey_images(1)[0]
    pairs = [("grey", colour, luminance), ("colour", grey[..., 0], grey.repeat(3, axis=-1)),
             ("colour", colour, colour)]  # fmt: skip
    for name, sent, seen in pairs:
        answer, _ = of_bytes(loaded[name], [png(sent)])
        assert np.allclose(answer, answers_of(recognisers[name], [seen]), atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_request_of_only_bad_images_is_answered(grey, count):
    probabilities, valid = of_bytes(grey, BAD[:count])
    assert probabilities.shape == (count, 2)
    assert np.isnan(probabilities).all() and not valid.any()


def test_a_bad_image_leaves_its_neighbours_bit_equal(grey):
    good = [png(image[..., 0]) for seed in range(4) for image in grey_images(8, seed)][:31]
    alone, _ = of_bytes(grey, good)
    for place in (0, 17, 31):
        together, valid = of_bytes(grey, [*good[:place], b"bad", *good[place:]])
        assert np.array_equal(np.delete(together, place, axis=0), alone)
        assert np.isnan(together[place]).all()
        assert valid.tolist() == [row != place for row in range(32)]


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 1000))
@settings(max_examples=25)
def test_nan_stands_in_bad_rows_only(grey, right, seed):
    random = np.random.default_rng(seed)
    sent = [(GOOD if good else BAD)[random.integers(5)] for good in right]
    probabilities, valid = of_bytes(grey, sent)
    assert valid.tolist() == right
    assert np.isnan(probabilities).any(axis=1).tolist() == [not good for good in right]


def test_classify_gives_names_in_class_order(grey):
    missing = tf.train.Example()
    names, scores = grey.classify([example(GOOD[0]), missing, example(GOOD[1])])
    assert names.tolist() == [["no", "yes"]] * 3
    answer, _ = of_bytes(grey, GOOD[:2])
    assert np.allclose(scores[[0, 2]], answer, atol=1e-6)
    assert np.isnan(scores[1]).all()


def test_signature_names_and_dtypes_are_the_contract(grey):
    found = grey._module.signatures
    outputs = {name: {key: spec.dtype for key, spec in one.structured_outputs.items()}
               for name, one in found.items()}  # fmt: skip
    inputs = {name: one.structured_input_signature[1] for name, one in found.items()}
    assert outputs == {
        "serving_default": {"probabilities": tf.float32},
        "serving_bytes": {"probabilities": tf.float32, "valid": tf.bool},
        "classify": {"classes": tf.string, "scores": tf.float32},
    }
    assert {name: list(spec) for name, spec in inputs.items()} == {
        "serving_default": ["image"], "serving_bytes": ["image_bytes"], "classify": ["inputs"],
    }  # fmt: skip
    assert inputs["serving_default"]["image"].shape.as_list() == [None, None, None, 1]


def test_volumes_have_the_image_signature_only(recognisers, loaded):
    random = np.random.default_rng(0)
    volumes = [random.uniform(0, 255, (5 + i, 11, 9, 1)) for i in range(3)]
    exported = loaded["volume"]
    assert exported.signatures == ("serving_default",)
    live = answers_of(recognisers["volume"], volumes)
    assert np.allclose(exported.predict(volumes)["probabilities"], live, atol=1e-5)
    with pytest.raises(DataError, match="no signature serving_bytes"):
        exported.predict_bytes([GOOD[0]])


def test_an_upright_and_a_turned_file_give_one_answer(grey):
    image = grey_images(1)[0][..., 0]
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = png(np.rot90(image), "JPEG", exif=exif, quality=100)
    answer, valid = of_bytes(grey, [png(image, "JPEG", quality=100), turned])
    assert valid.all()
    assert np.allclose(answer[0], answer[1], atol=0.02)
