"""Small networks and their exports, made once a test run for all that ask them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tfmed.export import Exported
    from tfmed.export.parity import Row
    from tfmed.tasks.recognition.recogniser import Recogniser
    from tfmed.tasks.segmentation.segmenter import Segmenter

# TensorFlow is loaded where a fixture is asked for: most tests need none of them.


def _made(makers: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    return {name: make() for name, make in makers.items()}


def _exported(predictors: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Name to the version folder of a SavedModel without TFLite files."""
    from tfmed import export
    from tfmed.export import card
    from tfmed.export.saved_model import write as write_saved_model

    folders = {}
    for name, predictor in predictors.items():
        with export.release(folder / name) as draft:
            write_saved_model(predictor, draft.folder)
            facts = card.make(predictor, name, data={}, image={}, scores={}, tflite={})
            card.write(draft.folder, facts)
        assert draft.path is not None
        folders[name] = draft.path
    return folders


def _loaded(folders: Mapping[str, Path]) -> dict[str, Exported]:
    from tfmed import export

    return {name: export.load(folder) for name, folder in folders.items()}


@pytest.fixture(scope="session")
def recognisers() -> dict[str, Recogniser]:
    """Name to networks of classes, each made once."""
    from export.samples import RECOGNISERS

    return _made(RECOGNISERS)


@pytest.fixture(scope="session")
def exports(
    recognisers: dict[str, Recogniser], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Name to the version folder of `recognisers`."""
    return _exported(recognisers, tmp_path_factory.mktemp("savedmodels"))


@pytest.fixture(scope="session")
def loaded(exports: dict[str, Path]) -> dict[str, Exported]:
    """Name to the loaded export of `recognisers`."""
    return _loaded(exports)


@pytest.fixture(scope="session")
def segmenters() -> dict[str, Segmenter]:
    """Name to networks of masks, each made once."""
    from export.samples import SEGMENTERS

    return _made(SEGMENTERS)


@pytest.fixture(scope="session")
def segmented(
    segmenters: dict[str, Segmenter], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Exported]:
    """Name to the loaded export of `segmenters`."""
    return _loaded(_exported(segmenters, tmp_path_factory.mktemp("savedmodels")))


@pytest.fixture(scope="session")
def whole(
    recognisers: dict[str, Recogniser], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Row]]:
    """A complete export of the grey network, through the whole of the road, with its proof."""
    from export.samples import answers_of, grey_images, png

    from tfmed import export
    from tfmed.export import card, tflite
    from tfmed.export.saved_model import write as write_saved_model
    from tfmed.tasks.recognition import image_proof

    predictor, images = recognisers["grey"], grey_images(6)
    representative = np.random.default_rng(1).uniform(0, 255, (20, 28, 28, 1)).astype(np.float32)
    with export.release(tmp_path_factory.mktemp("savedmodels") / "grey") as draft:
        write_saved_model(predictor, draft.folder)
        converted = tflite.write(predictor, draft.folder / "tflite", representative)
        rows = image_proof.compare(
            predictor, answers_of(predictor, images),
            export.Exported(draft.folder, predictor.describe()),
            {variant: draft.folder / "tflite" / f"{variant}.tflite" for variant in converted.bytes},
            images, [png(image[..., 0]) for image in images[:2]],
        )  # fmt: skip
        facts = card.make(
            predictor, "grey", data={"name": "/home/someone/scans"}, image={"modality": "CR"},
            scores={"metrics": {"auroc": {"value": 0.9, "low": 0.8, "high": float("nan")}}},
            tflite={variant: {"bytes": size} for variant, size in converted.bytes.items()},
            parity=rows, provenance={"plan_sha256": "0" * 64},
        )  # fmt: skip
        card.write(draft.folder, facts)
    assert draft.path is not None
    return draft.path, rows
