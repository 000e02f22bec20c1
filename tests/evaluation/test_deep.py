"""What a report says of volumes and clips, and how their planes are turned."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pages import Page

from tfmed.data.dataset import Dataset
from tfmed.evaluation import Contents, describe, render
from tfmed.evaluation import limits as of_limits
from tfmed.evaluation.of_run import as_radiologists_look


def contents(size: tuple[int, ...]) -> Contents:
    predictions = pd.DataFrame(
        {
            "id": ["x", "y"],
            "patient": ["x", "y"],
            "split": "test",
            "truth": ["a", "b"],
            "prediction": ["a", "b"],
            "p_a": [0.9, 0.2],
            "p_b": [0.1, 0.8],
        }
    )
    path = "my models/hearts/1"
    return Contents("hearts", ("a", "b"), {}, predictions, input_size=size, export_path=path)


def test_no_image_file_is_sent_to_a_model_of_volumes_or_clips() -> None:
    flat, deep = (Page(render(contents(size))).text for size in ((8, 9), (4, 8, 9)))
    assert "IMAGE.png" in flat
    assert "IMAGE.png" not in deep and "serving_bytes" not in deep
    assert "--model 'my models/hearts/1'" in flat
    assert "volumes or clips of any size" in deep


def test_frames_that_the_network_does_not_see_are_a_limit() -> None:
    table = pd.DataFrame(
        {
            "patient": ["p", "q", "r"],
            "label": ["a", "b", "b"],
            "split": "train",
            "height": 50,
            "width": 60,
            "depth": [90, 100, 110],
            "clip": True,
        }
    )
    facts = describe(Dataset(table, ("a", "b"), "x"))
    assert facts.frames == 100
    assert ("Size (width x height)", "60 x 50 x 90 frames (1), 60 x 50 x 100 frames (1), "
            "60 x 50 x 110 frames (1)") in facts.traits  # fmt: skip
    said = " ".join(of_limits.limits(of_limits.Tested({}, {}, facts, (8, 50, 60))))
    assert "sees 8 frames, evenly spaced, of clips that typically have 100" in said
    volumes = describe(Dataset(table.assign(clip=False), ("a", "b"), "x"))
    assert "frames" not in " ".join(
        of_limits.limits(of_limits.Tested({}, {}, volumes, (8, 50, 60)))
    )
    assert "60 x 50 x 90 slices" in dict(volumes.traits)["Size (width x height)"]


def test_planes_of_nifti_show_the_front_at_the_top_and_the_right_at_the_left() -> None:
    # RAS+: later rows lie further to the front, later columns further to the right.
    plane = np.array([["left back", "right back"], ["left front", "right front"]])
    turned = as_radiologists_look(plane[..., None])[..., 0]
    assert turned.tolist() == [["right front", "left front"], ["right back", "left back"]]
    volume = np.stack([plane, plane])[..., None]
    assert as_radiologists_look(volume)[1, ..., 0].tolist() == turned.tolist()
