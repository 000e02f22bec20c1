"""TFLite files of a network: what is written, what they hold, and what they lack."""

import keras
import numpy as np
import pytest
from export.samples import answers_of, recogniser

from tfmed.errors import ExportError
from tfmed.export import tflite
from tfmed.export.runner import Runner
from tfmed.transforms.prepare import Preprocessing


def test_int8_keeps_probabilities_apart(whole):
    folder, _ = whole
    runner = Runner(folder / "tflite" / "int8.tflite")
    images = np.random.default_rng(0).normal(size=(40, 28, 28, 1)) * np.linspace(0.1, 2, 40)[
        :, None, None, None
    ]  # fmt: skip
    assert len(np.unique(runner.predict(images)["probabilities"][:, 0])) > 35


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


def test_a_network_that_tflite_lacks_loses_files_and_not_its_export(tmp_path):
    image = keras.Input((4, 8, 8, 1))
    pooled = keras.layers.MaxPooling3D()(image)
    flat = keras.layers.GlobalAveragePooling3D()(pooled)
    model = keras.Model(image, keras.layers.Dense(2, name="logits")(flat))
    deep = Preprocessing((4, 8, 8), 1, (0.0, 1.0))
    predictor = recogniser([model], deep, (1.0,), ("a", "b"))
    converted = tflite.write(predictor, tmp_path, np.zeros((2, 4, 8, 8, 1), np.float32))
    assert not converted.bytes
    assert "MaxPool3D" in converted.failed["float32"]


def test_volumes_have_no_int8_file(recognisers, tmp_path):
    volumes = np.random.default_rng(0).uniform(0, 255, (4, 6, 8, 8, 1)).astype(np.float32)
    converted = tflite.write(recognisers["volume"], tmp_path, volumes)
    assert list(converted.bytes) == ["float32", "float16", "dynamic"]
    assert "volumes" in converted.failed["int8"]
    answer = Runner(tmp_path / "float32.tflite").predict(volumes)["probabilities"]
    assert np.allclose(answer, answers_of(recognisers["volume"], volumes), atol=1e-5)


def test_representative_images_must_have_the_plan_size(recognisers, tmp_path):
    with pytest.raises(ExportError, match="28, 28, 1"):
        tflite.write(recognisers["grey"], tmp_path, np.zeros((2, 32, 32, 1), np.float32))
