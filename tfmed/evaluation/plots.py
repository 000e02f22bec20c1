"""The figures of a report. Each function returns an SVG element, or "" with nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tfmed.evaluation import style
from tfmed.evaluation.curves import Curve

FEW_CURVES = 4
LONG_NAME = 26


def class_counts(counts: pd.DataFrame) -> str:
    """How many examples of each class each part has.

    Args:
        counts: a row a class (index: its name), a column a part.
    """
    if counts.empty or not counts.to_numpy().sum():
        return ""
    with style.styled():
        parts, height = list(counts.columns), 0.62 + 0.24 * len(counts)
        figure, axes = style.panels(len(parts), (9.0, max(height, 1.3)))
        for index, (ax, part) in enumerate(zip(axes, parts, strict=True)):
            values = counts[part].to_numpy()
            ax.barh(range(len(values)), values, height=0.62, color=style.ACCENT)
            for row, value in enumerate(values):
                ax.annotate(
                    f"{int(value):,}",
                    (value, row),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                )
            ax.set_title(f"{part} ({int(values.sum()):,})")
            ax.set_yticks(range(len(values)), [_short(name) for name in counts.index])
            ax.tick_params(left=False, labelleft=index == 0)
            ax.set_xlim(0, max(values.max(), 1) * 1.25)
            ax.xaxis.set_visible(False)
            ax.spines["bottom"].set_visible(False)
            ax.grid(False)
            ax.invert_yaxis()
        return style.svg(figure, "Examples of each class in each part")


def learning_curves(history: pd.DataFrame, best: float | None = None) -> str:
    """Loss and watched scores over training.

    Args:
        history: as `history.csv`: `epoch` or `step`, then numbers. Names that end in `loss`
            share one panel, the learning rate and speeds are left out, the rest share another.
        best: the position (epoch or step) whose weights were kept.
    """
    at = next((name for name in ("epoch", "step") if name in history), None)
    if at is None or len(history) < 2:
        return ""
    numbers = history.select_dtypes("number")
    losses = [name for name in numbers if str(name).endswith("loss")]
    scores = [name for name in numbers if _is_score(numbers[name]) and name not in losses]
    groups = [(kind, names) for kind, names in (("Loss", losses), ("Score", scores)) if names]
    if not groups:
        return ""
    with style.styled():
        figure, axes = style.panels(len(groups), (4.6 * len(groups), 2.8))
        for ax, (title, names) in zip(axes, groups, strict=True):
            for index, name in enumerate(names):
                known = numbers[[at, name]].dropna()
                ax.plot(known[at], known[name], label=_plain_name(name), **style.pen(index))
            if best is not None:
                ax.axvline(best, color=style.FAINT, linewidth=1, linestyle=":", label="kept")
            ax.set(title=title, xlabel=at, xlim=(numbers[at].min(), numbers[at].max()))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
            ax.legend()
        return style.svg(figure, "Learning curves")


def confusion(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """Counts and shares of each truth (row) by prediction (column); int `[K, K]`."""
    if not matrix.sum():
        return ""
    rows = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, rows, out=np.zeros(matrix.shape), where=rows > 0)
    names, side = [_short(name, 18) for name in classes], len(classes)
    with style.styled():
        figure, (ax,) = style.panels(1, (2.2 + 0.72 * side, 1.5 + 0.6 * side))
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
        for i, j in np.ndindex(matrix.shape):
            colour = "white" if share[i, j] > 0.62 else style.INK
            centred: dict[str, Any] = {"ha": "center", "color": colour}
            large = 11 if side <= 4 else 8.5
            ax.text(j, i, f"{matrix[i, j]:,}", va="bottom", fontsize=large, **centred)
            if rows[i, 0]:
                ax.text(j, i, f"{share[i, j]:.0%}", va="top", fontsize=large - 2, **centred)
        turn = {"rotation": 40, "ha": "right"} if side > 4 else {}
        ax.set_xticks(range(side), names, **turn)
        ax.set_yticks(range(side), names)
        ax.set(xlabel="prediction", ylabel="truth")
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        return style.svg(figure, "Confusion matrix: counts and row percentages")


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
                f"prevalence {base:.0%}",
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
        figure = style.panels(1, (4.4, 4.9))[0]
        figure.clear()
        ax, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        ax.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        reach = (full["share"] - full["share_low"], full["share_high"] - full["share"])
        ax.errorbar(
            full["score"],
            full["share"],
            yerr=np.clip(np.stack(reach), 0, 1),
            fmt="o-",
            color=style.ACCENT,
            ecolor=style.ACCENT_SOFT,
            elinewidth=2.2,
            markersize=4.5,
            linewidth=1.2,
        )
        style.square(ax)
        ax.set(ylabel=outcome, ylim=(-0.02, 1.02))
        middle, width = (table["low"] + table["high"]) / 2, table["high"] - table["low"]
        below.bar(middle, table["count"], width=width * 0.9, color=style.ACCENT_SOFT)
        below.set(xlabel=meaning, ylabel="examples")
        below.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
        return style.svg(figure, "Reliability diagram")


def score_histogram(scores: Mapping[str, np.ndarray], threshold: float | None, meaning: str) -> str:
    """How probabilities spread in each true class, with the threshold.

    Args:
        scores: by true class, probabilities in 0..1.
        threshold: the operating point, or None.
        meaning: what the probability is of.
    """
    edges = np.linspace(0, 1, 26)
    with style.styled():
        figure, (ax,) = style.panels(1, (4.4, 2.9))
        for index, (name, values) in enumerate(scores.items()):
            colour = style.pen(index)["color"]
            label = f"{_short(name)} (n = {len(values):,})"
            ax.hist(values, edges, histtype="stepfilled", color=colour, alpha=0.28)
            ax.hist(values, edges, histtype="step", color=colour, linewidth=1.3, label=label)
        if threshold is not None:
            ax.axvline(threshold, color=style.INK, linewidth=1, linestyle="--")
            ax.annotate(
                f"threshold {threshold:.3g}",
                (threshold, 1),
                (4, -2),
                va="top",
                fontsize=8,
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                annotation_clip=False,
            )
        ax.set(xlabel=meaning, ylabel="examples", xlim=(0, 1))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        figure.legend(loc="outside upper left", ncols=2)
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
        label = f"{_short(name)} {areas.get(name, '')}".strip()
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


def _legend(ax: Axes, count: int, place: str) -> None:
    ax.legend(loc=place, fontsize=8.5 if count <= FEW_CURVES else 7)


def _is_score(values: pd.Series) -> bool:
    known = values.dropna()
    wanted = ("auroc", "accuracy", "precision", "recall", "f1", "dice", "iou", "map")
    name = str(values.name)
    return len(known) > 0 and any(part in name for part in wanted)


def _plain_name(name: str) -> str:
    words = name.replace("_", " ").replace("valid ", "val ").strip()
    return words.replace("val ", "validation ").replace("train ", "training ")


def _short(name: str, most: int = LONG_NAME) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}\u2026"
