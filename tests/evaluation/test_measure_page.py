"""The page of measures as its reader gets it: whole, offline, and of poor masks too."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import Page
from scipy.ndimage import gaussian_filter

from tfmed.evaluation import measure_page
from tfmed.measure import MaskFile, Measured, measure
from tfmed.run import Run


def measured(folder: Path, labels: np.ndarray, number: int = 1, **more: object) -> Measured:
    path = folder / f"SECRET{number}.npy"
    np.save(path, labels)
    return measure(
        MaskFile(number, path, path.name, None, folder / "c", f"c{number}", draw=True, **more)  # type: ignore[arg-type]
    )


def lumps(shape: tuple[int, ...], value: int = 1) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(0).normal(size=shape), 2)
    return ((noise > np.quantile(noise, 0.85)) * value).astype(np.uint8)


def written(folder: Path, results: list[Measured]) -> tuple[str, Page]:
    text = measure_page.write(Run(folder), results, "masks & <more>").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == [], "a tag is not closed"
    assert not re.search(r"\bnan\b|\bNone\b(?!:)|mathdefault", page.text)
    return text, page


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    """A page of images in pixels, of a volume in mm, and of a mask that cannot be read."""
    folder = tmp_path_factory.mktemp("measure")
    names = {1: "<lump>", 3: "gone"}
    found = [
        measured(folder, lumps((60, 70)), 1, classes=names),
        measured(folder, lumps((12, 30, 40)), 2, classes=names, spacing_mm=(3.0, 1.0, 1.0)),
        Measured(rejects=[("SECRET", "is <empty>")]),
    ]
    return written(folder, found)


def test_a_page_tells_sizes_with_units(both: tuple[str, Page]) -> None:
    _, page = both
    assert "Area (px²)" in page.text and "Volume (mm³)" in page.text
    assert "1 volume, lengths in mm; 1 image, lengths in pixels: no spacing is known" in page.text
    assert "<lump>" in page.text and "is <empty>" in page.text and "undefined" in page.text
    assert "volume_mm3" in page.text and "IBSI (QCFX)" in page.text


def test_a_page_stands_alone(both: tuple[str, Page]) -> None:
    text, page = both
    outside = [link for link in page.links if not link.startswith(("#", "data:image/png;base64,"))]
    assert outside == []
    assert not re.search(r"<script|<link|url\((?!#)|@import|https?://", text)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    own = [name for name in page.ids if not re.fullmatch("[pm][0-9a-f]{10}", name)]
    assert len(set(own)) == len(own)
    assert "SECRET" not in text


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(np.zeros((9, 9), np.uint8), id="empty"),
        pytest.param(np.zeros((5, 9, 9), np.uint8), id="empty volume"),
        pytest.param(np.eye(9, dtype=np.uint8), id="one object"),
        pytest.param(np.diag([1, 0, 0, 0, 0, 0, 0, 0, 1]).astype(np.uint8), id="two pixels"),
        pytest.param(np.ones((6, 9, 9), np.uint8), id="all of it"),
        pytest.param(lumps((60, 70), 255), id="0 and 255"),
    ],
)
def test_a_page_comes_of_poor_masks_too(labels: np.ndarray, tmp_path: Path) -> None:
    written(tmp_path, [measured(tmp_path, labels)])


def test_a_page_comes_of_nothing(tmp_path: Path) -> None:
    _, page = written(tmp_path, [Measured(rejects=[("a", "is broken")])])
    assert "No mask could be measured." in page.text


def test_measuring_does_not_wait_for_tensorflow() -> None:
    code = (
        "import sys\nfrom tfmed.evaluation import measure_page\n"
        "from tfmed.pipelines import measure\nfrom tfmed.data.sources import organs\n"
        "from tfmed.data import pool\n"
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
