"""What is told of a data set, and which of it is a limit."""

from __future__ import annotations

import pandas as pd

from tfmed.data.dataset import Dataset
from tfmed.evaluation import describe
from tfmed.evaluation import limits as of_limits


def test_facts_count_classes_parts_and_patients() -> None:
    table = pd.DataFrame(
        {
            "patient": ["p1", "p1", "p2", "p3"],
            "patient_known": [True, True, True, False],
            "label": ["a", "b", "b", None],
            "split": ["train", "train", "test", "test"],
            "manufacturer": ["Acme", "Acme", "", "Bolt"],
            "height": [10, 10, 20, 20],
            "width": [30, 30, 30, 30],
            "depth": [1, 1, 1, 5],
        }
    )
    facts = describe(Dataset(table, ("a", "b"), "x", facts={"licence": "CC0", "source": "/SECRET"}))
    assert facts.counts.to_dict() == {"train": {"a": 1, "b": 1}, "test": {"a": 0, "b": 1}}
    assert facts.examples == {"train": 2, "test": 2}
    assert facts.patients == {"train": 1, "test": 2}
    assert facts.patient_known == 0.75 and facts.unlabelled == 1 and facts.scanners == 2
    assert facts.provenance == {"licence": "CC0"}
    assert ("Scanner maker", "Acme (2), Bolt (1)") in facts.traits


def test_masks_are_counted_by_structure_and_those_missing_as_unlabelled() -> None:
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "patient": ["a", "a", "c"],
            "split": ["train", "train", ""],
            "label": None,
            "mask": [("a.png",), ("b.png",), None],
            "class_voxels": [[9, 1, 0], [10, 0, 0], None],
        }
    )
    facts = describe(Dataset(table, ("background", "liver", "spleen"), "made"))
    assert facts.counts.to_dict("index") == {
        "liver": {"train": 1, "none": 0},
        "spleen": {"train": 0, "none": 0},
    }
    assert (facts.examples, facts.unlabelled) == ({"train": 2, "none": 1}, 1)


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
