"""Whole files: drawn organs against their formulas, and what an empty or broken mask gives."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed.data.sources import organs
from tfmed.measure import MaskFile, Measured, measure

CLASSES = organs.CLASSES


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], organs.Truth]]:
    """Each object of two drawn patients, with what is true of it: 1 mm, and 2.5 mm slices."""
    folder = tmp_path_factory.mktemp("organs")
    truths = organs.write(folder, seed=3, patients=2)
    pairs = []
    for number in range(2):
        name = f"organs_{number:03d}.nii.gz"
        found = task(folder, folder / "labels" / name, folder / "images" / name)
        result = measure(found)
        assert result.rejects == [] and len(result.objects) == 5
        for truth in (one for one in truths if one.file == name):
            rows = [row for row in result.objects if row["class"] == truth.structure]
            own = min(rows, key=lambda row: math.dist(centre(row), truth.middle_mm))
            pairs.append((own, truth))
    return pairs


def task(folder: Path, path: Path, image: Path | None = None, **more: Any) -> MaskFile:
    more = {"classes": CLASSES} | more
    return MaskFile(1, path, path.name, image, folder / "contours", "it", **more)


def centre(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["centroid_r_mm"], row["centroid_a_mm"], row["centroid_s_mm"]


def png(path: Path, values: np.ndarray) -> Path:
    Pillow.fromarray(values.astype(np.uint8)).save(path)
    return path


def even(truth: organs.Truth) -> bool:
    return truth.file.endswith("000.nii.gz")


def test_volumes_are_within_one_percent(drawn: Any) -> None:
    for own, truth in drawn:
        within = 0.01 if even(truth) else 0.02
        assert own["volume_mm3"] == pytest.approx(truth.volume_mm3, rel=within)


def test_surfaces_are_within_five_percent(drawn: Any) -> None:
    for own, truth in drawn:
        within = 0.02 if even(truth) else 0.08
        assert own["surface_mm2"] == pytest.approx(truth.surface_mm2, rel=within)


def test_diameters_are_within_one_voxel(drawn: Any) -> None:
    for own, truth in drawn:
        if truth.longest_mm is not None:
            voxel = 1.0 if even(truth) else 2.5
            assert abs(own["max_3d_diameter_mm"] - truth.longest_mm) <= voxel
            assert abs(own["longest_diameter_mm"] - truth.longest_axial_mm) <= 1.0


def test_places_are_within_a_fifth_of_a_voxel(drawn: Any) -> None:
    for own, truth in drawn:
        if truth.structure != "vessel":
            assert math.dist(centre(own), truth.middle_mm) <= (0.1 if even(truth) else 0.5)


def test_a_vessel_has_one_line_of_its_length_and_thickness(drawn: Any) -> None:
    for own, truth in drawn:
        if truth.centre_line_mm is not None and truth.thickness_mm is not None:
            assert (own["branches"], own["branch_points"], own["end_points"]) == (1, 0, 2)
            # The line stops a radius before the half ball at each end begins, or later.
            low = truth.centre_line_mm - 2 * truth.thickness_mm
            assert low <= own["skeleton_length_mm"] <= 1.05 * truth.centre_line_mm
            voxel = 1.2 if even(truth) else 2.5
            assert abs(own["thickness_mean_mm"] - truth.thickness_mm) <= voxel


def test_intensities_are_those_that_were_drawn(drawn: Any) -> None:
    for own, truth in drawn:
        if truth.structure == "liver":
            assert own["intensity_median"] == pytest.approx(organs.HOUNSFIELD["liver"], abs=3)
            assert own["intensity_sd"] == pytest.approx(organs.NOISE, rel=0.2)


def test_without_spacing_lengths_are_pixels_and_never_mm(tmp_path: Path) -> None:
    labels = np.zeros((20, 20))
    labels[5:15, 5:10] = 1
    found = measure(task(tmp_path, png(tmp_path / "a.png", labels), classes={}))
    assert found.about["unit"] == "px"
    assert found.objects[0]["area_px2"] == 50
    given = [name for name in found.objects[0] if name.endswith(("_mm", "_mm2", "_mm3"))]
    assert given == ["centroid_r_mm", "centroid_a_mm", "centroid_s_mm"]
    assert all(found.objects[0][name] is None for name in given)


def test_an_absent_class_is_listed_and_has_no_size(tmp_path: Path) -> None:
    labels = np.zeros((20, 20))
    labels[5:15, 5:10] = 1
    path = png(tmp_path / "a.png", labels)
    found = measure(task(tmp_path, path, classes={1: "here", 2: "gone"}))
    here, gone = found.structures
    assert (gone["class"], gone["objects"], gone["voxels"]) == ("gone", 0, 0)
    rest = {"number", "file", "class", "value", "objects", "voxels"}
    assert all(value is None for name, value in gone.items() if name not in rest)
    assert here["area_px2"] == 50


def test_an_empty_mask_is_no_error(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", np.zeros((8, 8)))
    found = measure(task(tmp_path, path, classes={}, draw=True))
    assert (found.objects, found.structures, found.rejects, found.pictures) == ([], [], [], {})
    assert json.loads((tmp_path / "contours" / "it.geojson").read_text())["features"] == []


def test_a_structure_adds_up_its_objects(tmp_path: Path) -> None:
    labels = np.zeros((30, 60))
    labels[5:8, 5:8], labels[5:11, 20:26], labels[20, 40] = 1, 1, 1
    found = measure(task(tmp_path, png(tmp_path / "a.png", labels), classes={}))
    (whole,), parts = found.structures, found.objects
    assert (whole["objects"], whole["area_px2"]) == (3, 9 + 36 + 1)
    known = [row["perimeter_px"] for row in parts if row["perimeter_px"] is not None]
    assert len(known) == 2 and whole["perimeter_px"] == pytest.approx(sum(known))
    assert whole["longest_diameter_px"] == max(r["longest_diameter_px"] or 0 for r in parts)
    assert whole["object_size_median_px2"] == 9
    assert whole["largest_share"] == pytest.approx(36 / 46)
    middle = (9 * 6 + 36 * 7.5 + 20) / 46, (9 * 6 + 36 * 22.5 + 40) / 46
    assert (whole["centroid_row"], whole["centroid_column"]) == pytest.approx(middle)


def test_the_intensities_of_a_structure_are_those_of_all_its_pixels(tmp_path: Path) -> None:
    labels, image = np.zeros((10, 20)), np.zeros((10, 20))
    labels[2:4, 2:4], labels[6:8, 12:18] = 1, 1
    image[2:4, 2:4], image[6:8, 12:18] = 10, 90
    mask = png(tmp_path / "m.png", labels)
    found = measure(task(tmp_path, mask, png(tmp_path / "i.png", image), classes={}))
    assert [row["intensity_mean"] for row in found.objects] == [10, 90]
    assert found.structures[0]["intensity_mean"] == pytest.approx((4 * 10 + 12 * 90) / 16)


def test_a_broken_mask_and_a_broken_image_are_rejects(tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    found = measure(task(tmp_path, bad))
    assert found.about == {} and found.rejects[0][0] == str(bad)
    assert str(bad) not in found.rejects[0][1]
    labels = np.zeros((8, 8))
    labels[2:5, 2:5] = 1
    mask = png(tmp_path / "m.png", labels)
    found = measure(task(tmp_path, mask, bad, classes={}))
    assert isinstance(found, Measured) and found.objects[0]["area_px2"] == 9
    assert found.objects[0]["intensity_mean"] is None
    assert found.rejects[0][1].startswith("its mask is measured without intensities: ")


def test_instances_are_numbered_by_their_values(tmp_path: Path) -> None:
    labels = np.zeros((12, 12), np.uint16)
    labels[1:4, 1:4], labels[6:9, 6:9] = 500, 12
    np.save(tmp_path / "cells.npy", labels)
    found = measure(task(tmp_path, tmp_path / "cells.npy", classes={}, instances=True, draw=True))
    assert [row["object"] for row in found.objects] == [12, 500]
    assert found.structures[0]["objects"] == 2 and "section" in found.pictures
