"""Each planted fault is told, the worst first; sound data gives no warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from makers_audit import audited

from tfmed.data.dataset import Dataset
from tfmed.evaluation.data_facts import gather
from tfmed.evaluation.findings import findings

PARTS = ["train"] * 24 + ["val"] * 8 + ["test"] * 8
LABELS = ["sick", "well"] * 20


def told(dataset: Dataset) -> dict[str, dict]:
    return {one["kind"]: one for one in findings(gather(dataset))}


def test_sound_data_gives_no_warning() -> None:
    assert told(audited(LABELS, split=PARTS)) == {}


@pytest.mark.parametrize(
    ("kind", "level", "columns"),
    [
        ("one_image_two_labels", "mend", {"digest": ["x", "x", *map(str, range(38))]}),
        ("image_in_two_parts", "mend", {"digest": ["x", *map(str, range(38)), "x"]}),
        ("image_of_two_patients", "check", {"digest": ["x", "y", "x", *map(str, range(37))]}),
        ("patient_in_two_parts", "mend", {"patient": ["p", *map(str, range(38)), "p"]}),
        ("unknown_patients", "check", {"patient_known": False}),
        ("large_patient", "check", {"patient": ["p"] * 10 + list(map(str, range(30)))}),
        ("confounder", "mend", {"manufacturer": ["A", "B"] * 20}),
        ("brightness", "check", {"mean": np.tile([-600.0, -500.0], 20)}),
        ("uneven_row_spacing_mm", "know", {"row_spacing_mm": np.linspace(0.4, 1.2, 40)}),
        ("unknown_row_spacing_mm", "know", {"row_spacing_mm": [np.nan] * 4 + [0.5] * 36}),
        ("small_images", "know", {"height": 16}),
        ("sizes_apart", "check", {"height": [64] * 39 + [512]}),
        ("outliers", "check", {"height": [64] * 39 + [200]}),
        ("padding", "know", {"p005": -2000.0}),
        ("headers_only", "know", {"p005": np.nan, "digest": ""}),
        ("no_split", "know", {"split": ""}),
    ],
)
def test_a_planted_fault_is_told(kind: str, level: str, columns: dict) -> None:
    found = told(audited(LABELS, **({"split": PARTS} | columns)))
    assert found[kind]["level"] == level
    assert found[kind]["text"].endswith(".") and found[kind]["advice"].endswith((".", "?"))


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("no_labels", [None] * 40),
        ("one_class", ["sick"] * 40),
        ("small_class", ["sick"] * 4 + ["well"] * 36),
        ("class_names_alike", ["sick", "Sick "] * 20),
        ("unbalanced", ["sick"] * 2 + ["well"] * 38),
        ("class_missing_in_part", ["sick", "well"] * 16 + ["well"] * 8),
        ("unlabelled", [None] * 3 + ["sick", "well"] * 18 + ["well"]),
    ],
)
def test_faults_of_labels_are_told(kind: str, labels: list) -> None:
    assert kind in told(audited(labels, split=PARTS))


def test_rejects_and_mixtures_are_told() -> None:
    dataset = audited(LABELS, split=PARTS).with_rejects([("/x", "is empty")] * 5)
    found = told(dataset.with_facts(mixed_units={"HU": 30, "unknown": 10}, geometry="2 of 9 odd"))
    assert found["rejects"]["level"] == "check"
    assert "5 files (11.1" in found["rejects"]["text"]
    assert found["mixed_units"]["text"].endswith("are mixed: HU (30), unknown (10).")
    assert found["geometry"]["text"] == "2 of 9 odd."


def test_what_must_be_mended_stands_first() -> None:
    dataset = audited(LABELS, digest=["x", "x", *map(str, range(38))], height=16)
    levels = [one["level"] for one in findings(gather(dataset))]
    assert levels == sorted(levels, key=["mend", "check", "know"].index)
    assert levels[0] == "mend"


def test_a_confounder_of_chance_is_not_told() -> None:
    makers = np.random.default_rng(4).choice(["A", "B"], 40).tolist()
    assert "confounder" not in told(audited(LABELS, split=PARTS, manufacturer=makers))


def test_facts_hold_no_path_and_no_identifier() -> None:
    dataset = audited(LABELS, split=PARTS, digest=["x", "x", *map(str, range(38))])
    text = repr(gather(dataset.with_rejects([("/clinic/SECRET.dcm", "is empty")])))
    assert "SECRET" not in text and "/clinic" not in text


def test_reasons_that_differ_in_a_number_are_one_where_there_are_many() -> None:
    rows = [(f"/{i}", f"ends after {i} of 900 bytes") for i in range(30)]
    facts = gather(audited(LABELS).with_rejects(rows))
    assert facts["rejects"]["reasons"] == {"ends after N of N bytes": 30}


def test_scanners_are_counted_with_their_classes() -> None:
    dataset = audited(LABELS, manufacturer=["A", "B"] * 20, device=["One", ""] * 20)
    facts = gather(dataset)["scanners"]
    assert [(one["name"], one["examples"]) for one in facts] == [("A One", 20), ("B", 20)]
    assert facts[0]["classes"] == {"sick": 20, "well": 0}
    assert pd.notna(facts[0]["mean"])
