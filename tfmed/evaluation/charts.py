"""Figures of counts and of training. Each returns an SVG element, "" with nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from tfmed.evaluation import style
from tfmed.evaluation.wording import percent


def class_counts(
    counts: pd.DataFrame, examples: Mapping[str, int], names: Mapping[str, str]
) -> str:
    """How many examples of each class each part has, and what share of the part that is.

    Args:
        counts: a row a class (index: its name), a column a part.
        examples: by part, how many there are.
        names: by part, what it is called.
    """
    if counts.empty or not counts.to_numpy().sum():
        return ""
    with style.styled():
        parts, height = list(counts.columns), 0.62 + 0.24 * len(counts)
        figure, axes = style.panels(len(parts), (1.3 + 2.95 * len(parts), max(height, 1.3)))
        for index, (ax, part) in enumerate(zip(axes, parts, strict=True)):
            values = counts[part].to_numpy()
            total = examples.get(part, int(values.sum()))
            shares = values / max(total, 1)
            ax.barh(range(len(values)), np.ones(len(values)), height=0.62, color=style.WASH)
            ax.barh(range(len(values)), shares, height=0.62, color=style.ACCENT)
            for row, (value, share) in enumerate(zip(values, shares, strict=True)):
                ax.annotate(
                    f"{int(value):,} ({percent(share, 0)})",
                    (1, row),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                )
            ax.set_title(f"{names.get(part, part)} ({total:,})")
            ax.set_yticks(range(len(values)), [style.short(name) for name in counts.index])
            ax.tick_params(left=False, labelleft=index == 0)
            ax.set_xlim(0, 1.45)
            ax.xaxis.set_visible(False)
            ax.spines[["bottom", "left"]].set_visible(False)
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
        figure, axes = style.panels(len(groups), (5.1 * len(groups), 3.0))
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
    names, side = [style.short(name, 18) for name in classes], len(classes)
    with style.styled():
        figure, (ax,) = style.panels(
            1,
            (1.7 + 1.15 * side, 1.0 + 0.9 * side)
            if side <= 4
            else (2.2 + 0.72 * side, 1.5 + 0.6 * side),
        )
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
        for i, j in np.ndindex(matrix.shape):
            colour = "white" if share[i, j] > 0.62 else style.INK
            centred: dict[str, Any] = {"ha": "center", "color": colour}
            large = 12 if side <= 4 else 8.5
            ax.text(j, i - 0.12, f"{matrix[i, j]:,}", va="center", fontsize=large, **centred)
            if rows[i, 0]:
                text = percent(share[i, j], 0)
                ax.text(j, i + 0.2, text, va="center", fontsize=large - 2.5, **centred)
        turn: dict[str, Any] = {"rotation": 40, "ha": "right"} if side > 4 else {}
        ax.set_xticks(range(side), names, **turn)
        ax.set_yticks(range(side), names)
        ax.set(xlabel="prediction", ylabel="truth")
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        return style.svg(figure, "Confusion matrix: counts and row percentages")


def _is_score(values: pd.Series) -> bool:
    known = values.dropna()
    wanted = ("auroc", "accuracy", "precision", "recall", "f1", "dice", "iou", "map")
    name = str(values.name)
    return len(known) > 0 and any(part in name for part in wanted)


def _plain_name(name: str) -> str:
    if name == "loss":
        return "training loss"
    words = name.replace("_", " ").replace("auroc", "AUROC").replace("train ", "training ")
    words = words.replace("dice", "Dice")
    return words.replace("valid ", "validation ").replace("val ", "validation ")
