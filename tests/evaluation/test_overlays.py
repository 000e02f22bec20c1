"""Pictures of cases: the right plane, the right way up, outlines where the structures are."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image as Picture

from tfmed.evaluation.overlays import PREDICTED, TRUTH, DrawnCase, panes

CLASSES = ("background", "<liver>")


def picture(svg: str) -> np.ndarray:
    data = re.findall(r"base64,([^\"]+)", svg)[0]
    return np.asarray(Picture.open(io.BytesIO(base64.b64decode(data))))


def points(svg: str, colour: str) -> np.ndarray:
    """`(x, y)` of the outlines of a colour, in the units of the drawing."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*stroke="{colour}"', svg)
    numbers = re.findall(r"([\d.]+) ([\d.]+)", " ".join(paths))
    return np.array(numbers, float).reshape(-1, 2)


def test_outlines_lie_on_the_pixels_that_they_are_of() -> None:
    truth, found = np.zeros((2, 48, 48), np.uint8)
    truth[8:16, 20:40] = 1
    found[10:18, 20:40] = 1
    shown = (200 * truth)[..., None]
    (pane,) = panes(DrawnCase(shown, truth, found, None, None), CLASSES)
    # The structure is 20 wide; twice as much is shown, 40 of 48 pixels, 12 units each.
    assert 'viewBox="0 0 480 480"' in pane["svg"]
    drawn, outline = picture(pane["svg"]), points(pane["svg"], TRUTH)
    bright = np.argwhere(drawn > 100)
    low, high = bright.min(axis=0), bright.max(axis=0) + 1
    np.testing.assert_allclose(outline.min(axis=0)[::-1], low, atol=3)
    np.testing.assert_allclose(outline.max(axis=0)[::-1], high, atol=3)
    moved = points(pane["svg"], PREDICTED)
    np.testing.assert_allclose(moved.min(axis=0) - outline.min(axis=0), [0, 24], atol=0.2)


def test_names_are_escaped_and_tell_truth_from_prediction() -> None:
    labels = np.zeros((8, 8), np.uint8)
    labels[2:5, 2:5] = 1
    (pane,) = panes(DrawnCase(labels[..., None], labels, labels, None, None), CLASSES)
    assert "<title>&lt;liver&gt;, truth</title>" in pane["svg"]
    assert "<title>&lt;liver&gt;, prediction</title>" in pane["svg"]


def test_a_volume_is_shown_as_radiologists_look_where_most_of_it_is() -> None:
    labels = np.zeros((6, 10, 8), np.uint8)
    labels[1:5, 3:7, 2:6] = 1
    labels[4, 2:8, 2:6] = 1
    # RAS+ of (slice, row, column): rows run to the front, columns to the patient's right.
    affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]], float)
    shown = np.zeros((6, 10, 8, 1), np.uint8)
    shown[:, 8:] = 255
    axial, coronal, sagittal = panes(
        DrawnCase(shown, labels, labels, (2.0, 1.0, 1.0), affine), CLASSES
    )
    # Slices are told from the head: the fifth of six from the feet is the second.
    assert axial["title"] == "Axial, plane 2 of 6"
    assert coronal["title"].startswith("Coronal")
    assert sagittal["title"].startswith("Sagittal")
    drawn = picture(axial["svg"])
    assert drawn[:5].mean() > 200 > 50 > drawn[-5:].mean()
    # All have one scale: as wide as the patient's right to left, and back to front.
    assert axial["width"] == coronal["width"]
    assert sagittal["width"] * 8 == axial["width"] * 10


def test_without_a_place_in_the_patient_axes_are_numbered() -> None:
    labels = np.zeros((4, 6, 5), np.uint8)
    labels[2, 2:4, 2:4] = 1
    empty = np.zeros_like(labels)
    first = panes(DrawnCase(labels[..., None], labels, labels, None, None), CLASSES)[0]
    assert first["title"] == "Axis 1, plane 3 of 4"
    # Where the truth has nothing, the plane is the prediction's; with neither, the middle.
    found = panes(DrawnCase(labels[..., None], empty, labels, None, None), CLASSES)[0]
    assert found["title"] == "Axis 1, plane 3 of 4"
    nothing = panes(DrawnCase(labels[..., None], empty, empty, None, None), CLASSES)[0]
    assert nothing["title"] == "Axis 1, plane 3 of 4"
    assert "<path" not in nothing["svg"]


def test_a_small_structure_is_shown_with_its_surroundings() -> None:
    labels = np.zeros((400, 400), np.uint8)
    labels[390:395, 10:15] = 1
    shown = np.zeros((400, 400, 3), np.uint8)
    (pane,) = panes(DrawnCase(shown, labels, labels, (0.5, 0.5), None), CLASSES)
    # 45 % of the image along each axis: 180 pixels in 480 units.
    outline = points(pane["svg"], TRUTH)
    np.testing.assert_allclose(np.ptp(outline, axis=0), 5 * 480 / 180, atol=0.2)
