"""Outlines as GeoJSON and SVG."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from tfmed.measure import Mask, drawing, find


def signed(ring: list[list[float]]) -> float:
    """Above 0 of a ring that runs counter-clockwise in x and y."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring)) / 2


def ring_mask(affine: np.ndarray | None = None) -> Mask:
    labels = np.zeros((12, 14), np.uint8)
    labels[2:10, 3:12] = 4
    labels[5:7, 5:9] = 0
    return Mask(labels, (2.0, 0.5), "mm", affine)


def test_polygons_are_closed_in_mm_with_holes_the_right_way_round() -> None:
    for affine in (None, np.diag([1.0, 2.0, -0.5, 1.0])[[2, 1, 0, 3]]):
        mask = ring_mask(affine)
        found = find(mask, {4: "ring"})[4, "ring"]
        collection = json.loads(json.dumps(drawing.collection(mask, found)))
        (feature,) = collection["features"]
        assert feature["properties"] == {"class": "ring", "value": 4, "object": 1, "slice": None}
        ((outer, hole),) = feature["geometry"]["coordinates"]
        assert outer[0] == outer[-1] and hole[0] == hole[-1]
        assert signed(outer) > 0 > signed(hole)
        # 8 x 9 and 2 x 4 pixels of 1 mm2, four corners of an eighth less each.
        assert signed(outer) == pytest.approx(72 - 0.5)
        assert signed(hole) == pytest.approx(-(8 - 0.5))
        assert collection["units"] == "mm" and len(outer[0]) == (2 if affine is None else 3)


def test_coordinates_without_affine_are_x_right_and_y_down_from_the_first_pixel() -> None:
    labels = np.zeros((5, 9), np.uint8)
    labels[1, 6] = 1
    mask = Mask(labels, (2.0, 0.5), "mm")
    features = drawing.collection(mask, find(mask, {1: "a"})[1, "a"])["features"]
    points = features[0]["geometry"]["coordinates"][0][0]
    assert {tuple(point) for point in points} == {(3, 1), (3, 3), (2.75, 2), (3.25, 2)}


def test_microscopic_spacing_keeps_its_digits() -> None:
    labels = np.zeros((5, 9), np.uint8)
    labels[1:3, 4:6] = 1
    mask = Mask(labels, (4e-6, 4e-6), "mm")
    features = drawing.collection(mask, find(mask, {1: "a"})[1, "a"])["features"]
    ring = features[0]["geometry"]["coordinates"][0][0]
    assert signed(ring) == pytest.approx((4 - 0.5) * 16e-12, rel=1e-3)


def test_patient_coordinates_carry_the_slice() -> None:
    labels = np.zeros((4, 6, 6), np.uint8)
    labels[2, 2:4, 3:5] = 1
    affine = np.array([[0, 0, 1, -5], [0, 1, 0, 7], [3, 0, 0, 100], [0, 0, 0, 1.0]])
    mask = Mask(labels, (3.0, 1.0, 1.0), "mm", affine)
    collection = drawing.collection(mask, find(mask, {1: "a"})[1, "a"])
    points = np.array(collection["features"][0]["geometry"]["coordinates"][0][0])
    assert collection["axes"] == ["right", "anterior", "superior"]
    assert set(points[:, 2]) == {106}
    assert points[:, 0].min() == 3 - 0.5 - 5 and points[:, 1].max() == 3.5 + 7


def test_a_drawing_is_svg_as_large_as_the_image(tmp_path: Path) -> None:
    mask = ring_mask()
    found = find(mask, {4: 'ring "<&'})[4, 'ring "<&']
    drawing.write(tmp_path, "it", mask, found)
    root = ElementTree.fromstring((tmp_path / "it.svg").read_text(encoding="utf-8"))
    assert (root.get("width"), root.get("height")) == ("7mm", "24mm")
    assert root.get("viewBox") == "0 0 7 24"
    (path,) = root.iter("{http://www.w3.org/2000/svg}path")
    assert path.get("data-class") == 'ring "<&' and path.get("data-object") == "1"
    assert path.get("d", "").count("M") == path.get("d", "").count("Z") == 2


def test_a_volume_has_a_drawing_for_each_slice_that_shows_something(tmp_path: Path) -> None:
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[2:4, 2:6, 2:6] = 1
    mask = Mask(labels, (1.0, 1.0, 1.0), "mm")
    drawing.write(tmp_path, "it", mask, find(mask, {1: "a"})[1, "a"])
    names = sorted(path.name for path in (tmp_path / "it").iterdir())
    assert names == ["slice_0002.svg", "slice_0003.svg"]


def test_classes_keep_their_colours() -> None:
    assert drawing.colour(1) == drawing.colour(8) == drawing.COLOURS[0]
    assert drawing.colour(2) == drawing.COLOURS[1]
