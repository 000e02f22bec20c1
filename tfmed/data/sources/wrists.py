"""`synthetic:wrists`: drawn radiographs of wrists, each with its bone age in years.

What ripens is what a reader looks at (Greulich and Pyle, 1959): carpal bones appear one after the
other and fill out, caps of bone (epiphyses) broaden at the ends of the long bones, the growth
plates under them narrow and close, and all lengths rise. No two hands are alike: size, slenderness
and side are a patient's own, each bone is a little ahead or behind, and position, exposure and
noise change with every image, so neither brightness nor size alone tells the age. Nothing here is
measured from a patient.

Each image is an 8-bit PNG. `labels.csv` lists them with age, patient and part; every third patient
has two images, taken at different ages.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from tfmed import log
from tfmed.data.sources import wrist_bones
from tfmed.data.sources.wrist_bones import Bone, Hand

PATIENTS = {"train": 900, "val": 318, "test": 318}  # of each part; a third more images
AGES = (2.0, 18.0)
BETWEEN_YEARS = (0.5, 4.0)  # of two images of one patient
TABLE = "labels.csv"
COLUMNS = ("path", "label", "patient", "split")
PIXELS = 96
PIXEL_MM = 1.33
MIDDLE_MM = (0.0, 22.0)  # of the image, from the middle of the wrist: more of the hand than the arm
TURN, SHIFT_MM = 0.17, 4.0  # radians and mm, at most
SOFT, CORTEX, MARROW = 0.55, 0.75, 0.42
EDGE_MM, CORTEX_MM = 0.45, 1.5


def write(folder: Path, seed: int) -> None:
    """Draw all patients into `images/` and list them in `labels.csv`.

    Args:
        folder: the place.
        seed: everything follows from it.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, ...]] = []
    parts = [part for part, count in PATIENTS.items() for _ in range(count)]
    with log.progress(range(len(parts)), what="drawing wrists", unit="patients") as bar:
        for number in bar:
            generator = np.random.default_rng([seed, number])
            hand = wrist_bones.hand(generator)
            for visit, age in enumerate(_ages(generator, visits=1 + (number % 3 == 2))):
                path = f"images/patient_{number:04d}_{visit}.png"
                Pillow.fromarray(draw(generator, hand, age)).save(folder / path)
                rows.append((path, f"{age:.1f}", f"patient_{number:04d}", parts[number]))
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def _ages(generator: np.random.Generator, visits: int) -> list[float]:
    """Ages in tenths of a year, as the table tells them, the younger first."""
    low, high = AGES
    if visits == 1:
        return [round(generator.uniform(low, high), 1)]
    least, most = BETWEEN_YEARS
    first = generator.uniform(low, high - least)
    second = generator.uniform(first + least, min(first + most, high))
    return [round(first, 1), round(second, 1)]


def draw(generator: np.random.Generator, hand: Hand, age: float) -> np.ndarray:
    """One radiograph, uint8 `[PIXELS, PIXELS]`: bone is bright, air dark.

    Args:
        generator: of what differs from image to image.
        hand: whose it is.
        age: of the bones, in years.
    """
    turn = generator.uniform(-TURN, TURN)
    shift = generator.uniform(-SHIFT_MM, SHIFT_MM), generator.uniform(-SHIFT_MM, SHIFT_MM)
    attenuation = np.zeros((PIXELS, PIXELS), np.float32)
    for shape in wrist_bones.flesh(hand, age):
        _lay(attenuation, shape, hand.side, turn, shift)
    attenuation = gaussian_filter(attenuation, 1.2)
    bones = np.zeros_like(attenuation)
    for bone in wrist_bones.bones(generator, hand, age):
        _lay(bones, bone, hand.side, turn, shift)
    return _expose(generator, attenuation + bones * generator.uniform(0.85, 1.15))


def _lay(image: np.ndarray, bone: Bone, side: int, turn: float, shift: tuple[float, float]) -> None:
    """Lay a shape over an image: the thicker of the two counts, as shapes hardly overlap."""
    x, y = bone.x * side, bone.y
    cosine, sine = math.cos(turn), math.sin(turn)
    x, y = x * cosine - y * sine + shift[0], x * sine + y * cosine + shift[1]
    angle = bone.angle * side - turn
    middle = (PIXELS - 1) / 2
    column = middle + (x - MIDDLE_MM[0]) / PIXEL_MM
    row = middle - (y - MIDDLE_MM[1]) / PIXEL_MM
    # The angle leans a shape's long axis from the fingers to the right.
    cosine, sine = math.cos(angle), math.sin(angle)
    left, right = _span(column, abs(bone.along * sine) + abs(bone.across * cosine))
    top, bottom = _span(row, abs(bone.along * cosine) + abs(bone.across * sine))
    if top >= bottom or left >= right:
        return
    # Python's floats keep the arrays in single precision, which is much faster.
    east = (np.arange(left, right, dtype=np.float32) - column) * PIXEL_MM
    north = (row - np.arange(top, bottom, dtype=np.float32))[:, None] * PIXEL_MM
    along = east * sine + north * cosine
    across = east * cosine - north * sine
    depth = bone.depth_mm(across, along)
    thick: float | np.ndarray = SOFT
    if not bone.soft:
        # A wall of cortex is seen from its edge.
        wall = np.exp(-(((depth - CORTEX_MM / 2) / CORTEX_MM) ** 2))
        thick = MARROW + (CORTEX - MARROW) * wall
    part = image[top:bottom, left:right]
    np.maximum(part, thick * expit(depth / EDGE_MM), out=part)


def _span(middle: float, half_mm: float) -> tuple[int, int]:
    """The pixels of an axis that a shape may touch: the first, and the one after the last."""
    half = half_mm / PIXEL_MM + 2
    return max(0, int(middle - half)), min(PIXELS, int(middle + half) + 1)


def _expose(generator: np.random.Generator, attenuation: np.ndarray) -> np.ndarray:
    """A film: dose and contrast by chance, light uneven across it (the heel effect), and noise."""
    angle = generator.uniform(0, 2 * np.pi)
    axis = np.linspace(-1, 1, PIXELS)
    uneven = 0.08 * (axis[:, None] * np.sin(angle) + axis * np.cos(angle))
    shade = 1 - np.exp(-attenuation * generator.uniform(0.8, 1.3))
    shade = generator.uniform(0.02, 0.14) + generator.uniform(0.75, 1.1) * shade**0.9
    shade = gaussian_filter(shade * (1 + uneven), 0.45)
    shade += generator.normal(0, generator.uniform(0.012, 0.03), shade.shape)
    return np.clip(np.rint(255 * shade), 0, 255).astype(np.uint8)
