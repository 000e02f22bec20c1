"""An export opened again."""

import gc

import numpy as np
import pytest
from export.samples import answers_of, grey_images

from tfmed import export, tasks
from tfmed.errors import DataError


def test_read_images_reach_the_model_with_its_channels(recognisers, loaded):
    grey = grey_images(2)
    live = answers_of(recognisers["colour"], grey)
    assert np.allclose(loaded["colour"].predict(grey)["probabilities"], live, atol=1e-5)
    with pytest.raises(DataError, match="rank 3"):
        loaded["colour"].predict([grey[0][..., 0]])
    with pytest.raises(DataError, match="no image was given"):
        loaded["colour"].predict([])


def test_the_task_comes_of_the_card(loaded, segmented):
    assert loaded["colour"].task == tasks.Classification(("w", "x", "y", "z"), multi_label=True)
    assert segmented["hu"].task == tasks.Segmentation(("none", "organ"))


def test_whole_cases_are_of_exports_that_draw_masks(loaded):
    with pytest.raises(DataError, match="of classification, not of masks"):
        loaded["grey"].segment(np.zeros((8, 8, 1)))


def test_a_signature_that_is_not_there_is_named(loaded):
    with pytest.raises(DataError, match="1 has no signature patches, only classify, serving_"):
        loaded["grey"].ask("patches", patches=np.zeros((1, 28, 28, 1), np.float32))


def test_a_predictor_outlives_the_export_that_it_came_from(segmented):
    predictor = export.load(segmented["plain"].folder).predictor
    gc.collect()
    assert predictor.ask({"image": np.zeros((17, 45, 1))})["mask"].shape == (17, 45)
