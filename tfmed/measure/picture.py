"""Pictures of a measured mask: a slice with its outlines and diameters, a volume from the front."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter, zoom

from tfmed.measure.drawing import COLOURS, colour, path
from tfmed.measure.label_maps import Mask
from tfmed.measure.objects import Object

MARGIN, LEAST_MARGIN = 0.12, 6
MOST_LINES, MOST_TEXTS = 12, 3
VIEW_PIXELS = 420


def slice_of(found: Sequence[Object]) -> int:
    """The slice to show: that of the longest diameter."""
    lines = [one.diameters for one in found if one.diameters is not None]
    return max(lines, key=lambda line: line.longest).slice if lines else 0


def section(mask: Mask, found: Sequence[Object], image: np.ndarray | None) -> str:
    """A slice as an SVG element: image, outlines of all objects, diameters of the largest.

    The slice is the one with the longest diameter, cut to what is marked. Where the file tells
    the patient's axes, the front is up and the patient's right on the left, as in radiology.

    Args:
        mask: the label map.
        found: its objects.
        image: intensities of the mask's shape, or None.
    """
    number = slice_of(found)
    scale = mask.spacing[-2:]
    low, high = _window(mask, number)
    top, left = (at * step for at, step in zip(low, scale, strict=True))
    height, width = ((b - a) * s for a, b, s in zip(low, high, scale, strict=True))
    place = f'x="{left:.5g}" y="{top:.5g}" width="{width:.5g}" height="{height:.5g}"'
    turned = mask.affine is not None
    # x -> 2 left + width - x keeps the window where it is.
    flip = f' transform="matrix(-1 0 0 -1 {2 * left + width:.6g} {2 * top + height:.6g})"'
    lines = [
        f'<svg role="img" aria-label="Outlines in slice {number}" '
        f'viewBox="{left:.5g} {top:.5g} {width:.5g} {height:.5g}">',
        f"<g{flip if turned else ''}>",
    ]
    if image is None:
        lines.append(f'<rect {place} fill="#1f2933"/>')
    else:
        plane = image if mask.flat else image[number]
        shown = _grey(plane, image)[low[0] : high[0], low[1] : high[1]]
        lines.append(f'<image {place} preserveAspectRatio="none" href="{_uri(shown)}"/>')
    lines += [*_outlines(found, number, scale), "</g>"]
    lines += _diameters(found, number, mask, (left, top, width, height) if turned else None)
    return "\n".join([*lines, "</svg>"])


def _window(mask: Mask, number: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and past-the-last `(row, column)` of what is marked in a slice, with a margin."""
    plane = mask.labels if mask.flat else mask.labels[number]
    low, high = [], []
    for axis in (0, 1):
        there = np.flatnonzero(plane.any(axis=1 - axis))
        length = plane.shape[axis]
        first, last = (int(there[0]), int(there[-1]) + 1) if len(there) else (0, length)
        margin = max(round(MARGIN * (last - first)), LEAST_MARGIN)
        low.append(max(first - margin, 0))
        high.append(min(last + margin, length))
    return (low[0], low[1]), (high[0], high[1])


def _outlines(found: Sequence[Object], number: int, scale: Sequence[float]) -> list[str]:
    lines = []
    for one in found:
        own = "".join(path(polygon, scale) for polygon in one.outlines.get(number, ()))
        if own:
            shade = colour(one.value or one.number)
            lines.append(
                f'<path d="{own}" fill="{shade}" fill-opacity="0.16" fill-rule="evenodd" '
                f'stroke="{shade}" stroke-width="1.6" vector-effect="non-scaling-stroke">'
                f"<title>{escape(one.name)} {one.number}</title></path>"
            )
    return lines


def _diameters(
    found: Sequence[Object],
    number: int,
    mask: Mask,
    turned: tuple[float, float, float, float] | None,
) -> list[str]:
    """Both diameters of the largest objects that have theirs in this slice, with their lengths."""
    shown = [one for one in found if one.diameters is not None and one.diameters.slice == number]
    shown.sort(key=lambda one: -one.diameters.longest if one.diameters else 0)
    (_, left), (_, right) = _window(mask, number)
    middle = (left + right) / 2 * mask.spacing[-1]
    lines = []
    for place, one in enumerate(shown[:MOST_LINES]):
        if one.diameters is None:
            continue
        ends = (one.diameters.ends + 0.5) * mask.spacing[-2:]
        y, x = ends[:, 0], ends[:, 1]
        if turned:
            x, y = 2 * turned[0] + turned[2] - x, 2 * turned[1] + turned[3] - y
        for first, second, dash in ((0, 1, ""), (2, 3, ' stroke-dasharray="4 3"')):
            lines.append(
                f'<line x1="{x[first]:.5g}" y1="{y[first]:.5g}" x2="{x[second]:.5g}" '
                f'y2="{y[second]:.5g}" stroke="#fff" stroke-width="1.4"{dash} '
                'vector-effect="non-scaling-stroke"/>'
            )
        if place < MOST_TEXTS:
            size = 0.042 * max(_extent(mask, number))
            text = f"{one.diameters.longest:.3g} {mask.unit}"
            # Towards the middle, so that no text is cut off.
            anchor = "end" if x[0] > middle else "start"
            pen = f'fill="#fff" stroke="#000" stroke-width="{size / 6:.4g}" paint-order="stroke"'
            where = f'x="{x[0]:.5g}" y="{y[0]:.5g}" font-size="{size:.4g}"'
            lines.append(f'<text {where} {pen} text-anchor="{anchor}">{text}</text>')
    return lines


def _extent(mask: Mask, number: int) -> tuple[float, float]:
    low, high = _window(mask, number)
    rows, columns = ((b - a) * s for a, b, s in zip(low, high, mask.spacing[-2:], strict=True))
    return rows, columns


def _grey(plane: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A slice in 256 shades between the image's 0.5th and 99.5th percentile."""
    step = max(1, image.size // 1_000_000)
    low, high = np.percentile(image.reshape(-1)[::step], [0.5, 99.5])
    scaled = (plane.astype(np.float32) - low) / max(float(high - low), 1e-6)
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def front(mask: Mask) -> str:
    """A volume's structures as seen from the front, shaded, as a PNG in a data URI.

    Of each column of voxels the first that belongs to a structure is seen; light falls from the
    viewer, upper left. Where the file tells no axes, the view is along the rows.

    Args:
        mask: the label map of a volume.
    """
    labels = mask.labels[::-1, ::-1, ::-1] if mask.affine is not None else mask.labels
    there: np.ndarray = labels > 0
    hit = np.asarray(there.any(axis=1))
    if not hit.any():
        return ""
    depth = there.argmax(axis=1)
    value = np.take_along_axis(labels, depth[:, None], axis=1)[:, 0]
    rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
    cut = np.s_[max(rows[0] - 2, 0) : rows[-1] + 3, max(columns[0] - 2, 0) : columns[-1] + 3]
    hit, depth, value = hit[cut], depth[cut], value[cut]
    steps = np.array(mask.spacing)[[0, 2]]
    factors = VIEW_PIXELS / (np.array(hit.shape) * steps).max() * steps
    # Which colour, interpolated, so that small volumes have no stairs for edges.
    turn = (np.arange(int(labels.max()) + 1) - 1) % len(COLOURS)
    shades = np.unique(turn[value[hit]])
    soft = [
        zoom((hit & (turn[value] == own)).astype(np.float32), factors, order=1) for own in shades
    ]
    weight = zoom(gaussian_filter(hit.astype(float), 1), factors, order=1)
    away = np.where(hit, depth * mask.spacing[1], 0.0)
    away = zoom(gaussian_filter(away, 1), factors, order=1) / np.maximum(weight, 1e-6)
    rise, run = np.gradient(gaussian_filter(away, factors / 2), *(steps / factors))
    light = (0.75 + 0.35 * run + 0.45 * rise) / np.sqrt(1 + rise**2 + run**2)
    light = (0.35 + 0.65 * np.clip(light, 0, 1))[..., None]
    codes = [[int(COLOURS[own][at : at + 2], 16) for at in (1, 3, 5)] for own in shades]
    colours = np.array(codes)[np.argmax(soft, axis=0)]
    shown = np.where(
        (np.sum(soft, axis=0) > 0.5)[..., None], light * colours + (1 - light) * 12, 255
    )
    return _uri(np.clip(shown, 0, 255).astype(np.uint8))


def _uri(shown: np.ndarray) -> str:
    out = io.BytesIO()
    Pillow.fromarray(shown).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
