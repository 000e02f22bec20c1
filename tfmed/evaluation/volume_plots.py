"""Figures of segmentations: agreement of volumes, and how Dice spreads over cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmed.evaluation import number_plots, style
from tfmed.evaluation.number_plots import Agreement, agreement

MOST_STRUCTURES = 12
# By how many of the small units the large one is told, and from how many on it is used.
LARGER = {"mm3": (1e3, "ml", 1e4), "mm2": (1e2, "cm\u00b2", 1e4)}
PLAIN = {"mm3": "mm\u00b3", "mm2": "mm\u00b2", "px3": "px\u00b3", "px2": "px\u00b2"}


def unit_of(sizes: np.ndarray, unit: str) -> tuple[float, str]:
    """By what sizes are divided to be read well, and the unit that they then have.

    Args:
        sizes: any shape, in `unit`; NaN is left out.
        unit: as `size_unit` of `scores.json`.
    """
    divisor, large, least = LARGER.get(unit, (1.0, "", np.inf))
    held = sizes[np.isfinite(sizes) & (sizes > 0)]
    if len(held) and np.median(held) >= least:
        return divisor, large
    return 1.0, PLAIN.get(unit, unit)


def agreement_of(sizes: np.ndarray) -> Agreement | None:
    """Bias and 95 % limits of agreement; None with fewer than three cases.

    Args:
        sizes: `[N, 2]`, truth and prediction; a case that has neither is left out.
    """
    truth, predicted = sizes[(sizes > 0).any(axis=1)].T
    return agreement(truth, predicted)


def bland_altman(sizes: np.ndarray, found: Agreement, unit: str, kind: str) -> str:
    """Difference over mean of two measurements of one structure.

    Args:
        sizes: `[N, 2]`, truth and prediction.
        found: of these sizes.
        unit: of them.
        kind: `"volume"` or `"area"`.
    """
    truth, predicted = sizes[(sizes > 0).any(axis=1)].T
    failed = (truth == 0) | (predicted == 0)
    return number_plots.bland_altman(
        truth, predicted, found, kind, unit, failed, "missed or invented"
    )


def dice_by_case(values: np.ndarray, names: Sequence[str]) -> str:
    """Every case's Dice as a dot, in a row a structure, with quartiles and median.

    Args:
        values: `[N, K]`; NaN is left out.
        names: of the K structures.
    """
    shown = [k for k in range(len(names)) if np.isfinite(values[:, k]).any()][:MOST_STRUCTURES]
    if not shown:
        return ""
    with style.styled():
        figure, (ax,) = style.panels(1, (8.6, 0.9 + 0.62 * len(shown)))
        random = np.random.default_rng(0)
        for row, k in enumerate(shown):
            own = values[np.isfinite(values[:, k]), k]
            low, median, high = np.quantile(own, (0.25, 0.5, 0.75))
            ax.barh(row, high - low, left=low, height=0.56, color=style.ACCENT_SOFT, alpha=0.55)
            ax.plot([median, median], [row - 0.28, row + 0.28], color=style.ACCENT, linewidth=2)
            shaken = row + random.uniform(-0.2, 0.2, len(own))
            failed = own == 0
            dots: dict[str, Any] = {
                "linestyle": "none",
                "markersize": 4,
                "clip_on": False,
                "alpha": 0.75,
            }
            ax.plot(own[~failed], shaken[~failed], "o", color=style.INK, mew=0, **dots)
            ax.plot(own[failed], shaken[failed], "x", color=style.WARN, mew=1.6, **dots)
        ax.set_yticks(range(len(shown)), [style.short(names[k], 22) for k in shown])
        ax.tick_params(left=False)
        least = float(np.nanmin(values[:, shown]))
        # A line of its own tenths: good results would else crowd at the right edge.
        start = max(0.0, np.floor(least * 10 - 0.5) / 10)
        ax.set(xlim=(start, 1.0), ylim=(len(shown) - 0.5, -0.5), xlabel="Dice")
        ax.grid(False, axis="y")
        return style.svg(figure, "Dice of every case, by structure")
