"""A data set of seconds for each kind of truth, so that a task is tested by its row alone.

All are pictures of discs on noise, of 16 x 16 pixels.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import makers
import numpy as np

SIDE, KNOWN = 16, 24
# Further examples, in a part of which no truth is known.
UNKNOWN = 2


def _disc(number: int) -> np.ndarray:
    """Where the disc of a picture is: bool `[H, W]`."""
    random = np.random.default_rng([9, number])
    row, column = np.ogrid[:SIDE, :SIDE]
    y, x = random.uniform(5, SIDE - 6, 2)
    disc: np.ndarray = (row - y) ** 2 + (column - x) ** 2 < random.uniform(3, 5) ** 2
    return disc


def _picture(path: Path, number: int, brightness: int) -> None:
    """A picture whose disc is brighter than its ground."""
    pixels = makers.noise((SIDE, SIDE), number, 60, 100) + brightness * _disc(number)
    makers.raster(path, pixels.astype("uint8"))


def _unknown(folder: Path) -> None:
    """Pictures alone."""
    for number in range(KNOWN, KNOWN + UNKNOWN):
        _picture(folder / f"{number:02}.png", number, 90)


def labels(folder: Path) -> dict[str, Any]:
    """Pictures with a disc, and without one."""
    for number in range(KNOWN):
        name = ("none", "disc")[number % 2]
        _picture(folder / "train" / name / f"{number:02}.png", number, 90 * (number % 2))
    _unknown(folder / "test")
    return {"data": str(folder)}


def numbers(folder: Path) -> dict[str, Any]:
    """Discs, and how bright each is, in a table."""
    rows = [("path", "brightness")]
    for number in range(KNOWN):
        _picture(folder / f"{number:02}.png", number, 20 + 4 * number)
        rows.append((f"{number:02}.png", f"{0.5 + number / 10:.1f}"))
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return {"data": str(folder / "truth.csv"), "label_column": ("brightness",)}


def masks(folder: Path) -> dict[str, Any]:
    """Discs, with masks of them."""
    for number in range(KNOWN):
        _picture(folder / "train" / "images" / f"{number:02}.png", number, 90)
        pixels = (255 * _disc(number)).astype("uint8")
        makers.raster(folder / "train" / "masks" / f"{number:02}.png", pixels)
    _unknown(folder / "test" / "images")
    return {"data": str(folder)}


# Kind of truth, as a task's `truth_of` names it, to what writes such data into a folder and gives
# the settings that open it.
MAKERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "label": labels,
    "number": numbers,
    "mask": masks,
}
