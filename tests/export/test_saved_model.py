"""The three signatures, asked as TF Serving asks them, and the warm-up file."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from export.samples import ct_images, grey_images, png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from tfmed.errors import DataError
from tfmed.export.saved_model import WARMUP, example

GOOD = [png(image[..., 0]) for image in grey_images(8)]
BAD = [b"", b"text", GOOD[0][:50], png(np.zeros((4, 4), np.uint16)), b"\xff\xd8\xff\xe0"]


@pytest.fixture(scope="session")
def grey(loaded):
    return loaded["grey"]


def test_images_of_any_size_are_answered_as_the_live_model_does(classifiers, loaded):
    for name, images in (("grey", grey_images(8)), ("ct", ct_images(8))):
        answer = loaded[name].predict(images)
        assert np.allclose(answer, classifiers[name].probabilities(images), atol=1e-6)
        assert np.ptp(answer) > 0.05
        assert np.allclose(answer.sum(axis=1), 1, atol=1e-6)


def test_hu_go_through_a_16_bit_png(classifiers, loaded):
    images = ct_images(5)
    files = [classifiers["ct"].pixels.encode(image) for image in images]
    probabilities, valid = loaded["ct"].predict_bytes(files)
    assert valid.all()
    assert np.allclose(probabilities, classifiers["ct"].probabilities(images), atol=1e-6)


def test_grey_files_reach_a_colour_model_and_colour_files_a_grey_one(classifiers, loaded):
    colour = np.random.default_rng(0).integers(0, 256, (25, 31, 3), dtype=np.uint8)
    luminance = (colour @ np.array([0.299, 0.587, 0.114]))[..., None]
    grey = grey_images(1)[0]
    pairs = [("grey", colour, luminance), ("colour", grey[..., 0], grey.repeat(3, axis=-1)),
             ("colour", colour, colour)]  # fmt: skip
    for name, sent, seen in pairs:
        answer, _ = loaded[name].predict_bytes([png(sent)])
        assert np.allclose(answer, classifiers[name].probabilities([seen]), atol=1e-5)


def test_read_images_reach_the_model_with_its_channels(classifiers, loaded):
    grey = grey_images(2)
    live = classifiers["colour"].probabilities(grey)
    assert np.allclose(loaded["colour"].predict(grey), live, atol=1e-5)
    assert loaded["colour"].predict([]).shape == (0, 4)
    with pytest.raises(DataError, match="rank 3"):
        loaded["colour"].predict([grey[0][..., 0]])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_request_of_only_bad_images_is_answered(grey, count):
    probabilities, valid = grey.predict_bytes(BAD[:count])
    assert probabilities.shape == (count, 2)
    assert np.isnan(probabilities).all() and not valid.any()


def test_a_bad_image_leaves_its_neighbours_bit_equal(grey):
    good = [png(image[..., 0]) for seed in range(4) for image in grey_images(8, seed)][:31]
    alone, _ = grey.predict_bytes(good)
    for place in (0, 17, 31):
        together, valid = grey.predict_bytes([*good[:place], b"bad", *good[place:]])
        assert np.array_equal(np.delete(together, place, axis=0), alone)
        assert np.isnan(together[place]).all()
        assert valid.tolist() == [row != place for row in range(32)]


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 1000))
@settings(max_examples=25)
def test_nan_stands_in_bad_rows_only(grey, right, seed):
    random = np.random.default_rng(seed)
    sent = [(GOOD if good else BAD)[random.integers(5)] for good in right]
    probabilities, valid = grey.predict_bytes(sent)
    assert valid.tolist() == right
    assert np.isnan(probabilities).any(axis=1).tolist() == [not good for good in right]


def test_classify_gives_names_in_class_order(grey):
    missing = tf.train.Example()
    names, scores = grey.classify([example(GOOD[0]), missing, example(GOOD[1])])
    assert names.tolist() == [["no", "yes"]] * 3
    answer, _ = grey.predict_bytes(GOOD[:2])
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


def test_volumes_have_the_image_signature_only(classifiers, loaded):
    random = np.random.default_rng(0)
    volumes = [random.uniform(0, 255, (5 + i, 11, 9, 1)) for i in range(3)]
    exported = loaded["volume"]
    assert exported.signatures == ("serving_default",)
    live = classifiers["volume"].probabilities(volumes)
    assert np.allclose(exported.predict(volumes), live, atol=1e-5)
    with pytest.raises(DataError, match="no signature serving_bytes"):
        exported.predict_bytes([GOOD[0]])


@pytest.mark.parametrize("name", ["grey", "ct", "colour", "volume"])
def test_the_warm_up_file_replays(exports, loaded, name):
    from tensorflow_serving.apis import prediction_log_pb2

    signatures = loaded[name]._module.signatures
    asked = []
    for record in tf.data.TFRecordDataset(str(exports[name] / WARMUP)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        if log.WhichOneof("log_type") == "classify_log":
            request = log.classify_log.request
            examples = request.input.example_list.examples
            inputs = {"inputs": tf.constant([item.SerializeToString() for item in examples])}
        else:
            request = log.predict_log.request
            inputs = {key: tf.constant(tf.make_ndarray(value))
                      for key, value in request.inputs.items()}  # fmt: skip
        answer = signatures[request.model_spec.signature_name](**inputs)
        asked.append(request.model_spec.signature_name)
        scores = answer.get("probabilities", answer.get("scores")).numpy()
        assert np.isfinite(scores[0]).all()
    assert set(asked) == set(signatures)


def test_the_classify_signature_is_marked_for_classification(exports):
    from tensorflow.core.protobuf import saved_model_pb2

    content = (exports["grey"] / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]
    assert graph.signature_def["classify"].method_name == "tensorflow/serving/classify"
    assert graph.signature_def["serving_bytes"].method_name == "tensorflow/serving/predict"


def test_the_graph_names_no_path_of_this_machine(exports):
    content = (exports["grey"] / "saved_model.pb").read_bytes()
    assert b"/work" not in content and str(exports["grey"].parent).encode() not in content


@pytest.mark.slow
def test_another_process_gives_the_same_answer(grey, exports, tmp_path):
    script = (
        "import sys, numpy as np, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "files = tf.constant([open(name, 'rb').read() for name in sys.argv[3:]])\n"
        "answer = model.signatures['serving_bytes'](image_bytes=files)\n"
        "np.save(sys.argv[2], answer['probabilities'])\n"
    )
    names = []
    for index, data in enumerate(GOOD[:3]):
        (tmp_path / f"{index}.png").write_bytes(data)
        names.append(str(tmp_path / f"{index}.png"))
    out = tmp_path / "answer.npy"
    command = [sys.executable, "-c", script, str(exports["grey"]), str(out), *names]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert np.allclose(np.load(out), grey.predict_bytes(GOOD[:3])[0], atol=1e-6)


def test_an_upright_and_a_turned_file_give_one_answer(grey):
    image = grey_images(1)[0][..., 0]
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = png(np.rot90(image), "JPEG", exif=exif, quality=100)
    answer, valid = grey.predict_bytes([png(image, "JPEG", quality=100), turned])
    assert valid.all()
    assert np.allclose(answer[0], answer[1], atol=0.02)
