"""nnU-Net's augmentation for the patches of a plan, with its reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# Over this many times thinner along the slices: turned and scaled in the plane alone.
THIN = 3.0
# In-plane sides further apart than this turn by little.
OBLONG = 1.5
SIDES = {"left", "right", "l", "r"}


def augmentation(
    patch_size: Sequence[int], spacing_mm: Sequence[float] | None, mirrored: Sequence[int]
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Steps of `tfmed.transforms.augment` in nnU-Net's order.

    Args:
        patch_size: in voxels.
        spacing_mm: of the patch's axes, or None.
        mirrored: axes that may be mirrored.
    """
    in_plane = len(patch_size) == 3 and max(patch_size) > THIN * patch_size[0]
    plane = patch_size[1:] if in_plane else patch_size
    degrees, turned = 30.0, "volumes turn by up to 30 degrees"
    if len(plane) == 2:
        oblong = max(plane) > OBLONG * min(plane)
        degrees = 15.0 if oblong else 180.0
        turned = f"{'oblong' if oblong else 'near-square'} planes turn by up to {degrees:g} degrees"
    deform: dict[str, Any] = {
        "name": "deform",
        "degrees": degrees,
        "scale": [0.7, 1.4],
        "bend": 0.25,
        "probabilities": [0.2, 0.2, 0.1],
        "in_plane": in_plane,
    }
    if spacing_mm is not None and len(set(spacing_mm)) > 1:
        deform["spacing_mm"] = list(spacing_mm)
    gamma = {"name": "gamma", "power": [0.7, 1.5]}
    steps: list[dict[str, Any]] = [
        deform,
        {"name": "noise", "amount": 0.1, "probability": 0.1},
        {"name": "blur", "sigma": [0.5, 1.0], "probability": 0.2, "in_plane": in_plane},
        {"name": "brightness", "amount": 0.25, "probability": 0.15},
        {"name": "contrast", "amount": 0.25, "probability": 0.15},
        {"name": "low_resolution", "smallest": 0.5, "probability": 0.25, "in_plane": in_plane},
        {**gamma, "inverted": True, "probability": 0.1},
        {**gamma, "probability": 0.3},
    ]
    if mirrored:
        steps.append({"name": "mirror", "axes": list(mirrored), "probability": 0.5})
    thin = ", in the plane alone, as patches are thin" if in_plane else ""
    return tuple(steps), f"nnU-Net's, in its order; {turned}{thin}"


def mirror_axes(
    axes: int, classes: Sequence[str], of_volumes: bool, short: bool
) -> tuple[tuple[int, ...], str]:
    """Axes of the patch along which training and prediction mirror.

    Args:
        axes: of the patch.
        classes: names that tell left from right forbid it.
        of_volumes: whether the images are volumes, of which up, down, front and back are known.
        short: whether there is a time to keep.
    """
    sided = [name for name in classes if SIDES & set(re.split(r"[^a-z]+", name.lower()))]
    if sided:
        return (), f"none: mirrored, {sided[0]} would be of the other side"
    if short and of_volumes:
        return (axes - 1,), "columns alone: with little time, what is up and in front may be known"
    return tuple(range(axes)), "every axis, as nnU-Net does"
