"""Tables of masks of one kind and of several, and what their columns mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tfmed.measure import MaskFile, definitions, measure, result_files
from tfmed.run import Run


def results(folder: Path) -> list:
    flat, deep = np.zeros((9, 9), np.uint8), np.zeros((6, 9, 9), np.uint8)
    flat[2:6, 2:6], flat[7, 7], deep[2:4, 2:6, 2:6] = 1, 1, 1
    found = []
    for number, (name, labels) in enumerate((("flat", flat), ("deep", deep)), 1):
        np.save(folder / f"{name}.npy", labels)
        path, spacing = folder / f"{name}.npy", (2.0, 1.0, 1.0) if labels.ndim == 3 else None
        found.append(
            measure(MaskFile(number, path, path.name, None, folder / "c", name, spacing_mm=spacing))
        )
    return found


def test_kinds_of_masks_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    result_files.write(Run(tmp_path), results(tmp_path))
    objects = pd.read_csv(tmp_path / "objects.csv")
    assert objects["area_px2"].tolist()[:2] == [16, 1] and objects["volume_mm3"][2] == 64
    assert objects["area_px2"].isna()[2] and objects["volume_mm3"].isna()[:2].all()
    # A single pixel has no outline of its own; its cell is empty, not 0.
    assert objects["perimeter_px"].isna()[1]
    text = (tmp_path / "objects.csv").read_text()
    assert "nan" not in text.lower() and ",1.0," not in text.splitlines()[1].partition("flat")[0]
    assert list(pd.read_csv(tmp_path / "rejects.csv").columns) == ["path", "reason"]


def test_every_column_is_defined_and_undefined_is_null(tmp_path: Path) -> None:
    result_files.write(Run(tmp_path), results(tmp_path))
    told = Run(tmp_path).read_json("measures.json")
    for name in ("objects", "structures"):
        used = {key for row in told[name] for key in row}
        assert used == set(told["columns"][name])
        assert all(about["meaning"] for about in told["columns"][name].values())
    assert told["columns"]["objects"]["volume_mm3"]["unit"] == "mm3"
    assert told["objects"][1]["perimeter_px"] is None
    assert [one["unit"] for one in told["files"]] == ["px", "mm"]


def test_nothing_measured_is_a_table_of_no_rows(tmp_path: Path) -> None:
    result_files.write(Run(tmp_path), [])
    assert pd.read_csv(tmp_path / "structures.csv").empty


def test_no_column_is_defined_twice() -> None:
    for wanted in (definitions.OBJECTS, definitions.STRUCTURES):
        for axes in (2, 3):
            names = [one.name for one in wanted if one.axes in (0, axes)]
            assert len(names) == len(set(names)) == len(definitions.units(wanted, "mm", axes))


def test_full_names_carry_the_unit() -> None:
    full = definitions.units(definitions.STRUCTURES, "px", 3)
    assert full["volume"] == "volume_px3" and full["surface"] == "surface_px2"
    assert full["longest_diameter"] == "longest_diameter_px"
    assert full["object_size_mean"] == "object_size_mean_px3"
    assert full["centroid_r"] == "centroid_r_mm" and full["objects"] == "objects"
