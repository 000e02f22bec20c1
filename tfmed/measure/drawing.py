"""Outlines as files: GeoJSON polygons and SVG drawings, in mm where the spacing is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from tfmed.measure.contour import Polygon, signed_area, simplified
from tfmed.measure.label_maps import Mask
from tfmed.measure.objects import Object
from tfmed.run import write_text

# Okabe and Ito's colours for the colour-blind.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d")
DIGITS = 3  # decimals of a pixel


def colour(value: int) -> str:
    """The colour of a class by its value, or of an instance by its number; 8 has that of 1."""
    return COLOURS[(value - 1) % len(COLOURS)]


def write(folder: Path, stem: str, mask: Mask, found: Sequence[Object]) -> None:
    """Write the outlines of a mask: `STEM.geojson`, and an SVG of each slice that shows any.

    Args:
        folder: for the files.
        stem: of their names; volumes' drawings are `STEM/slice_0012.svg`.
        mask: the label map.
        found: its objects.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{stem}.geojson", json.dumps(collection(mask, found)))
    slices = sorted({number for one in found for number in one.outlines})
    for number in slices:
        name = f"{stem}.svg" if mask.flat else f"{stem}/slice_{number:04d}.svg"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(folder / name, drawing(mask, found, number))


def collection(mask: Mask, found: Sequence[Object]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection: a MultiPolygon for each object and slice.

    RFC 7946: rings are closed, outer ones run counter-clockwise in the first two coordinates,
    holes clockwise. Its coordinates would be longitude and latitude; here they are lengths, as
    the member `axes` says: patient coordinates (RAS+, mm) where the file tells them, or else
    `x` to the right and `y` down from the middle of the first pixel.

    Args:
        mask: the label map.
        found: its objects.
    """
    features = [
        {
            "type": "Feature",
            "properties": {
                "class": one.name,
                "value": one.value,
                "object": one.number,
                "slice": None if mask.flat else number,
            },
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [_rings(mask, number, polygon) for polygon in polygons],
            },
        }
        for one in found
        for number, polygons in one.outlines.items()
    ]
    axes = ["x", "y"] if mask.affine is None else ["right", "anterior", "superior"]
    return {"type": "FeatureCollection", "units": mask.unit, "axes": axes, "features": features}


def _rings(mask: Mask, number: int, polygon: Polygon) -> list[list[list[float]]]:
    rings = []
    decimals = DIGITS - int(np.floor(np.log10(min(mask.spacing))))
    for place, ring in enumerate(polygon.rings):
        points = _placed(mask, number, simplified(ring))
        if (signed_area(points[:, :2]) > 0) == (place > 0):
            points = points[::-1]
        closed = np.vstack([points, points[:1]])
        rings.append(np.round(closed, decimals).tolist())
    return rings


def _placed(mask: Mask, number: int, ring: np.ndarray) -> np.ndarray:
    """Points of a slice, `(row, column)`, in the coordinates of the file."""
    if mask.affine is None:
        result: np.ndarray = (ring * mask.spacing[-2:])[:, ::-1]
        return result
    index = np.column_stack([np.full(len(ring), float(number)), ring, np.ones(len(ring))])
    placed: np.ndarray = (index @ mask.affine.T)[:, :3]
    return placed


def path(polygon: Polygon, scale: Sequence[float]) -> str:
    """A polygon as the `d` of an SVG path; holes stay open under `fill-rule: evenodd`.

    Args:
        polygon: `(row, column)`.
        scale: what a row and a column are long.
    """
    pieces = []
    for ring in polygon.rings:
        points = (simplified(ring) + 0.5) * np.asarray(scale)
        pieces.append("M" + "L".join(f"{x:.6g} {y:.6g}" for y, x in points) + "Z")
    return "".join(pieces)


def drawing(mask: Mask, found: Sequence[Object], number: int = 0) -> str:
    """The outlines of one slice as SVG; a unit of the drawing is 1 mm, or 1 pixel.

    The first row is at the top, as the array lies; the drawing's corner is that of the first
    pixel.

    Args:
        mask: the label map.
        found: its objects.
        number: the slice.
    """
    scale = mask.spacing[-2:]
    height, width = (n * s for n, s in zip(mask.labels.shape[-2:], scale, strict=True))
    size = f'width="{width:.6g}mm" height="{height:.6g}mm"'
    if mask.unit == "px":
        size = f'width="{width:.6g}" height="{height:.6g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.6g} {height:.6g}">',
        '<g fill-rule="evenodd" fill-opacity="0.25" stroke-width="1" stroke-linejoin="round">',
    ]
    for one in found:
        own = "".join(path(polygon, scale) for polygon in one.outlines.get(number, ()))
        if own:
            shade = colour(one.value or one.number)
            about = f'data-class={quoteattr(one.name)} data-object="{one.number}"'
            pen = f'fill="{shade}" stroke="{shade}" vector-effect="non-scaling-stroke"'
            lines.append(f'<path d="{own}" {pen} {about}/>')
    return "\n".join([*lines, "</g>", "</svg>", ""])
