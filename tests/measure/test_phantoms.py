"""The acceptance of `measure`: drawn organs against `truth.csv`, whose figures are formulas."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tfmed.data.sources import organs
from tfmed.measure import MaskFile, measure

SPACINGS_MM = {"1 mm": (1.0, 1.0, 1.0), "as organs3d": organs.TRAINING_SPACINGS_MM[0]}
# Allowed differences: of volume and of surface as shares; diameters always within one voxel.
WITHIN = {"1 mm": (0.01, 0.05), "as organs3d": (0.02, 0.05)}


def measured(folder: Path, spacing: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each object with its row of `truth.csv`, found by its place."""
    # With other bodies beside the organs, as `synthetic:organs3d` has them.
    organs.write(folder, 5, 1, (SPACINGS_MM[spacing],), beside=True)
    name = "organs_000.nii.gz"
    mask = folder / "labels" / name
    place = folder / "contours"
    task = MaskFile(1, mask, name, None, place, "it", classes=organs.CLASSES, lines=False)
    rows = measure(task).objects
    pairs = []
    for truth in pd.read_csv(folder / "truth.csv").to_dict("records"):
        middle = [truth[f"{axis}_mm"] for axis in "xyz"]
        own = [row for row in rows if row["class"] == truth["structure"]]
        pairs.append((min(own, key=lambda row: math.dist(_centre(row), middle)), truth))
    assert len(rows) == len(pairs) == 5
    return pairs


def _centre(row: dict[str, Any]) -> list[float]:
    return [row[f"centroid_{axis}_mm"] for axis in "ras"]


@pytest.mark.parametrize("spacing", SPACINGS_MM)
def test_volume_surface_and_diameters_are_those_of_the_formulas(
    spacing: str, tmp_path: Path
) -> None:
    volume, surface = WITHIN[spacing]
    for own, truth in measured(tmp_path, spacing):
        assert own["volume_mm3"] == pytest.approx(truth["volume_mm3"], rel=volume)
        assert own["surface_mm2"] == pytest.approx(truth["surface_mm2"], rel=surface)
        if not math.isnan(truth["longest_mm"]):
            voxel = max(SPACINGS_MM[spacing])
            assert abs(own["longest_diameter_mm"] - truth["longest_axial_mm"]) <= voxel
            assert abs(own["max_3d_diameter_mm"] - truth["longest_mm"]) <= voxel
