"""Losses at several depths of a network."""

from __future__ import annotations


def supervision_weights(levels: int) -> tuple[float, ...]:
    """The weights of a network's outputs under deep supervision, finest first; their sum is 1.

    1/2 to the power i, and 0 for the lowest of several (nnU-Net).
    """
    weights = [0.5**level for level in range(levels)]
    if levels > 1:
        weights[-1] = 0.0
    return tuple(weight / sum(weights) for weight in weights)
