"""Drawn abdomens: their files, and the truth of their areas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow
from scipy.integrate import quad

from tfmed import data
from tfmed.data import auditing
from tfmed.data.sources import mask_phantom
from tfmed.data.sources.mask_phantom import Blob


def test_the_area_of_an_outline_is_its_integral() -> None:
    blob = Blob((60.0, 64.0), 20.0, (0.05, 0.07, 0.03), (0.3, 1.0, 2.0))

    def half_square(angle: float) -> float:
        waves = zip(blob.waves, blob.phases, strict=True)
        edge = 1 + sum(w * np.cos((k + 2) * (angle - p)) for k, (w, p) in enumerate(waves))
        return float((blob.radius * edge) ** 2 / 2)

    true, _ = quad(half_square, 0, 2 * np.pi)
    assert blob.area == pytest.approx(true, rel=1e-6)
    assert blob.inside().sum() == pytest.approx(true, rel=0.01)


def test_files_repeat_with_the_seed_and_hold_what_the_truth_says(tmp_path: Path) -> None:
    for name in ("a", "b"):
        mask_phantom.write(tmp_path / name, seed=3, patients=2)
    truth = pd.read_csv(tmp_path / "a" / "truth.csv")
    assert len(truth) == 2 * mask_phantom.SLICES * len(mask_phantom.CLASSES)
    values = {name: value for value, name in mask_phantom.CLASSES.items()}
    for image, structure, area in truth.itertuples(index=False):
        mask = tmp_path / "a" / image.replace("images", "masks")
        assert mask.read_bytes() == (tmp_path / "b" / mask.relative_to(tmp_path / "a")).read_bytes()
        drawn = (np.asarray(Pillow.open(mask)) == values[structure]).sum()
        assert drawn == pytest.approx(area, rel=0.03)


def test_no_threshold_finds_the_organs(tmp_path: Path) -> None:
    mask_phantom.write(tmp_path, seed=0, patients=6)
    pairs = [
        (np.asarray(Pillow.open(path)), np.asarray(Pillow.open(tmp_path / "masks" / path.name)))
        for path in sorted((tmp_path / "images").iterdir())
    ]
    images, labels = (np.stack(one) for one in zip(*pairs, strict=True))
    best = 0.0
    for low in range(60, 160, 5):
        for high in range(low + 10, 256, 10):
            found = (images >= low) & (images < high)
            dices = [
                2 * (found & (labels == v)).sum() / (found.sum() + (labels == v).sum() + 1)
                for v in (1, 2)
            ]
            best = max(best, *dices)
    assert best < 0.75


def test_the_source_has_patients_and_classes() -> None:
    dataset = data.open("synthetic:organs", truth="mask")
    assert dataset.classes == ("background", "liver", "kidney")
    assert dataset.facts["masks"]["kind"] == "palette"
    assert len(dataset) == mask_phantom.PATIENTS * mask_phantom.SLICES == 150
    assert dataset.table["patient"].nunique() == mask_phantom.PATIENTS
    whole = auditing.audit(dataset, workers=0)
    assert not len(whole.rejects)
    assert np.array([list(one) for one in whole.table["class_voxels"]]).min() > 250
