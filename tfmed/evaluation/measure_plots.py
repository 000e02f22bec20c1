"""Figures of what was measured: how sizes, distances and forms spread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, NullFormatter

from tfmed.evaluation import style

LEAST_OBJECTS, MOST_CLASSES, BINS = 5, 7, 30
SKEWED = 30.0  # from this ratio of ends on, the axis is logarithmic
SHOWN = {
    "area": "area",
    "volume": "volume",
    "longest_diameter": "longest diameter",
    "nearest_neighbour": "distance to the nearest neighbour",
    "thickness_mean": "mean thickness",
    "circularity": "circularity (1 is a circle)",
    "sphericity": "sphericity (1 is a ball)",
    "solidity": "solidity (1 is convex)",
}


def distributions(
    objects: pd.DataFrame, full: Mapping[str, str], values: Mapping[str, int]
) -> list[tuple[str, str]]:
    """A histogram of each figure that at least five objects have, with its caption.

    Args:
        objects: a row each.
        full: the columns' full names by the short ones.
        values: of the classes by name, which give their colours.
    """
    found = []
    for short, words in SHOWN.items():
        if short not in full:
            continue
        unit = full[short].removeprefix(short).lstrip("_")
        for small, raised in (("2", "\u00b2"), ("3", "\u00b3")):
            unit = unit.replace(f"mm{small}", f"mm{raised}").replace(f"px{small}", f"px{raised}")
        meaning = f"{words} ({unit})" if unit else words
        figure = _histogram(
            objects, full[short], meaning, dict(list(values.items())[:MOST_CLASSES])
        )
        if figure:
            found.append((figure, f"{words[:1].upper()}{words[1:]} of the objects."))
    return found


def _histogram(objects: pd.DataFrame, column: str, meaning: str, values: Mapping[str, int]) -> str:
    groups = {
        name: objects.loc[objects["class"] == name, column].dropna().to_numpy(float)
        for name in values
    }
    groups = {name: own for name, own in groups.items() if len(own) >= LEAST_OBJECTS}
    every = np.concatenate(list(groups.values())) if groups else np.zeros(0)
    if len(np.unique(every)) < 2:
        return ""
    low, high = np.quantile(every, (0.002, 0.998))
    if low == high:
        low, high = every.min(), every.max()
    count = int(np.clip(2 * np.sqrt(max(map(len, groups.values()))), 8, BINS)) + 1
    skewed = low > 0 and high / low > SKEWED
    edges = np.geomspace(low, high, count) if skewed else np.linspace(low, high, count)
    with style.styled():
        figure, (ax,) = style.panels(1, (4.6, 2.5))
        for name, own in groups.items():
            heights = np.histogram(np.clip(own, low, high), edges)[0]
            pen = style.pen((values[name] - 1) % len(style.COLOURS))
            ax.stairs(heights, edges, fill=True, color=pen["color"], alpha=0.16)
            ax.stairs(heights, edges, label=style.short(name, 20), linewidth=1.5, **pen)
        if skewed:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter(
                lambda value, _: f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"
            )
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set(xlabel=meaning, ylabel="objects")
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        if len(groups) > 1:
            ax.legend(fontsize=8)
        return style.svg(figure, f"Histogram of {meaning}")
