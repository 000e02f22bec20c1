"""Pictures of a segmented case: the image with the outlines of truth and prediction."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image as Picture
from skimage.measure import approximate_polygon

from tfmed.evaluation.thumbnails import oriented
from tfmed.measure.contour import polygons

# Both are seen on grey and on stained tissue, also by the colour-blind.
TRUTH, PREDICTED = "#27d3f5", "#ff9d1e"
SIDE = 480
CONTEXT, LEAST_SHARE = 2.0, 0.45
TOLERANCE_PIXELS = 0.25
JPEG_QUALITY = 88
PLANES = ("Axial", "Coronal", "Sagittal")


@dataclass(frozen=True, eq=False)
class DrawnCase:
    """What is drawn of a case.

    Attributes:
        shown: uint8 `[H, W, C]` or `[D, H, W, C]`, as people look at it.
        truth: label map of the same grid.
        predicted: label map of the same grid.
        spacing_mm: of the axes, or None.
        affine: as of `tfmed.image.Image`, or None.
    """

    shown: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    spacing_mm: tuple[float, ...] | None
    affine: np.ndarray | None


@dataclass(frozen=True, eq=False)
class _Plane:
    title: str
    shown: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    spacing: np.ndarray


def panes(case: DrawnCase, classes: Sequence[str]) -> list[dict[str, Any]]:
    """A case as SVG elements: an image one, a volume its three planes.

    Each plane is the one that shows most of the structures of the truth (of the prediction, where
    the truth has none), cut to them with as much again around, where that is smaller. Where the
    file tells the patient's axes, the front is up and the patient's right on the left.

    Args:
        case: what is drawn.
        classes: the background first; each outline tells its class to who points at it.

    Returns:
        For each `svg`, its `title`, and `width`, which in equal units makes all of one scale.
    """
    planes = _planes(case)
    lengths = [np.array(plane.truth.shape) * plane.spacing for plane in planes]
    scale = SIDE / max(length.max() for length in lengths)
    return [
        {
            "title": plane.title,
            "width": round(float(length[1]) * scale),
            "svg": _svg(plane, np.maximum(np.rint(length * scale).astype(int), 1), classes),
        }
        for plane, length in zip(planes, lengths, strict=True)
    ]


def _planes(case: DrawnCase) -> list[_Plane]:
    spacing = np.array(case.spacing_mm or (1.0,) * case.truth.ndim)
    stack = np.stack([case.truth, case.predicted], axis=-1)
    if stack.ndim == 3:
        box = _box(stack, spacing)
        return [_Plane("", case.shown[box], *_pair(stack[box]), spacing)]
    shown, turned = oriented(case.shown, spacing, case.affine)
    stack, _ = oriented(stack, spacing, case.affine)
    box, found = _box(stack, turned), []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        areas = np.count_nonzero(stack[..., 0] if stack[..., 0].any() else stack[..., 1], others)
        index = int(areas.argmax()) if areas.any() else len(areas) // 2
        cut = tuple(index if of == axis else box[of] for of in range(3))
        name = f"Axis {axis + 1}" if case.affine is None else PLANES[axis]
        title = f"{name}, plane {index + 1} of {len(areas)}"
        found.append(_Plane(title, shown[cut], *_pair(stack[cut]), np.delete(turned, axis)))
    return found


def _pair(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return stack[..., 0], stack[..., 1]


def _box(stack: np.ndarray, spacing: np.ndarray) -> tuple[slice, ...]:
    """Around all structures with their surroundings; `stack` has truth and prediction last."""
    marked: np.ndarray = np.any(stack, axis=-1)
    axes = range(marked.ndim)
    ends = []
    for axis in axes:
        there = np.flatnonzero(marked.any(axis=tuple(of for of in axes if of != axis)))
        length = marked.shape[axis]
        first, last = (int(there[0]), int(there[-1]) + 1) if len(there) else (0, length)
        ends.append((first, last, length))
    # One length for all axes, so that a flat structure is not cut to a stripe.
    widest = max(
        (last - first) * step for (first, last, _), step in zip(ends, spacing, strict=True)
    )
    box = []
    for (first, last, length), step in zip(ends, spacing, strict=True):
        wanted = max(CONTEXT * widest / step, LEAST_SHARE * length)
        size = min(round(max(wanted, last - first)), length)
        start = int(np.clip((first + last - size) // 2, 0, length - size))
        box.append(slice(start, start + size))
    return tuple(box)


def _svg(plane: _Plane, size: np.ndarray, classes: Sequence[str]) -> str:
    (height, width), scale = size, size / plane.truth.shape
    lines = [
        f'<svg role="img" aria-label="{plane.title or "Image"} with outlines" '
        f'viewBox="0 0 {width} {height}">',
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="{_uri(plane.shown, width, height)}"/>',
    ]
    # The prediction is dashed, so that both are seen where they agree.
    for labels, what, colour, dashes in (
        (plane.truth, "truth", TRUTH, ""),
        (plane.predicted, "prediction", PREDICTED, ' stroke-dasharray="5 4"'),
    ):
        for label in np.unique(labels[labels > 0]):
            lines.append(
                f'<path d="{_path(labels == label, scale)}" fill="none" stroke="{colour}" '
                f'stroke-width="2"{dashes} stroke-linejoin="round" '
                'vector-effect="non-scaling-stroke">'
                f"<title>{escape(classes[label])}, {what}</title></path>"
            )
    return "\n".join([*lines, "</svg>"])


def _path(mask: np.ndarray, scale: np.ndarray) -> str:
    pieces = []
    for polygon in polygons(mask):
        for ring in polygon.rings:
            closed = np.vstack([ring, ring[:1]])
            points = (approximate_polygon(closed, TOLERANCE_PIXELS)[:-1] + 0.5) * scale
            pieces.append("M" + "L".join(f"{x:.1f} {y:.1f}" for y, x in points) + "Z")
    return "".join(pieces)


def _uri(shown: np.ndarray, width: int, height: int) -> str:
    own = Picture.fromarray(shown if shown.shape[-1] == 3 else shown[..., 0])
    out = io.BytesIO()
    own.resize((int(width), int(height)), Picture.Resampling.BICUBIC).save(
        out, "JPEG", quality=JPEG_QUALITY
    )
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
