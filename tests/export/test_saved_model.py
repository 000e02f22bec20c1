"""The SavedModel of any task as TF Serving reads it, and its warm-up file."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from export.samples import grey_images, png

from tfmed.export.saved_model import WARMUP


@pytest.mark.parametrize("name", ["grey", "ct", "colour", "volume", "plain", "hu", "photo", "deep"])
def test_the_warm_up_file_replays(loaded, segmented, name):
    from tensorflow_serving.apis import prediction_log_pb2

    exported, asked = (loaded | segmented)[name], []
    for record in tf.data.TFRecordDataset(str(exported.folder / WARMUP)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        if log.WhichOneof("log_type") == "classify_log":
            request = log.classify_log.request
            examples = request.input.example_list.examples
            inputs = {"inputs": [item.SerializeToString() for item in examples]}
        else:
            request = log.predict_log.request
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        answer = exported.ask(request.model_spec.signature_name, **inputs)
        asked.append(request.model_spec.signature_name)
        assert np.isfinite(answer.get("probabilities", answer.get("scores"))[0]).all()
    assert set(asked) == set(exported.signatures)


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
def test_another_process_gives_the_same_answer(loaded, exports, tmp_path):
    script = (
        "import sys, numpy as np, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "files = tf.constant([open(name, 'rb').read() for name in sys.argv[3:]])\n"
        "answer = model.signatures['serving_bytes'](image_bytes=files)\n"
        "np.save(sys.argv[2], answer['probabilities'])\n"
    )
    files = [png(image[..., 0]) for image in grey_images(3)]
    names = []
    for index, data in enumerate(files):
        (tmp_path / f"{index}.png").write_bytes(data)
        names.append(str(tmp_path / f"{index}.png"))
    out = tmp_path / "answer.npy"
    command = [sys.executable, "-c", script, str(exports["grey"]), str(out), *names]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert np.allclose(
        np.load(out), loaded["grey"].predict_bytes(files)["probabilities"], atol=1e-6
    )
