"""Figures of a data set, of its columns. Each is an SVG element, "" with nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tfmed.evaluation import style
from tfmed.evaluation.findings_of_labels import SURE
from tfmed.evaluation.wording import percent

BINS, MOST_CLASSES, MOST_SIZES, MOST_BARS = 40, 7, 400, 20
GUESSING = 0.5


def patients(table: pd.DataFrame) -> str:
    """How many patients have how many examples."""
    sizes = table["patient"].value_counts().to_numpy()
    if len(np.unique(sizes)) < 2:
        return ""
    with style.styled():
        figure, (ax,) = style.panels(1, (4.6, 2.4))
        top = int(np.ceil(np.quantile(sizes, 0.99)))
        step = max(1, -(-top // BINS))
        edges = np.arange(0.5, top + step + 0.5, step)
        ax.hist(np.minimum(sizes, top), edges.tolist(), color=style.ACCENT, rwidth=0.9)
        more = " (the largest in the last bar)" if sizes.max() > top else ""
        ax.set(xlabel=f"examples of a patient{more}", ylabel="patients")
        _whole(ax)
        return style.svg(figure, "Examples of a patient")


def sizes(table: pd.DataFrame) -> str:
    """Width and height of the images; a dot is a size, the larger the more images have it."""
    counts = table[["width", "height"]].value_counts().head(MOST_SIZES).reset_index()
    if len(counts) < 2:
        return ""
    with style.styled():
        figure, (ax,) = style.panels(1, (4.6, 3.2))
        area = 12 + 220 * np.sqrt(counts["count"] / counts["count"].max())
        ax.scatter(
            counts["width"], counts["height"], s=area, color=style.ACCENT, alpha=0.45, linewidths=0
        )
        ax.set(xlabel="width (pixels)", ylabel="height (pixels)")
        ax.margins(0.12)
        return style.svg(figure, "Sizes of the images in pixels")


def by_class(values: pd.Series, members: pd.DataFrame, meaning: str, most: Sequence[str]) -> str:
    """How a number spreads in each class: shares of the class, so that sizes do not matter.

    Args:
        values: of each example.
        members: bool `[N, K]`, the classes of each example.
        meaning: the axis, with its unit.
        most: the classes to draw.
    """
    known = values.dropna()
    if known.nunique() < 2:
        return ""
    low, high = np.quantile(known, (0.002, 0.998))
    if low == high:
        low, high = known.min(), known.max()
    groups = {name: known[members.loc[known.index, name]].to_numpy() for name in most}
    groups = {name: own for name, own in groups.items() if len(own)} or {"": known.to_numpy()}
    with style.styled():
        figure, (ax,) = style.panels(1, (4.6, 2.5))
        # As many bars as the smallest class can fill.
        smallest = min(len(own) for own in groups.values())
        edges = np.linspace(low, high, int(np.clip(2 * np.sqrt(smallest), 10, BINS)) + 1)
        for index, (name, own) in enumerate(groups.items()):
            heights = np.histogram(np.clip(own, low, high), edges)[0] / len(own)
            pen = style.pen(index)
            ax.stairs(heights, edges, fill=True, color=pen["color"], alpha=0.14)
            ax.stairs(heights, edges, label=style.short(name, 20), linewidth=1.5, **pen)
        ax.set(xlabel=meaning, ylabel="share of the class" if "" not in groups else "share")
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
        ax.yaxis.set_major_formatter(lambda share, _: percent(share, 0))
        if "" not in groups:
            ax.legend(fontsize=8)
        return style.svg(figure, f"{meaning} by class")


def ranges(table: pd.DataFrame, scanners: pd.Series, unit: str) -> str:
    """The range of values of each scanner: medians of the 0.5th, the mean, the 99.5th percentile.

    Args:
        table: with `p005`, `mean`, `p995`.
        scanners: of each example.
        unit: of the values, or "".
    """
    known = table[table["p005"].notna()]
    frequent = scanners[known.index].value_counts().head(MOST_BARS)
    if frequent.empty:
        return ""
    with style.styled():
        figure, (ax,) = style.panels(1, (9.4, 0.75 + 0.3 * len(frequent)))
        for at, name in enumerate(frequent.index):
            own = known[scanners[known.index] == name]
            low, middle, high = (float(own[c].median()) for c in ("p005", "mean", "p995"))
            reach = float(own["p005"].quantile(0.05)), float(own["p995"].quantile(0.95))
            ax.plot(reach, (at, at), color=style.ACCENT_SOFT, linewidth=1.6)
            ax.plot((low, high), (at, at), color=style.ACCENT_SOFT, linewidth=8)
            ax.plot((middle,), (at,), "|", color=style.ACCENT, markersize=11, markeredgewidth=2.4)
        names = [f"{style.short(str(name), 42)} ({n:,})" for name, n in frequent.items()]
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(left=False)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.set_xlabel(f"value ({unit})" if unit else "value (as stored)")
        ax.grid(axis="y", visible=False)
        ax.spines["left"].set_visible(False)
        return style.svg(figure, "Range of values by scanner")


def confounders(fields: Sequence[Mapping[str, Any]]) -> str:
    """AUROC of each field alone with its interval; the line at one half is guessing."""
    shown = list(fields)[:MOST_BARS]
    if not shown:
        return ""
    with style.styled():
        figure, (ax,) = style.panels(1, (6.4, 0.75 + 0.27 * len(shown)))
        ax.axvline(GUESSING, color=style.FAINT, linewidth=1, linestyle=(0, (4, 3)))
        for at, one in enumerate(shown):
            area = one["auroc"]
            sure = area["low"] >= SURE
            pen: dict[str, Any] = {"color": style.WARN if sure else style.FAINT, "clip_on": False}
            ax.plot((area["low"], area["high"]), (at, at), linewidth=2, alpha=0.5, **pen)
            ax.plot((area["value"],), (at,), "o", markersize=6, **pen)
        ax.set_yticks(range(len(shown)), [one["name"] for one in shown])
        ax.tick_params(left=False)
        low = min([0.4, *(one["auroc"]["low"] for one in shown if one["auroc"]["low"] >= 0)])
        ax.set(xlim=(low, 1.0), ylim=(len(shown) - 0.4, -0.6), xlabel="AUROC of the field alone")
        ax.grid(axis="y", visible=False)
        ax.spines["left"].set_visible(False)
        return style.svg(figure, "AUROC of each header field alone")


def _whole(ax: Axes) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
