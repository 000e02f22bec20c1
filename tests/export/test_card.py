"""The card of an export, and the folder that it lies in."""

import json
import re
import subprocess
from dataclasses import replace

import numpy as np
import tensorflow as tf
from export.samples import network

from tfmed import export
from tfmed.export.card import weights_sha256
from tfmed.transforms.normalisation import normalise


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


def test_int8_takes_what_its_card_entry_says(whole, recognisers):
    folder, _ = whole
    given = export.load(folder).card["tflite"]["int8"]["input"]
    image = np.random.default_rng(0).uniform(-50, 300, (1, 28, 28, 1)).astype(np.float32)
    ours = (np.clip(image, *given["clip"]) - given["offset"]) * given["scale"]
    right = normalise(tf.constant(image), recognisers["grey"].preprocessing.normalisation)
    assert np.allclose(ours, right, atol=1e-5)


def test_a_weight_more_or_less_changes_the_hash(recognisers):
    grey = recognisers["grey"]
    other = replace(grey, models=(network((28, 28, 1), seed=5),))
    assert weights_sha256(grey) == weights_sha256(grey) != weights_sha256(other)
