"""The audit's page as its reader gets it: whole, offline, and without identifiers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import makers
import numpy as np
import pytest
from makers_audit import audited
from pages import Page

from tfmed.data.dataset import Dataset
from tfmed.evaluation import data_facts, data_page, thumbnails
from tfmed.run import Run, plain


def faulty(folder: Path, count: int = 60) -> Dataset:
    """Real files of two classes, each class of one maker, with a copy of the other class."""
    paths = [
        makers.raster(folder / f"SECRET {i}.png", makers.noise((20, 30), min(i, count - 2)))
        for i in range(count)
    ]
    kind = np.arange(count) % 2
    dataset = audited(
        np.array(["well & good", "<sick>"])[kind].tolist(),
        path=list(map(str, paths)),
        manufacturer=np.array(["Maker <A>", "Maker B"])[kind].tolist(),
        height=20,
        width=30,
        digest=[f"{min(i, count - 2)}" for i in range(count)],
        split=["train"] * 30 + ["test"] * 30,
    )
    return dataset.with_rejects([(str(folder / "SECRET.dcm"), "is <empty>")])


def written(folder: Path, dataset: Dataset) -> tuple[str, Page]:
    text = data_page.write(Run(folder), dataset).read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == [], "a tag is not closed"
    return text, page


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Page]:
    """The folder of an audit of faulty data, its page as text and taken apart."""
    folder = tmp_path_factory.mktemp("audit")
    return folder, *written(folder, faulty(folder / "scans"))


def test_a_page_tells_what_is_planted(audit: tuple[Path, str, Page]) -> None:
    folder, _, page = audit
    assert "1 image comes again with another label" in page.text
    assert (
        "Scanner maker alone, without one pixel, tells the classes apart: AUROC 1.00" in page.text
    )
    assert "is <empty>" in page.text and "<sick>" in page.text
    facts = Run(folder).read_json("audit.json")
    assert facts["findings"][0]["kind"] == "one_image_two_labels"
    assert facts["confounders"]["fields"][0]["auroc"] == {"value": 1, "low": 1, "high": 1}
    assert facts["classes"]["<sick>"] == {"examples": 30, "patients": 30}
    assert facts["rejects"]["reasons"] == {"is <empty>": 1}


def test_a_page_stands_alone(audit: tuple[Path, str, Page]) -> None:
    _, text, page = audit
    outside = [link for link in page.links if not link.startswith(("#", "data:image/jpeg;base64,"))]
    assert outside == []
    assert not re.search(r"<script|<link|url\((?!#)|@import|https?://", text)
    # Equal paths of several figures have equal names, matplotlib's hashes of them.
    own = [name for name in page.ids if not re.fullmatch("[pm][0-9a-f]{10}", name)]
    assert len(set(own)) == len(own)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert sum(link.startswith("data:") for link in page.links) >= 24


def test_no_path_and_no_patient_is_told(audit: tuple[Path, str, Page]) -> None:
    folder, text, _ = audit
    for told in (text, (folder / "audit.json").read_text(encoding="utf-8")):
        assert "SECRET" not in told and str(folder) not in told


@pytest.mark.parametrize(
    "dataset",
    [
        pytest.param(audited(["a"] * 30), id="one class"),
        pytest.param(audited([None] * 30), id="no labels"),
        pytest.param(audited(["a", "b"] * 15, ["p"] * 30), id="one patient"),
        pytest.param(audited(["a"]), id="one example"),
        pytest.param(audited(["a|b", "", "b"] * 10, multi_label=True), id="several labels"),
        pytest.param(audited([f"c{i % 50}" for i in range(300)]), id="fifty classes"),
        pytest.param(audited(["a", "b"] * 15, patient_known=False), id="no patients"),
        pytest.param(
            audited(
                ["a", "b"] * 15,
                **dict.fromkeys(("p005", "p995", "mean", "std"), np.nan),
                **dict.fromkeys(("height", "width"), 0),
                digest="",
            ),
            id="no pixels",
        ),
        pytest.param(audited(["a", "b"] * 15, depth=40, frame_rate_hz=25.0, clip=True), id="clips"),
    ],
)
def test_a_page_comes_of_poor_data_too(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "pictures", lambda dataset, rows: {})
    _, page = written(tmp_path, dataset)
    assert not re.search(r"\bnan\b|\b0 x 0\b", page.text)


def test_the_same_seed_gives_the_same_facts() -> None:
    dataset = audited(["a", "b", "b"] * 20, age_years=np.arange(60) % 23)
    first, again, other = (plain(data_facts.gather(dataset, seed)) for seed in (5, 5, 6))
    assert first == again != other


def test_ages_from_ninety_on_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "pictures", lambda dataset, rows: {})
    text, _ = written(tmp_path, audited(["a", "b"] * 15, age_years=np.linspace(60, 107, 30)))
    assert Run(tmp_path).read_json("audit.json")["numbers"]["age_years"]["maximum"] == 90
    assert "107" not in Page(text).text


def test_an_audit_does_not_wait_for_tensorflow() -> None:
    code = (
        "import sys\nfrom tfmed.evaluation import confounders, data_page\n"
        "from tfmed.pipelines import checks, index, listing\n"
        "import sklearn.model_selection, sklearn.preprocessing, sklearn.tree\n"
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
