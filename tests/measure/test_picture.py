"""Pictures: what they show, and which way up."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
from PIL import Image as Pillow

from tfmed.measure import Mask, find, picture


def volume(affine: np.ndarray | None) -> Mask:
    labels = np.zeros((12, 20, 20), np.uint8)
    labels[3:9, 4:8, 3:7] = 1  # low rows, low columns
    labels[3:9, 12:16, 4:14] = 2
    return Mask(labels, (2.0, 1.0, 1.0), "mm", affine)


def pixels(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Pillow.open(io.BytesIO(data)))


def test_a_section_shows_outlines_diameters_and_their_length() -> None:
    mask = volume(None)
    found = [one for own in find(mask, {1: "a<b", 2: "c"}).values() for one in own]
    image = np.random.default_rng(0).normal(size=mask.labels.shape)
    root = ElementTree.fromstring(picture.section(mask, found, image))
    assert len(list(root.iter("path"))) == 2 and len(list(root.iter("line"))) == 4
    titles = [title.text for title in root.iter("title")]
    assert titles == ["a<b 1", "c 1"]
    longest = max(one.figures["longest_diameter"] for one in found)
    assert f"{longest:.3g} mm" in [text.text for text in root.iter("text")]
    # Cut to rows 4 to 15 and columns 3 to 13, with six pixels of margin.
    assert pixels(next(root.iter("image")).get("href", "")).shape == (20, 20)


def test_with_an_affine_the_section_is_turned_as_radiologists_look() -> None:
    for affine in (None, np.eye(4)):
        mask = volume(affine)
        found = [one for own in find(mask, {1: "a", 2: "b"}).values() for one in own]
        text = picture.section(mask, found, None)
        assert ("matrix(-1 0 0 -1" in text) == (affine is not None)
        ends = [float(y) for y in re.findall(r'y1="([\d.]+)"', text)]
        # The long object lies at high rows: to the front, which is up once it is turned.
        assert (np.mean(ends[:2]) < 10) == (affine is not None)


def test_the_front_view_shows_what_lies_in_front() -> None:
    affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    shown = pixels(picture.front(volume(affine))).astype(int)
    # Rows rise to the front: label 2 (orange) hides label 1 (blue) where they overlap.
    orange = (shown[..., 0] > shown[..., 2] + 20).sum()
    blue = (shown[..., 2] > shown[..., 0] + 20).sum()
    assert orange > 5 * blue > 0
    assert (shown[0, 0] == 255).all()


def test_nothing_marked_has_no_front() -> None:
    assert picture.front(Mask(np.zeros((3, 3, 3), np.uint8), (1.0, 1.0, 1.0), "mm")) == ""
