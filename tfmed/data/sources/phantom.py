"""Chests drawn as CT would show them: body, lungs, bones, vessels, and in some a nodule.

Nothing here is measured from a patient. Lengths are mm, values Hounsfield units; x grows to
the patient's left, y to the back, z to the head, with 0 in the middle of the chest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

PIXELS = 128
SPACING_MM = 2.8
SLICES = 6
SLICE_STEP_MM = 5.0
AIR, LUNG, FAT, SOFT, BONE = -1000.0, -850.0, -90.0, 40.0, 500.0
VESSELS_A_LUNG = 16
# A slice through a nodule's edge would be neither normal nor not: it is never drawn.
SMALLEST_SECTION_MM = 6.0
ROOT_MM = 18.0  # around a lung's root vessels lie so close that a nodule could not be seen


@dataclass(frozen=True)
class Nodule:
    """A ball in a lung: its centre `(x, y, z)` and radius in mm, its value in HU."""

    centre_mm: tuple[float, float, float]
    radius_mm: float
    value: float

    def section_mm(self, z: float) -> float:
        """Radius of its section with the slice at `z`, 0 where they do not meet."""
        return float(np.sqrt(max(0.0, self.radius_mm**2 - (z - self.centre_mm[2]) ** 2)))


@dataclass(frozen=True)
class Chest:
    """One drawn patient.

    Attributes:
        slices: float32 `[SLICES, PIXELS, PIXELS]` in HU, without noise.
        z_mm: the place of each slice.
        nodule: or None.
    """

    slices: np.ndarray
    z_mm: tuple[float, ...]
    nodule: Nodule | None


def draw(generator: np.random.Generator, with_nodule: bool) -> Chest:
    """Draw a patient; size, place and number of everything vary with the generator."""
    z_mm = tuple((np.arange(SLICES) - (SLICES - 1) / 2) * SLICE_STEP_MM)
    half = np.array([generator.uniform(150, 172), generator.uniform(98, 118)])
    lungs = [_lung(generator, half, side) for side in (-1, 1)]
    tubes = np.concatenate([_vessels(generator, *lung) for lung in lungs])
    nodule = _nodule(generator, lungs, z_mm) if with_nodule else None
    bones = _bones(generator, half)
    slices = [_slice(z, half, lungs, tubes, nodule, bones) for z in z_mm]
    return Chest(np.stack(slices), z_mm, nodule)


def _grid() -> tuple[np.ndarray, np.ndarray]:
    axis = (np.arange(PIXELS, dtype=np.float32) - (PIXELS - 1) / 2) * SPACING_MM
    return axis[np.newaxis, :], axis[:, np.newaxis]


def _lung(
    generator: np.random.Generator, half: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Centre `(x, y)` and half axes of a lung; the left one (side 1) leaves room for the heart."""
    size = half * [generator.uniform(0.34, 0.39), generator.uniform(0.66, 0.74)]
    size[0] *= 0.92 if side > 0 else 1.0
    centre = np.array([side * half[0] * 0.49, generator.uniform(-6, 2)])
    return centre, size


def _vessels(generator: np.random.Generator, centre: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Tubes from the lung's root outward: `[VESSELS_A_LUNG, 8]`, two ends and two radii."""
    root = np.array([*_root(centre), 0.0])
    tubes = []
    for _ in range(VESSELS_A_LUNG):
        angle, reach = generator.uniform(0, 2 * np.pi), generator.uniform(0.45, 0.92)
        flat = centre + size * reach * np.array([np.cos(angle), np.sin(angle)])
        end = np.array([*flat, generator.uniform(-45, 45)])
        start = root + generator.normal(0, 5, 3)
        tubes.append([*start, *end, generator.uniform(3.0, 5.0), generator.uniform(1.0, 2.0)])
    return np.array(tubes, np.float32)


def _root(centre: np.ndarray) -> np.ndarray:
    """Where a lung's vessels enter it, `(x, y)`."""
    return np.array([centre[0] * 0.62, centre[1] + 4.0])


def _nodule(
    generator: np.random.Generator,
    lungs: list[tuple[np.ndarray, np.ndarray]],
    z_mm: tuple[float, ...],
) -> Nodule:
    """A nodule inside a lung, off its root, placed so that no slice cuts only its edge."""
    centre, size = lungs[generator.integers(len(lungs))]
    radius = generator.uniform(9.0, 16.0)
    value = generator.uniform(-30, 60)
    while True:
        angle, reach = generator.uniform(0, 2 * np.pi), np.sqrt(generator.uniform(0, 0.85))
        flat = centre + (size - radius) * reach * np.array([np.cos(angle), np.sin(angle)])
        if np.hypot(*(flat - _root(centre))) < ROOT_MM + radius:
            continue
        z = generator.uniform(min(z_mm), max(z_mm))
        nodule = Nodule((float(flat[0]), float(flat[1]), float(z)), float(radius), float(value))
        sections = [nodule.section_mm(place) for place in z_mm]
        if all(section == 0 or section >= SMALLEST_SECTION_MM for section in sections):
            return nodule


def _bones(generator: np.random.Generator, half: np.ndarray) -> np.ndarray:
    """Spine, breastbone and ribs: `[N, 5]`, centre, half axes, and a slope with z."""
    spine = [[0.0, half[1] * 0.62, 17.0, 15.0, 0.0]]
    breastbone = [[0.0, -half[1] * 0.86, 17.0, 5.0, 0.0]]
    turn = generator.uniform(0, 0.25)
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False) + turn
    at = [(0.87 * half[0] * np.cos(a), 0.84 * half[1] * np.sin(a)) for a in angles]
    ribs = [[x, y, 6.5, 4.5, generator.uniform(-0.3, 0.3)] for x, y in at]
    return np.array(spine + breastbone + ribs, np.float32)


def _slice(
    z: float,
    half: np.ndarray,
    lungs: list[tuple[np.ndarray, np.ndarray]],
    tubes: np.ndarray,
    nodule: Nodule | None,
    bones: np.ndarray,
) -> np.ndarray:
    x, y = _grid()
    image = np.full((PIXELS, PIXELS), AIR, np.float32)
    image[_ellipse(x, y, np.zeros(2), half)] = FAT
    image[_ellipse(x, y, np.zeros(2), half * 0.93)] = SOFT
    inside = np.zeros_like(image, bool)
    for centre, size in lungs:
        inside |= _ellipse(x, y, centre, size * (1 - 0.0015 * z))
    image[inside] = LUNG
    for bx, by, width, height, lean in bones:
        image[_ellipse(x, y, (bx, by + lean * z), (width, height)) & ~inside] = BONE
    tube = _in_tubes(x, y, z, tubes) & inside
    image[tube] = SOFT
    if nodule is not None and (section := nodule.section_mm(z)) > 0:
        ball = _ellipse(x, y, nodule.centre_mm[:2], (section, section))
        image[ball & inside] = nodule.value
    return gaussian_filter(image, 0.7)


def _ellipse(
    x: np.ndarray, y: np.ndarray, centre: np.ndarray | tuple, half: np.ndarray | tuple
) -> np.ndarray:
    return ((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 <= 1


def _in_tubes(x: np.ndarray, y: np.ndarray, z: float, tubes: np.ndarray) -> np.ndarray:
    """Where a slice cuts tubes: each pixel's distance from a tube's axis, against its radius."""
    found = np.zeros((PIXELS, PIXELS), bool)
    for tube in tubes:
        start, along = tube[:3], tube[3:6] - tube[:3]
        gap = (x - start[0], y - start[1], np.float32(z - start[2]))
        place = sum(part * axis for part, axis in zip(gap, along, strict=True))
        place = np.clip(place / np.dot(along, along), 0, 1)
        apart = sum((part - place * axis) ** 2 for part, axis in zip(gap, along, strict=True))
        found |= apart <= (tube[6] + (tube[7] - tube[6]) * place) ** 2
    return found
