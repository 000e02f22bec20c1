"""A structure as a whole: its objects counted, added up and put in order of size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmed.measure.label_maps import Mask
from tfmed.measure.objects import Object, intensities, patient

ADDED = ("voxels", "area", "volume", "perimeter", "surface")
COUNTED = ("skeleton_length", "branches", "branch_points", "end_points")


def measure(
    mask: Mask, found: Sequence[Object], values: np.ndarray | None = None
) -> dict[str, Any]:
    """The figures of a structure, by the names of `definitions.STRUCTURES` without units.

    Sizes, borders, centre lines and forks are those of the objects, added. Diameters are those
    of the object with the longest one. Intensities and texture are of all voxels together.

    Args:
        mask: the label map.
        found: the structure's objects; of none all but the counts is None.
        values: the intensities under the structure; None without an image.
    """
    if not found:
        return {"objects": 0, "voxels": 0}
    result: dict[str, Any] = {"objects": len(found)}
    for name in (*ADDED, *COUNTED):
        # Of a single voxel no border is defined, of a ball no centre line: the others' add up.
        own = [part for one in found if (part := one.figures.get(name)) is not None]
        result[name] = sum(own) if own else None
    result |= _centre(mask, found) | _diameters(found) | _sizes(mask, found) | _lines(found)
    if values is not None and all(one.pairs is not None for one in found):
        result |= intensities(values, sum(one.pairs for one in found if one.pairs is not None))  # type: ignore[arg-type]
    return result


def _centre(mask: Mask, found: Sequence[Object]) -> dict[str, Any]:
    names = ("slice", "row", "column")[-mask.labels.ndim :]
    places = np.array([[one.figures[f"centroid_{name}"] for name in names] for one in found])
    middle = np.average(places, axis=0, weights=[one.figures["voxels"] for one in found])
    own = {f"centroid_{name}": float(at) for name, at in zip(names, middle, strict=True)}
    return own | patient(mask, middle)


def _diameters(found: Sequence[Object]) -> dict[str, Any]:
    lines = [one for one in found if one.diameters is not None]
    if not lines:
        return {}
    longest = max(lines, key=lambda one: one.figures["longest_diameter"])
    names = ("longest_diameter", "perpendicular_diameter", "diameter_slice")
    own = {name: longest.figures[name] for name in names}
    deep = [one.figures["max_3d_diameter"] for one in lines if "max_3d_diameter" in one.figures]
    return own | ({"max_3d_diameter": max(deep)} if deep else {})


def _sizes(mask: Mask, found: Sequence[Object]) -> dict[str, Any]:
    sizes = np.array([one.figures["area" if mask.flat else "volume"] for one in found])
    p10, median, p90 = np.percentile(sizes, [10, 50, 90])
    near = [n for one in found if (n := one.figures.get("nearest_neighbour")) is not None]
    return {
        "object_size_mean": float(sizes.mean()),
        "object_size_sd": float(sizes.std()) if len(sizes) > 1 else None,
        "object_size_p10": float(p10),
        "object_size_median": float(median),
        "object_size_p90": float(p90),
        "largest_share": float(sizes.max() / sizes.sum()),
        "nearest_neighbour_mean": float(np.mean(near)) if near else None,
        "nearest_neighbour_median": float(np.median(near)) if near else None,
    }


def _lines(found: Sequence[Object]) -> dict[str, Any]:
    widths = np.concatenate([one.widths for one in found])
    bent = [one for one in found if one.figures.get("tortuosity") is not None]
    total = sum(one.chorded for one in bent)
    ratio = sum(one.figures["tortuosity"] * one.chorded for one in bent)
    return {
        "tortuosity": ratio / total if total else None,
        "thickness_mean": float(widths.mean()) if len(widths) else None,
        "thickness_sd": float(widths.std()) if len(widths) > 1 else None,
        "thickness_maximum": float(widths.max()) if len(widths) else None,
    }
