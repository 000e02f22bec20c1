"""Figures of probabilities. Each function returns an SVG element, "" with nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tfmed.evaluation import style
from tfmed.evaluation.curves import Curve
from tfmed.evaluation.wording import percent

FEW_CURVES = 4


def roc(
    curves: Mapping[str, Curve | None],
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, str],
) -> str:
    """ROC curves of one or several classes.

    Args:
        curves: by class; None (undefined) is left out.
        points: by class, the operating point (false positive rate, true positive rate).
        areas: by class, the text of the area in the legend.
    """
    with style.styled():
        figure, (ax,) = style.panels(1, (4.4, 4.3))
        ax.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        if not _draw(ax, curves, points, areas):
            return ""
        style.square(ax)
        ax.set(xlabel="1 - specificity (false positive rate)", ylabel="sensitivity")
        _legend(ax, len(curves), "lower right")
        return style.svg(figure, "ROC curve with 95 % band")


def precision_recall(
    curves: Mapping[str, Curve | None],
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, str],
) -> str:
    """Precision-recall curves; arguments as `roc`, points as (recall, precision)."""
    with style.styled():
        figure, (ax,) = style.panels(1, (4.4, 4.3))
        if not _draw(ax, curves, points, areas):
            return ""
        present = [curve for curve in curves.values() if curve is not None]
        if len(present) == 1:
            base = present[0].base
            ax.axhline(base, color=style.FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
            above = base < 0.9
            ax.annotate(
                f"prevalence {percent(base, 0)}",
                (0.02, base),
                (0, 4 if above else -4),
                textcoords="offset points",
                va="bottom" if above else "top",
                fontsize=8,
                color=style.FAINT,
            )
        style.square(ax)
        ax.set(xlabel="recall (sensitivity)", ylabel="precision (positive predictive value)")
        _legend(ax, len(curves), "lower left")
        return style.svg(figure, "Precision-recall curve with 95 % band")


def reliability(table: pd.DataFrame, meaning: str, outcome: str) -> str:
    """The share that came true over the probability, and how many examples each step holds.

    Args:
        table: of `curves.reliability`.
        meaning: what the probability is of, as `"probability of pneumonia"`.
        outcome: what came true, as `"share with pneumonia"`.
    """
    full = table[table["count"] > 0]
    if full.empty:
        return ""
    with style.styled():
        figure, (ax, below) = style.stacked((4.4, 5.1), [4.2, 1])
        ax.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        reach = (full["share"] - full["share_low"], full["share_high"] - full["share"])
        ax.errorbar(
            full["score"],
            full["share"],
            yerr=np.clip(np.stack(reach), 0, 1),
            fmt="o",
            color=style.ACCENT,
            ecolor=style.ACCENT_SOFT,
            elinewidth=2.2,
            markersize=4.5,
        )
        ax.set(ylabel=outcome, ylim=(-0.02, 1.02), yticks=style.FIFTHS)
        middle, width = (table["low"] + table["high"]) / 2, table["high"] - table["low"]
        below.bar(middle, table["count"], width=width * 0.9, color=style.ACCENT_SOFT)
        below.set(xlabel=meaning, ylabel="examples", xlim=(0, 1), xticks=style.FIFTHS)
        below.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
        return style.svg(figure, "Reliability diagram")


def score_histogram(scores: Mapping[str, np.ndarray], threshold: float | None, meaning: str) -> str:
    """How probabilities spread in each true class, with the threshold.

    Args:
        scores: by true class, probabilities in 0..1.
        threshold: the operating point, or None.
        meaning: what the probability is of.
    """
    edges = np.linspace(0, 1, 41).tolist()
    with style.styled():
        figure, axes = style.stacked((4.4, 5.1), [1] * len(scores))
        for index, (ax, (name, values)) in enumerate(zip(axes, scores.items(), strict=True)):
            ax.hist(values, edges, color=style.pen(index)["color"], alpha=0.75)
            ax.set_title(f"truth {style.short(name)} ({len(values):,})")
            ax.set(ylabel="examples", xlim=(0, 1), xticks=style.FIFTHS)
            ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
            if threshold is not None:
                ax.axvline(threshold, color=style.INK, linewidth=1, linestyle=(0, (4, 3)))
        if threshold is not None:
            left = threshold > 0.6
            axes[0].annotate(
                f"threshold {threshold:.3g}",
                (threshold, 0.98),
                (-4 if left else 4, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="top",
                ha="right" if left else "left",
                fontsize=8.5,
            )
        axes[-1].set_xlabel(meaning)
        return style.svg(figure, "Probabilities by true class")


def _draw(
    ax: Axes,
    curves: Mapping[str, Curve | None],
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, str],
) -> int:
    drawn = [(name, curve) for name, curve in curves.items() if curve is not None]
    for index, (name, curve) in enumerate(drawn):
        pen = style.pen(index)
        if len(drawn) <= FEW_CURVES:
            ax.fill_between(
                curve.grid, curve.low, curve.high, color=pen["color"], alpha=0.16, linewidth=0
            )
        label = f"{style.short(name)} {areas.get(name, '')}".strip()
        ax.plot(curve.x, curve.y, label=label, clip_on=False, **pen)
        if name in points:
            ax.plot(
                *points[name],
                "o",
                color=pen["color"],
                markeredgecolor="white",
                markersize=7,
                clip_on=False,
                zorder=5,
                label="operating point" if len(drawn) == 1 else None,
            )
    return len(drawn)


def _legend(ax: Axes, count: int, place: Any) -> None:
    ax.legend(loc=place, fontsize=8.5 if count <= FEW_CURVES else 7)
