"""The report of classes as its reader gets it: whole, offline, honest, without identifiers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import Page

from tfmed.data.dataset import Dataset
from tfmed.evaluation import Answered, Contents, DataFacts
from tfmed.evaluation.page import render as rendered
from tfmed.run import Run
from tfmed.tasks.recognition.answers.classes import Classes

PNG = b"\x89PNG\r\n\x1a\n-not-really-"


def score(value: float | None, low: float | None = 0.5, high: float | None = 0.99) -> dict:
    return {"value": value, "low": low, "high": high}


def scores(**changes: Any) -> dict[str, Any]:
    row = {"recall": score(0.8123), "precision": score(0.7234), "auroc": score(0.9012)}
    return {
        "task": "classification",
        "split": "test",
        "threshold": 0.4321,
        "examples": 40,
        "patients": 20,
        "metrics": {"auroc": score(0.9012, 0.8456, 0.9567), "balanced_accuracy": score(0.8342)},
        "per_class": {"normal": {**row, "examples": 20}, "nodule": {**row, "examples": 20}},
        "per_patient": {"undefined": "no patient has more than one example"},
        **changes,
    }


def predictions(n: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(0)
    truth = np.arange(n) % 2
    p = np.clip(0.5 * truth + random.random(n) * 0.5, 0, 1)
    names = np.array(["normal", "nodule"])
    return pd.DataFrame(
        {
            "id": [f"SECRET-ID-{i}" for i in range(n)],
            "patient": [f"SECRET-PATIENT-{i // 2}" for i in range(n)],
            "split": "test",
            "truth": names[truth],
            "prediction": names[(p > 0.4321).astype(int)],
            "p_normal": 1 - p,
            "p_nodule": p,
        }
    )


def contents(**changes: Any) -> Contents:
    given: dict[str, Any] = {
        "name": "lungs",
        "classes": ("normal", "nodule"),
        "scores": scores(),
        "predictions": predictions(),
        "data": DataFacts(
            counts=pd.DataFrame({"train": [60, 60], "test": [20, 20]}, index=["normal", "nodule"]),
            examples={"train": 120, "test": 40},
            patients={"train": 60, "test": 20},
            patient_known=0.0,
            size=(512, 512),
        ),
        "rejects": pd.DataFrame({"path": ["/SECRET-PATH/x.dcm"], "reason": ["truncated file"]}),
        "plan": [("size", (64, 64), "half of the median", False), ("epochs", 7, "asked", True)],
        "history": pd.DataFrame(
            {"epoch": [1, 2, 3], "loss": [0.9, 0.5, 0.4], "val_auroc": [0.6, 0.7, 0.8]}
        ),
        "exports": [{"variant": "int8", "bytes": 712_000, "latency_ms": 0.61, "auroc": 0.89}],
        "parity": [{"what": "serving", "difference": 3e-7, "tolerance": 1e-4, "ok": True}],
        "export_path": "savedmodels/lungs/1",
        "input_size": (64, 64),
    }
    return Contents(**{**given, **changes})


EXAMPLE = {"truth": "normal", "prediction": "nodule", "of": "nodule", "png": PNG}
EXAMPLES = (
    {"row": 17, "right": False, "probability": 0.98765, **EXAMPLE},
    {"row": 3, "right": True, "probability": 0.9, **EXAMPLE},
)


@dataclass(frozen=True)
class Shown:
    """A task whose pictures are made already."""

    answer: Classes
    examples: Sequence[Mapping[str, Any]]

    def page(self, answered: Answered) -> tuple[Path, dict[str, Any]]:
        """The answer's template and values."""
        return self.answer.template, self.answer.page(answered, self.examples)


def render(
    told: Contents, multi_label: bool = False, examples: Sequence[Mapping[str, Any]] = EXAMPLES
) -> str:
    """The page of a run of one member."""
    task: Any = Shown(Classes(told.classes, multi_label), examples)
    study = SimpleNamespace(members=[SimpleNamespace(chosen={"temperature": 1.2345})])
    dataset = Dataset(pd.DataFrame(), told.classes, told.name)
    return rendered(Answered(told, Run(Path("unused")), dataset, task, study=study))


@pytest.fixture(scope="module")
def html() -> str:
    return render(contents())


def test_the_page_parses_and_its_navigation_leads_somewhere(html: str) -> None:
    page = Page(html)
    assert page.open == []
    assert shared_ids(page) == []
    anchors = [link[1:] for link in page.links if link.startswith("#") and len(link) < 20]
    assert len(anchors) >= 11
    assert {"summary", "data", "scores", "limits", "use"} <= set(anchors)
    assert set(anchors) <= set(page.ids)


def shared_ids(page: Page) -> list[str]:
    """Ids that occur twice, but for those that a figure's drawing shares with another's."""
    twice = {name for name in page.ids if page.ids.count(name) > 1}
    return [name for name in twice if not re.fullmatch(r"[mph][0-9a-f]{10}", name)]


def test_nothing_comes_from_outside(html: str) -> None:
    page = Page(html)
    for link in page.links:
        assert link.startswith(("#", "data:image/png;base64,")), link
    assert "<script" not in html and "<link" not in html and "@import" not in html
    assert re.findall(r"url\((?!#)[^)]*\)", html) == []
    assert "http" not in html.replace("localhost", "").replace("--rest_api_port", "")


def test_no_identifier_is_printed(html: str) -> None:
    assert "SECRET" not in html
    assert "truncated file" in html


def test_numbers_are_those_of_the_scores(html: str) -> None:
    text = Page(html).text
    for number in ("0.901", "0.846 to 0.957", "0.834", "0.812", "0.723", "40 examples"):
        assert number in text, number
    assert "of 20 patients" in text and "0.432" in text
    assert "712 KB" in text and "0.61 ms" in text and "3.0e-7" in text
    assert "temperature (1.23)" in text
    assert "81.2\u00a0% of the examples of nodule" in text


def test_rows_of_examples_count_as_a_spreadsheet_does(html: str) -> None:
    # Position 17 from 0, below a header in row 1.
    assert "Row 19." in Page(html).text and "0.988" in Page(html).text


def test_settings_by_hand_are_marked(html: str) -> None:
    assert html.count("set by hand") == 1
    assert "64 x 64" in Page(html).text


def test_limits_follow_from_the_facts(html: str) -> None:
    text = Page(html).text
    assert "not a medical device" in text.lower()
    assert "Patients are not known" in text
    assert "Fewer than 30 test examples" in text
    assert "rests on 20 patients" in text
    assert "AUROC 0.85 to 0.96" in text
    assert "64 x 64 pixels of images that are typically 512 x 512" in text
    assert "1 file or image could not be used" in text


def test_limits_are_silent_where_there_is_no_ground() -> None:
    tight = {"auroc": score(0.9, 0.89, 0.91)}
    large = pd.concat([predictions(400)] * 2, ignore_index=True)
    data = DataFacts(pd.DataFrame(), {}, {}, patient_known=1.0, size=(64, 64))
    text = render(
        contents(
            scores=scores(metrics=tight, patients=400), predictions=large, data=data, rejects=None
        )
    )
    for absent in ("not known, so each", "Fewer than", "rests on", "are wide", "could not be used"):
        assert absent not in text, absent


def test_undefined_scores_read_undefined() -> None:
    undefined = {"auroc": score(None, None, None), "f1": score(float("nan"), None, None)}
    text = Page(render(contents(scores=scores(metrics=undefined)))).text
    assert text.count("undefined") >= 3
    assert not re.search(r"\bnan\b|\bNone\b", text)
    assert "0.000" not in text


def test_a_page_without_labels_says_so() -> None:
    blank = predictions().assign(truth=None)
    bare = Contents("new scans", ("normal", "nodule"), {}, blank)
    page = Page(render(bare, examples=()))
    assert page.open == []
    assert "no labels" in page.text and "Nothing has been exported" in page.text
    assert "Fewer than" not in page.text


def test_one_class_in_the_test_part_has_no_curve_and_no_error() -> None:
    one = predictions().assign(truth="normal")
    text = Page(render(contents(predictions=one))).text
    assert "curves are undefined" in text


@pytest.mark.parametrize("multi_label", [False, True])
def test_several_classes_have_one_curve_each(multi_label: bool) -> None:
    random = np.random.default_rng(0)
    classes = tuple(f"class {c}" for c in "abcdefghijk")
    p = random.dirichlet(np.ones(11), 60)
    named = [classes[i % 11] for i in range(60)]
    table = pd.DataFrame(
        {"id": "i", "patient": [str(i) for i in range(60)], "split": "test", "truth": named}
    ).assign(prediction=np.array(classes)[p.argmax(axis=1)], unknown="")
    table[[f"p_{name}" for name in classes]] = p
    threshold = [0.1 * k for k in range(11)] if multi_label else None
    per_class = {name: {"auroc": score(0.7)} for name in classes}
    told = contents(
        classes=classes,
        predictions=table,
        scores=scores(per_class=per_class, threshold=threshold),
    )
    text = render(told, multi_label)
    assert all(f"{name} 0.700" in text for name in classes)
    assert ("Confusion matrix" in text) == (not multi_label)


def test_names_are_escaped_and_dollars_are_no_formula() -> None:
    classes = ("<b>a</b>", "$x_1$ & \u00fc")
    table = predictions().rename(
        columns={"p_normal": f"p_{classes[0]}", "p_nodule": f"p_{classes[1]}"}
    )
    for column in ("truth", "prediction"):
        table[column] = table[column].map(dict(zip(("normal", "nodule"), classes, strict=True)))
    html = render(contents(name="<script>alert(1)</script>", classes=classes, predictions=table))
    assert "<script" not in html and "<b>a</b>" not in html
    assert "$x_1$ &amp; \u00fc" in html
    assert Page(html).open == []


def test_equal_contents_give_equal_bytes(html: str) -> None:
    assert render(contents()) == html


def test_folds_say_that_they_are_folds() -> None:
    folds = scores(split="out_of_fold", test={"metrics": {"auroc": score(0.7654)}})
    table = predictions().assign(split="out_of_fold")
    rows = [{"auroc": 0.91234}, {"auroc": float("nan")}]
    text = Page(render(contents(scores=folds, predictions=table, folds=rows))).text
    for told in ("cross-validation", "own threshold", "By fold", "0.912", "0.765"):
        assert told in text, told
    assert "0.432" not in text and "itself not tested" not in text


def test_what_is_only_stated_neither_holds_nor_fails() -> None:
    row = {"what": "int8", "difference": 0.02, "tolerance": None, "ok": True}
    text = Page(render(contents(parity=[row]))).text
    assert "stated only" in text and re.search(r"2\.0e-2\s*stated only\s*stated\s", text)


def test_no_image_file_is_sent_to_a_model_of_volumes_or_clips() -> None:
    path = "my models/hearts/1"
    flat, deep = (
        Page(render(contents(input_size=size, export_path=path))).text
        for size in ((8, 9), (4, 8, 9))
    )
    assert "IMAGE.png" in flat
    assert "IMAGE.png" not in deep and "serving_bytes" not in deep
    assert "--model 'my models/hearts/1'" in flat
    assert "volumes or clips of any size" in deep
