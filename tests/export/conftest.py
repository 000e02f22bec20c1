"""Small classifiers and their exports, made once a test run."""

import numpy as np
import pytest
from export.samples import MADE, SEGMENTERS, grey_images, png

from tfmed import export
from tfmed.export import card, classifier_parity, tflite
from tfmed.export.saved_model import write as write_saved_model


@pytest.fixture(scope="session")
def classifiers():
    """Name to classifier, each made once."""
    return {name: make() for name, make in MADE.items()}


@pytest.fixture(scope="session")
def exports(classifiers, tmp_path_factory):
    """Name to the version folder of a SavedModel without TFLite files."""
    folders = {}
    for name, classifier in classifiers.items():
        with export.release(tmp_path_factory.mktemp("savedmodels") / name) as draft:
            write_saved_model(classifier, draft.folder)
            facts = card.make(classifier, name, data={}, image={}, scores={}, tflite={})
            card.write(draft.folder, facts)
        folders[name] = draft.path
    return folders


@pytest.fixture(scope="session")
def loaded(exports):
    """Name to the loaded export."""
    return {name: export.load(folder) for name, folder in exports.items()}


@pytest.fixture(scope="session")
def whole(classifiers, tmp_path_factory):
    """A complete export of the grey classifier, through the whole of the road."""
    classifier = classifiers["grey"]
    images = grey_images(6)
    representative = np.random.default_rng(1).uniform(0, 255, (20, 28, 28, 1)).astype(np.float32)
    with export.release(tmp_path_factory.mktemp("savedmodels") / "grey") as draft:
        write_saved_model(classifier, draft.folder)
        converted = tflite.write(classifier, draft.folder / "tflite", representative)
        rows = classifier_parity.check(
            classifier, draft.folder, classifier.probabilities(images), images,
            [png(image[..., 0]) for image in images[:2]],
        )  # fmt: skip
        facts = card.make(
            classifier, "grey", data={"name": "/home/someone/scans"}, image={"modality": "CR"},
            scores={"metrics": {"auroc": {"value": 0.9, "low": 0.8, "high": float("nan")}}},
            tflite={variant: {"bytes": size} for variant, size in converted.bytes.items()},
            parity=rows, provenance={"plan_sha256": "0" * 64},
        )  # fmt: skip
        card.write(draft.folder, facts)
    return draft.path, rows


@pytest.fixture(scope="session")
def segmenters():
    """Name to segmenter, each made once."""
    return {name: make() for name, make in SEGMENTERS.items()}


@pytest.fixture(scope="session")
def segmented(segmenters, tmp_path_factory):
    """Name to the loaded export of a segmenter, without TFLite files."""
    loaded = {}
    for name, model in segmenters.items():
        with export.release(tmp_path_factory.mktemp("savedmodels") / name) as draft:
            write_saved_model(model, draft.folder)
            facts = card.make(model, name, data={}, image={}, scores={}, tflite={})
            card.write(draft.folder, facts)
        loaded[name] = export.load(draft.path)
    return loaded
