"""Drawn organs as volumes with label maps, whose true size follows from formulas.

Each patient has a `liver` (an ellipsoid), three `lesion`s (balls) and a `vessel` (a tube along a
helix). Nothing here is measured from a patient. Lengths are mm, values Hounsfield units; x grows
to the patient's right, y to the front, z to the head, with 0 in the middle of the volume.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel
import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from scipy.special import ellipeinc, ellipkinc

from tfmed.data.download import keep

VERSION = 1  # a new number when what is drawn changes: older files are then not reused
CLASSES = {1: "liver", 2: "lesion", 3: "vessel"}
PATIENTS = 6
EXTENT_MM = (120.0, 150.0, 170.0)  # z, y, x
TRAINING_PATIENTS = 24
TRAINING_SPACINGS_MM = ((2.0, 2.0, 2.0), (2.5, 2.0, 2.0))
SPACINGS_MM = ((1.0, 1.0, 1.0), (2.5, 0.8, 0.8))  # (slice, row, column); patients take turns
AIR, BODY = -1000.0, 40.0
HOUNSFIELD = {"liver": 110.0, "lesion": 65.0, "vessel": 240.0}
NOISE = 12.0
TURNS = 2.0


@dataclass(frozen=True)
class DrawnTruth:
    """What is true of one drawn object.

    Attributes:
        file: name of its image and of its mask.
        structure: its class.
        middle_mm: its middle: to the right, to the front, to the head.
        volume_mm3: by the formula of its shape.
        surface_mm2: by the formula of its shape.
        longest_axial_mm: the longest line in an axial plane; None of the vessel.
        longest_mm: the longest line in space; None of the vessel.
        centre_line_mm: length of the vessel's middle line; None of others.
        thickness_mm: the vessel's diameter; None of others.
    """

    file: str
    structure: str
    middle_mm: tuple[float, float, float]
    volume_mm3: float
    surface_mm2: float
    longest_axial_mm: float | None = None
    longest_mm: float | None = None
    centre_line_mm: float | None = None
    thickness_mm: float | None = None


def folder(seed: int = 0) -> Path:
    """The folder with `images/`, `labels/` and `truth.csv`, drawn at the first time.

    Raises:
        DataError: the files cannot be written.
    """
    name = Path("synthetic") / f"organs-{VERSION}-{seed}"
    return keep(name, lambda aside: write(aside, seed))


def write_training(place: Path, seed: int) -> None:
    """As `write`, of patients to train on: more and coarser, with bodies beside the organs.

    `dataset.json` names the classes, and says that it is CT.
    """
    write(place, seed, TRAINING_PATIENTS, TRAINING_SPACINGS_MM, beside=True)
    names = {"background": 0} | {name: value for value, name in CLASSES.items()}
    about = {"channel_names": {"0": "CT"}, "labels": names}
    (place / "dataset.json").write_text(json.dumps(about), encoding="utf-8")


def write(
    place: Path,
    seed: int = 0,
    patients: int = PATIENTS,
    spacings_mm: tuple[tuple[float, float, float], ...] = SPACINGS_MM,
    beside: bool = False,
) -> list[DrawnTruth]:
    """Draw patients into `images/`, `labels/` (1 liver, 2 lesion, 3 vessel) and `truth.csv`.

    Args:
        place: the folder.
        seed: sizes and places follow from it.
        patients: how many.
        spacings_mm: patients take turns with these.
        beside: see `draw`.
    """
    truths: list[DrawnTruth] = []
    for part in ("images", "labels"):
        (place / part).mkdir(parents=True, exist_ok=True)
    for number in range(patients):
        generator = np.random.default_rng([seed, number])
        spacing = spacings_mm[number % len(spacings_mm)]
        name = f"organs_{number:03d}.nii.gz"
        image, labels, found = draw(generator, spacing, name, beside)
        truths += found
        for part, values in (("images", image), ("labels", labels)):
            _save(place / part / name, values, spacing)
    rows = [asdict(one) for one in truths]
    for row in rows:
        row.update(zip(("x_mm", "y_mm", "z_mm"), row.pop("middle_mm"), strict=True))
    with (place / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return truths


def draw(
    generator: np.random.Generator,
    spacing: tuple[float, float, float],
    name: str,
    beside: bool = False,
) -> tuple[np.ndarray, np.ndarray, list[DrawnTruth]]:
    """Draw one patient.

    Args:
        generator: what sizes and places are drawn by.
        spacing: `(slice, row, column)` in mm.
        name: of its files.
        beside: whether to draw bodies as bright as the organs that are none: spleen, spine, cysts.

    Returns:
        int16 image and uint8 labels `[D, H, W]`, and the truth of each object.
    """
    z, y, x = _grid(spacing)
    labels = np.zeros((z.size, y.size, x.size), np.uint8)
    half = generator.uniform((32, 40, 27), (37, 46, 33))
    turn, middle = generator.uniform(0, np.pi), np.array([-32.0, 0.0, 0.0])
    along = (x - middle[0]) * np.cos(turn) + (y - middle[1]) * np.sin(turn)
    across = (y - middle[1]) * np.cos(turn) - (x - middle[0]) * np.sin(turn)
    labels[(along / half[0]) ** 2 + (across / half[1]) ** 2 + (z / half[2]) ** 2 <= 1] = 1
    longest = 2 * float(max(half[:2])), 2 * float(max(half))
    truths = [DrawnTruth(name, "liver", _point(middle), *ellipsoid(*half), *longest)]
    for height in (-35.0, 0.0, 35.0):
        radius = generator.uniform(7, 13)
        centre = np.array([45.0, -40.0, height]) + generator.uniform(-3, 3, 3)
        ball = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        labels[ball <= radius**2] = 2
        size = ellipsoid(radius, radius, radius)
        truths.append(DrawnTruth(name, "lesion", _point(centre), *size, 2 * radius, 2 * radius))
    truths.append(_vessel(generator, labels, (z, y, x), name))
    image = np.full(labels.shape, AIR, np.float32)
    image[np.broadcast_to((x / 82) ** 2 + (y / 72) ** 2 <= 1, labels.shape)] = BODY
    if beside:
        _draw_beside(generator, image, (z, y, x))
    for value, organ in CLASSES.items():
        image[labels == value] = HOUNSFIELD[organ]
    image = gaussian_filter(image, 0.7) + generator.normal(0, NOISE, labels.shape)
    return np.rint(image).astype(np.int16), labels, truths


def _draw_beside(
    generator: np.random.Generator, image: np.ndarray, grid: tuple[np.ndarray, ...]
) -> None:
    """A spleen, a spine and cysts, as bright as liver, vessel and lesions."""
    z, y, x = grid
    for organ, (right, front, up), half in (
        ("liver", (8.0, 50.0, generator.uniform(-15, 15)), (11, 13, 20)),
        ("vessel", (5.0, -58.0, 0.0), (9, 8, 1e6)),
        ("lesion", (-35.0, -58.0, generator.uniform(-25, 25)), (9, 8, 16)),
        ("lesion", (-25.0, 58.0, generator.uniform(-25, 25)), (14, 6, 14)),
    ):
        size = np.array(half) * generator.uniform(0.85, 1.1)
        apart = (
            ((x - right) / size[0]) ** 2 + ((y - front) / size[1]) ** 2 + ((z - up) / size[2]) ** 2
        )
        image[apart <= 1] = HOUNSFIELD[organ]


def ellipsoid(one: float, two: float, three: float) -> tuple[float, float]:
    """Volume and surface of an ellipsoid of three half axes, by elliptic integrals."""
    c, b, a = sorted((one, two, three))
    volume = 4 / 3 * np.pi * a * b * c
    if a - c < 1e-9 * a:
        return float(volume), float(4 * np.pi * a**2)
    angle = np.arccos(c / a)
    modulus = (a**2 * (b**2 - c**2)) / (b**2 * (a**2 - c**2))
    mixed = ellipeinc(angle, modulus) * np.sin(angle) ** 2
    mixed += ellipkinc(angle, modulus) * np.cos(angle) ** 2
    return float(volume), float(2 * np.pi * (c**2 + a * b / np.sin(angle) * mixed))


def tube(length: float, radius: float) -> tuple[float, float]:
    """Volume and surface of a tube along a curve, with half balls at its ends (H. Weyl, 1939)."""
    volume = np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3
    return float(volume), float(2 * np.pi * radius * length + 4 * np.pi * radius**2)


def _vessel(
    generator: np.random.Generator, labels: np.ndarray, grid: tuple[np.ndarray, ...], name: str
) -> DrawnTruth:
    """A tube along a helix that rises to the head."""
    radius, reach = generator.uniform(3.5, 5.0), generator.uniform(13, 17)
    rise, centre = generator.uniform(64, 72), np.array([48.0, 30.0, 0.0])
    angle = np.linspace(0, TURNS * 2 * np.pi, 2000)
    line = np.column_stack(
        [
            centre[0] + reach * np.cos(angle),
            centre[1] + reach * np.sin(angle),
            centre[2] + rise * (angle / angle[-1] - 0.5),
        ]
    )
    z, y, x = grid
    away = np.hypot(x - centre[0], y - centre[1])
    near = (away <= reach + radius) & (abs(z - centre[2]) <= rise / 2 + radius)
    places = np.argwhere(near)
    points = np.column_stack(
        [x.ravel()[places[:, 2]], y.ravel()[places[:, 1]], z.ravel()[places[:, 0]]]
    )
    inside = places[cKDTree(line).query(points)[0] <= radius]
    labels[tuple(inside.T)] = 3
    length = float(np.hypot(rise, TURNS * 2 * np.pi * reach))
    size = tube(length, radius)
    return DrawnTruth(
        name, "vessel", _point(centre), *size, centre_line_mm=length, thickness_mm=2 * radius
    )


def _point(place: np.ndarray) -> tuple[float, float, float]:
    return float(place[0]), float(place[1]), float(place[2])


def _grid(spacing: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """Coordinates of the voxels' centres, z, y and x, that broadcast to the volume."""
    counts = [round(length / step) for length, step in zip(EXTENT_MM, spacing, strict=True)]
    axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(counts, spacing, strict=True)]
    return axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]


def _save(path: Path, values: np.ndarray, spacing: tuple[float, float, float]) -> None:
    affine = np.diag([*spacing[::-1], 1.0])
    affine[:3, 3] = [float(axis.min()) for axis in reversed(_grid(spacing))]
    nibabel.save(nibabel.Nifti1Image(values.T, affine), path)
