"""A whole export: parity, TFLite files, card, checksums."""

import json
import re
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from export.samples import ct_images, grey_images, network

from tfmed import export
from tfmed.errors import ExportError, ReadError
from tfmed.export import classifier_parity, parity, tflite
from tfmed.tasks.recognition.recogniser import Classifier
from tfmed.export.runner import Runner, latency_ms
from tfmed.transforms.normalisation import normalise
from tfmed.transforms.prepare import Preprocessing


def test_every_form_is_compared(whole):
    _, rows = whole
    assert [row.name for row in rows] == [
        "keras", "serving_default", "serving_bytes", "classify",
        "tflite_float32", "tflite_float16", "tflite_dynamic", "tflite_int8",
    ]  # fmt: skip
    assert all(row.max_difference is not None for row in rows)
    assert [row.tolerance for row in rows] == [1e-4] * 5 + [1e-2, None, None]
    assert rows[2].note == "2 files as they are, 4 images as PNG"


def test_the_folder_holds_what_the_contract_names(whole):
    folder, _ = whole
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert names >= {
        "saved_model.pb", "variables/variables.index", "card.json", "card.md", "SHA256SUMS",
        "assets.extra/tf_serving_warmup_requests", "tflite/float32.tflite",
        "tflite/float16.tflite", "tflite/dynamic.tflite", "tflite/int8.tflite",
    }  # fmt: skip
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=folder, check=True)


def test_the_card_tells_and_hides(whole):
    folder, _ = whole
    card = export.load(folder).card
    assert card["classes"] == ["no", "yes"] and card["temperature"] == [0.05]
    assert card["input"]["bytes"] == {"bits": 8, "slope": 1.0, "intercept": 0.0}
    assert card["input"]["window"] == [0.0, 255.0] and card["input"]["modality"] == "CR"
    assert card["data"] == {"name": "scans"}
    assert card["scores"]["metrics"]["auroc"] == {"value": 0.9, "low": 0.8, "high": None}
    assert re.fullmatch("[0-9a-f]{64}", card["provenance"]["weights_sha256"])
    assert card["versions"]["tensorflow"] == tf.__version__
    text = (folder / "card.md").read_text()
    assert "not a medical device" in text and "0.800 to undefined" in text
    assert "/home" not in text + json.dumps(card)


def test_int8_takes_what_its_card_entry_says(whole, classifiers):
    folder, _ = whole
    given = export.load(folder).card["tflite"]["int8"]["input"]
    image = np.random.default_rng(0).uniform(-50, 300, (1, 28, 28, 1)).astype(np.float32)
    ours = (np.clip(image, *given["clip"]) - given["offset"]) * given["scale"]
    right = normalise(tf.constant(image), classifiers["grey"].preprocessing.normalisation)
    assert np.allclose(ours, right, atol=1e-5)


def test_int8_keeps_probabilities_apart(whole):
    folder, _ = whole
    runner = Runner(folder / "tflite" / "int8.tflite")
    images = np.random.default_rng(0).normal(size=(40, 28, 28, 1)) * np.linspace(0.1, 2, 40)[
        :, None, None, None
    ]  # fmt: skip
    assert len(np.unique(runner.predict(images)[:, 0])) > 35


def test_batch_norm_folds_and_no_resize_remains(whole):
    folder, _ = whole
    for variant in tflite.VARIANTS:
        names = _operations(folder / "tflite" / f"{variant}.tflite")
        assert names.count("CONV_2D") == 1
        assert not [name for name in names if "RESIZE" in name or "Flex" in name]
    assert {"MUL", "ADD"}.isdisjoint(_operations(folder / "tflite" / "int8.tflite"))


def _operations(file):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        str(file), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    return [details["op_name"] for details in interpreter._get_ops_details()]


def test_latency_is_a_time(whole):
    assert 0 < latency_ms(whole[0] / "tflite" / "float32.tflite", runs=3) < 1000


def test_a_file_that_is_no_tflite_is_named(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"not a model")
    with pytest.raises(ReadError, match=r"x\.tflite"):
        Runner(tmp_path / "x.tflite")


def test_a_wrong_answer_fails_and_names_its_rows(whole, classifiers):
    folder, _ = whole
    images = grey_images(3)
    live = classifiers["grey"].probabilities(images) + np.float32(0.001)
    with pytest.raises(ExportError, match=r"keras .*serving_default .*tflite_float32") as caught:
        classifier_parity.check(classifiers["grey"], folder, live, images)
    assert "float16" not in str(caught.value)
    extra = [parity.Row("cache", float("nan"))]
    with pytest.raises(ExportError, match="cache"):
        classifier_parity.check(
            classifiers["grey"], folder, live - np.float32(0.001), images, extra=extra
        )


def test_pixels_that_no_png_holds_are_left_out_and_said(whole, classifiers):
    images = [image + 0.5 for image in grey_images(2)] + grey_images(1)
    live = classifiers["grey"].probabilities(images)
    rows = {
        row.name: row
        for row in classifier_parity.check(classifiers["grey"], whole[0], live, images)
    }
    assert rows["serving_bytes"].max_difference <= 1e-4
    assert "2 images left out: values are not whole steps" in rows["serving_bytes"].note
    rows = classifier_parity.check(classifiers["grey"], whole[0], live[:1], images[:1])
    assert rows[2].max_difference is None and rows[2].passed


@pytest.mark.parametrize("name", ["ct", "colour"])
def test_folds_and_percentile_windows_convert(classifiers, exports, tmp_path, name):
    classifier = classifiers[name]
    images = ct_images(4) if name == "ct" else [
        np.random.default_rng(i).integers(0, 200, (30, 21, 3), dtype=np.uint8) for i in range(4)
    ]  # fmt: skip
    shape = classifier.preprocessing.input_shape
    sample = np.random.default_rng(0).uniform(-200, 255, (10, *shape)).astype(np.float32)
    converted = tflite.write(classifier, tmp_path / "tflite", sample)
    assert sorted(converted.bytes) == sorted(tflite.VARIANTS) and not converted.failed
    rows = parity.tflite_rows(
        classifier, tmp_path / "tflite", classifier.probabilities(images),
        [classifier_parity._at_size(classifier, image) for image in images],
    )  # fmt: skip
    assert all(row.passed for row in rows)
    assert rows[3].max_difference < 0.1


def test_a_network_that_tflite_lacks_loses_files_and_not_its_export(tmp_path):
    import keras

    image = keras.Input((4, 8, 8, 1))
    pooled = keras.layers.MaxPooling3D()(image)
    flat = keras.layers.GlobalAveragePooling3D()(pooled)
    model = keras.Model(image, keras.layers.Dense(2, name="logits")(flat))
    classifier = Classifier((model,), Preprocessing((4, 8, 8), 1, (0.0, 1.0)), (1.0,), ("a", "b"))
    converted = tflite.write(classifier, tmp_path, np.zeros((2, 4, 8, 8, 1), np.float32))
    assert not converted.bytes
    assert "MaxPool3D" in converted.failed["float32"]


def test_volumes_have_no_int8_file(classifiers, tmp_path):
    volumes = np.random.default_rng(0).uniform(0, 255, (4, 6, 8, 8, 1)).astype(np.float32)
    converted = tflite.write(classifiers["volume"], tmp_path, volumes)
    assert list(converted.bytes) == ["float32", "float16", "dynamic"]
    assert "volumes" in converted.failed["int8"]
    answer = Runner(tmp_path / "float32.tflite").predict(volumes)
    assert np.allclose(answer, classifiers["volume"].probabilities(volumes), atol=1e-5)


def test_representative_images_must_have_the_plan_size(classifiers, tmp_path):
    with pytest.raises(ExportError, match="28, 28, 1"):
        tflite.write(classifiers["grey"], tmp_path, np.zeros((2, 32, 32, 1), np.float32))


def test_a_weight_more_or_less_changes_the_hash(classifiers):
    from tfmed.export.card import weights_sha256

    grey = classifiers["grey"]
    other = Classifier((network((28, 28, 1), seed=5),), grey.preprocessing, (1.0,), grey.classes)
    assert weights_sha256(grey) == weights_sha256(grey) != weights_sha256(other)
