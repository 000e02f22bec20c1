"""The objects of a structure, one by one: found, cut out, measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, cKDTree

from tfmed.measure import contour, diameter, intensity, shape, skeleton, surface, texture
from tfmed.measure.contour import Polygon
from tfmed.measure.label_maps import Mask

Box = tuple[slice, ...]


@dataclass(eq=False)
class Object:
    """One object, measured.

    Attributes:
        figures: by the names of `definitions.OBJECTS`, without units; None, or no entry, is
            undefined.
        outlines: its polygons by slice, in the mask's `(row, column)` indices.
        name: of its class.
        value: of its class in the mask.
        number: in its class, from 1.
        diameters: its longest diameter and the one across; None of a single voxel.
        pairs: neighbouring grey levels, from `texture.pairs`; None without an image.
        widths: float64 `[N]`, its thickness along the centre line, where that was wanted.
        chorded: length of its branches that are not closed, which weighs its tortuosity.
    """

    figures: dict[str, Any]
    outlines: dict[int, list[Polygon]]
    name: str = ""
    value: int = 0
    number: int = 0
    diameters: diameter.Diameters | None = None
    pairs: np.ndarray | None = None
    widths: np.ndarray = field(default_factory=lambda: np.zeros(0))
    chorded: float = 0.0


def split(mask: Mask, value: int) -> Iterator[tuple[Box, np.ndarray]]:
    """The connected parts of a structure: each one's box and, inside it, its voxels.

    Voxels that share a face, an edge or a corner belong together (8 or 26 neighbours).

    Args:
        mask: the label map.
        value: the structure's.
    """
    whole = _box(mask.labels == value)
    if whole is None:
        return
    corners = np.ones((3,) * mask.labels.ndim)
    parts, _ = ndimage.label(mask.labels[whole] == value, structure=corners)
    for number, box in enumerate(ndimage.find_objects(parts), 1):
        own = tuple(
            slice(at.start + all_.start, at.stop + all_.start)
            for at, all_ in zip(box, whole, strict=True)
        )
        yield own, parts[box] == number


def instances(mask: Mask) -> Iterator[tuple[int, Box, np.ndarray]]:
    """Each value of a label map as one object: the value, its box and its voxels."""
    for value, box in enumerate(ndimage.find_objects(mask.labels.astype(np.int32)), 1):
        if box is not None:
            yield value, box, mask.labels[box] == value


def _box(solid: np.ndarray) -> Box | None:
    """The bounding box of a mask; None of an empty one."""
    found = ndimage.find_objects(solid.view(np.uint8))
    return found[0] if found else None


def measure(
    mask: Mask,
    box: Box,
    solid: np.ndarray,
    *,
    image: np.ndarray | None = None,
    lines: bool = True,
) -> Object:
    """All figures of one object; its class and number are set by who asks.

    Args:
        mask: the label map that it belongs to.
        box: where it lies.
        solid: bool, its voxels inside the box.
        image: intensities, of the mask's shape.
        lines: whether its centre line is wanted.
    """
    moments = shape.moments(solid, mask.spacing)
    size = moments.voxels * float(np.prod(mask.spacing))
    found = Object(
        figures={
            "voxels": moments.voxels,
            "area" if mask.flat else "volume": size,
            "extent": moments.voxels / solid.size,
            **_place(mask, box, moments),
        },
        outlines=_outlines(box, solid),
    )
    if moments.voxels > 1:
        border = _border(found.outlines, box, solid, mask.spacing)
        found.figures.update(shape.principal(moments) | _form(border, size))
        _measure_diameters(found, border, mask.spacing)
        if lines:
            _measure_lines(found, border, solid, mask.spacing)
    if image is not None:
        own = image[box]
        found.pairs = texture.pairs(own, solid)
        found.figures.update(intensities(own[solid], found.pairs))
    return found


def _outlines(box: Box, solid: np.ndarray) -> dict[int, list[Polygon]]:
    planes = solid.reshape(-1, *solid.shape[-2:])
    first = box[0].start if solid.ndim == 3 else 0
    corner = np.array([box[-2].start, box[-1].start])
    return {
        first + number: [
            Polygon(polygon.outer + corner, [hole + corner for hole in polygon.holes])
            for polygon in contour.polygons(plane)
        ]
        for number, plane in enumerate(planes)
        if plane.any()
    }


def _place(mask: Mask, box: Box, moments: shape.Moments) -> dict[str, Any]:
    """Centroid and bounding box, in indices and, where the file tells, in the patient."""
    names = ("slice", "row", "column")[-len(box) :]
    centre = moments.centre + [at.start for at in box]
    found: dict[str, Any] = {}
    for name, at, middle in zip(names, box, centre, strict=True):
        found[f"centroid_{name}"] = float(middle)
        found[f"box_{name}_first"], found[f"box_{name}_last"] = at.start, at.stop - 1
    found |= patient(mask, centre)
    found["touches_border"] = any(
        at.start == 0 or at.stop == length
        for at, length in zip(box, mask.labels.shape, strict=True)
    )
    return found


def patient(mask: Mask, index: np.ndarray) -> dict[str, float | None]:
    """Patient coordinates of an index, `centroid_r`, `_a` and `_s` in mm; None without affine."""
    names = ("centroid_r", "centroid_a", "centroid_s")
    if mask.affine is None:
        return dict.fromkeys(names)
    at = mask.affine @ [*([0.0] if mask.flat else []), *index, 1.0]
    return {name: float(part) for name, part in zip(names, at, strict=False)}


@dataclass(frozen=True, eq=False)
class _Border:
    """The outline of an object, all in the spacing's unit.

    Attributes:
        points: float64 `[N, axes]`, from the middle of the box's first voxel.
        length: the perimeter, or the surface's area, smoothed.
        inside: the area or volume inside the outline as it is.
    """

    points: np.ndarray
    length: float
    inside: float


def _border(
    outlines: dict[int, list[Polygon]], box: Box, solid: np.ndarray, spacing: tuple[float, ...]
) -> _Border:
    if solid.ndim == 3:
        mesh = surface.mesh(solid)
        points = mesh.vertices * np.asarray(spacing, float)
        length = surface.area(surface.smoothed(mesh), spacing)
        return _Border(points, length, surface.volume(mesh, spacing))
    shapes = outlines[0]
    corner = np.array([at.start for at in box])
    rings = np.concatenate([ring for polygon in shapes for ring in polygon.rings])
    inside = sum(contour.area(polygon, spacing) for polygon in shapes)
    return _Border((rings - corner) * spacing, contour.perimeter(shapes, spacing), inside)


def _form(border: _Border, size: float) -> dict[str, Any]:
    """Border, roundness and solidity of an object of several voxels."""
    axes = border.points.shape[1]
    try:
        room = float(ConvexHull(border.points).volume)
    except QhullError:
        room = 0.0
    return {
        "perimeter" if axes == 2 else "surface": border.length,
        "circularity" if axes == 2 else "sphericity": shape.roundness(size, border.length, axes),
        "equivalent_diameter": shape.equivalent_diameter(size, axes),
        "solidity": min(border.inside / room, 1.0) if room else None,
    }


def _measure_diameters(found: Object, border: _Border, spacing: tuple[float, ...]) -> None:
    lines = diameter.recist(found.outlines.items(), spacing[-2:])
    found.diameters = lines
    found.figures |= {
        "longest_diameter": lines.longest,
        "perpendicular_diameter": lines.perpendicular,
        "diameter_slice": lines.slice,
    }
    if border.points.shape[1] == 3:
        found.figures["max_3d_diameter"] = diameter.farthest(diameter.hull(border.points))[0]


def _measure_lines(
    found: Object, border: _Border, solid: np.ndarray, spacing: tuple[float, ...]
) -> None:
    """What the centre line tells, and what it weighs in its structure."""
    thin = skeleton.skeleton(solid, spacing, border.points)
    widths = skeleton.thickness(thin, solid, spacing, border.points)
    length = sum(branch.length for branch in thin.branches)
    found.widths = widths
    found.chorded = sum(branch.length for branch in thin.branches if branch.chord > 0)
    there = length > 0  # the centre line of a ball is a point
    found.figures |= {
        "skeleton_length": length if there else None,
        "branches": len(thin.branches) if there else None,
        "branch_points": thin.forks if there else None,
        "end_points": thin.ends if there else None,
        "tortuosity": skeleton.tortuosity(thin.branches),
        "thickness_mean": float(widths.mean()),
        "thickness_sd": float(widths.std()) if len(widths) > 1 else None,
        "thickness_maximum": float(widths.max()),
    }


def intensities(values: np.ndarray, pairs: np.ndarray) -> dict[str, float | None]:
    """First-order statistics and texture by the names of their columns."""
    first = intensity.first_order(values)
    return {f"intensity_{name}": value for name, value in first.items()} | {
        f"texture_{name}": value for name, value in texture.glcm(pairs).items()
    }


def neighbours(found: list[Object], spacing: tuple[float, ...]) -> None:
    """Note in each object of a class how far the nearest other one is; alone it is None."""
    names = ("slice", "row", "column")[-len(spacing) :]
    places = [[one.figures[f"centroid_{name}"] for name in names] for one in found]
    away: list[float | None] = [None] * len(found)
    if len(found) > 1:
        apart = cKDTree(np.array(places) * spacing).query(np.array(places) * spacing, k=2)[0]
        away = [float(distance) for distance in apart[:, 1]]
    for one, distance in zip(found, away, strict=True):
        one.figures["nearest_neighbour"] = distance
