"""Drawn abdomens as 8-bit images with label maps, whose true areas follow from formulas.

Each patient has a `liver`, an irregular outline crossed by dark vessels, and a `kidney` with a
dark middle. Beside them lie a spleen, as bright as the liver and without vessels, and loops of
bowel, as bright as the kidney and without a middle: so grey values alone do not tell the organs,
all the less as the light changes across the image. Nothing here is measured from a patient.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter

CLASSES = {1: "liver", 2: "kidney"}
PATIENTS = 30
SLICES = 5
PIXELS = 128
MIDDLE, BODY_RADIUS = PIXELS / 2, 52.0
TRIES = 50  # places for an organ before all are drawn again
TABLE, TRUTH = "cases.csv", "truth.csv"
AIR, BODY, DARK, LIVER, KIDNEY = 8.0, 70.0, 62.0, 118.0, 140.0
NOISE = 11.0
LIGHT = 0.25  # by which light differs from one side of the image to the other
BOWEL_LOOPS = 3
GAP = 3.0  # pixels at least between organs
PALETTE = (0, 0, 0, 214, 120, 70, 90, 160, 220)


@dataclass(frozen=True)
class Blob:
    """A closed outline: `radius * (1 + sum of waves[k] * cos((k + 2) * (angle - phases[k])))`.

    Attributes:
        centre: row and column in pixels.
        radius: in pixels.
        waves: their heights as shares of the radius.
        phases: their angles.
    """

    centre: tuple[float, float]
    radius: float
    waves: tuple[float, ...]
    phases: tuple[float, ...]

    @property
    def area(self) -> float:
        """In pixels: half the integral of the squared radius over all angles."""
        return float(np.pi * self.radius**2 * (1 + sum(wave**2 for wave in self.waves) / 2))

    @property
    def reach(self) -> float:
        """The farthest that it can extend from its centre."""
        return self.radius * (1 + sum(self.waves))

    def inside(self, share: float = 1.0) -> np.ndarray:
        """Bool `[PIXELS, PIXELS]`: the pixels within it, or within it scaled by `share`."""
        rows, columns = np.mgrid[:PIXELS, :PIXELS].astype(np.float64)
        y, x = rows - self.centre[0], columns - self.centre[1]
        angle = np.arctan2(y, x)
        edge = np.ones_like(angle)
        for number, (wave, phase) in enumerate(zip(self.waves, self.phases, strict=True)):
            edge += wave * np.cos((number + 2) * (angle - phase))
        return np.hypot(y, x) <= share * self.radius * edge


def write(folder: Path, seed: int, patients: int = PATIENTS) -> None:
    """Draw patients into `images/` and `masks/` (palette: 1 liver, 2 kidney).

    Beside them `cases.csv` lists the files with their patients, `dataset.json` names the classes,
    and `truth.csv` holds the area of each organ in pixels by its formula.

    Args:
        folder: the place.
        seed: sizes and places follow from it.
        patients: how many, of `SLICES` images each.
    """
    cases, truths = [], []
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in range(patients):
        generator = np.random.default_rng([seed, number])
        for index, (image, labels, areas) in enumerate(draw(generator)):
            name = f"patient_{number:02d}_{index}.png"
            Pillow.fromarray(image).save(folder / "images" / name)
            picture = Pillow.fromarray(labels)
            picture.putpalette(PALETTE)
            picture.save(folder / "masks" / name)
            cases.append((f"images/{name}", f"masks/{name}", f"patient_{number:02d}"))
            truths += [(f"images/{name}", organ, round(area, 3)) for organ, area in areas.items()]
    names = {"background": 0} | {name: value for value, name in CLASSES.items()}
    (folder / "dataset.json").write_text(json.dumps({"labels": names}), encoding="utf-8")
    for table, head, rows in (
        (TABLE, ("image", "mask", "patient"), cases),
        (TRUTH, ("image", "structure", "area_px2"), truths),
    ):
        with (folder / table).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])


def draw(
    generator: np.random.Generator,
) -> list[tuple[np.ndarray, np.ndarray, dict[str, float]]]:
    """The slices of one patient: uint8 image and labels `[PIXELS, PIXELS]`, and true areas."""
    side = generator.choice((-1, 1))
    body = Blob((MIDDLE, MIDDLE), generator.uniform(54, 58), (0.04,), (0.0,))
    organs = _placed(generator, side)
    light = generator.uniform(0, 2 * np.pi)
    drawn = []
    for index in range(SLICES):
        scale = 1 - 0.06 * abs(index - generator.uniform(1.5, 2.5))
        shown = {name: _scaled(generator, blob, scale) for name, blob in organs.items()}
        image = np.where(body.inside(), BODY, AIR)
        image += body.inside() * gaussian_filter(generator.normal(0, 30, image.shape), 4)
        labels = np.zeros(image.shape, np.uint8)
        for name, blob in shown.items():
            bright = LIVER if name in ("liver", "spleen") else KIDNEY
            image[blob.inside()] = bright
        image[_vessels(generator, shown["liver"])] = DARK
        image[shown["kidney"].inside(0.45)] = DARK
        for value, name in CLASSES.items():
            labels[shown[name].inside()] = value
        image = gaussian_filter(image, 0.6) * _light(light)
        image += generator.normal(0, NOISE, image.shape)
        areas = {name: shown[name].area for name in CLASSES.values()}
        drawn.append((np.clip(np.rint(image), 0, 255).astype(np.uint8), labels, areas))
    return drawn


def _placed(generator: np.random.Generator, side: int) -> dict[str, Blob]:
    """Organs in the body that do not touch, the liver on one side."""
    sizes = {"liver": (21, 26), "spleen": (11, 14), "kidney": (11, 14)}
    sizes |= {f"bowel {number}": (7, 11) for number in range(BOWEL_LOOPS)}
    while True:
        found: dict[str, Blob] = {}
        for name, span in sizes.items():
            tried = (_blob(generator, name, span, side) for _ in range(TRIES))
            blob = next((one for one in tried if _has_room(one, found)), None)
            if blob is None:
                break
            found[name] = blob
        if len(found) == len(sizes):
            return found


def _blob(generator: np.random.Generator, name: str, span: tuple[int, int], side: int) -> Blob:
    if name == "liver":
        shift = generator.uniform(-12, 4), side * generator.uniform(18, 24)
    else:
        away, angle = 46 * np.sqrt(generator.uniform(0, 1)), generator.uniform(0, 2 * np.pi)
        shift = away * np.sin(angle), away * np.cos(angle)
    waves = tuple(generator.uniform(0.02, 0.07, 3 if name == "liver" else 1))
    phases = tuple(generator.uniform(0, 2 * np.pi, len(waves)))
    return Blob((MIDDLE + shift[0], MIDDLE + shift[1]), generator.uniform(*span), waves, phases)


def _has_room(blob: Blob, others: dict[str, Blob]) -> bool:
    """Whether it lies in the body, and near none of the others."""
    if np.hypot(blob.centre[0] - MIDDLE, blob.centre[1] - MIDDLE) + blob.reach > BODY_RADIUS:
        return False
    return all(
        np.hypot(blob.centre[0] - other.centre[0], blob.centre[1] - other.centre[1])
        > blob.reach + other.reach + GAP
        for other in others.values()
    )


def _scaled(generator: np.random.Generator, blob: Blob, scale: float) -> Blob:
    down, right = generator.uniform(-1, 1, 2)
    return Blob(
        (blob.centre[0] + down, blob.centre[1] + right),
        blob.radius * scale,
        blob.waves,
        blob.phases,
    )


def _vessels(generator: np.random.Generator, liver: Blob) -> np.ndarray:
    """Short dark lines within the liver."""
    found = np.zeros((PIXELS, PIXELS), bool)
    rows, columns = np.mgrid[:PIXELS, :PIXELS]
    for _ in range(5):
        angle, turn = generator.uniform(0, 2 * np.pi), generator.uniform(0, np.pi)
        away = generator.uniform(0.2, 0.6) * liver.radius
        y = rows - liver.centre[0] - away * np.sin(angle)
        x = columns - liver.centre[1] - away * np.cos(angle)
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        found |= (abs(along) < 5) & (abs(across) < 1.2)
    return found & liver.inside(0.9)


def _light(angle: float) -> np.ndarray:
    """A slope of brightness across the image."""
    axis = np.linspace(-1, 1, PIXELS)
    return 1 + LIGHT / 2 * (axis[:, None] * np.sin(angle) + axis * np.cos(angle))
