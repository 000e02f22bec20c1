"""Figures of numbers and measurements: prediction over truth, and their Bland-Altman plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tfmed.evaluation import style
from tfmed.evaluation.wording import brief
from tfmed.metrics.agreement import compute

LEAST_PAIRS = 3
FEW, MANY = 60, 1000  # examples: as dots shrink and fade between them, they stay to be seen
BAND_TOLERANCE = 1e-4  # by which widths of one band may differ, as a share


@dataclass(frozen=True)
class Agreement:
    """How predicted sizes or numbers agree with true ones, after Bland and Altman (Lancet, 1986).

    Attributes:
        bias: mean of prediction less truth.
        low: bias less 1.96 standard deviations of the differences.
        high: bias and 1.96 standard deviations.
        pairs: of how many examples.
    """

    bias: float
    low: float
    high: float
    pairs: int


def agreement(truth: np.ndarray, predicted: np.ndarray) -> Agreement | None:
    """Bias and 95 % limits of agreement of `[N]` pairs; None with fewer than three."""
    if len(truth) < LEAST_PAIRS:
        return None
    found = compute(truth, predicted, ("bias", "limit_low", "limit_high"))
    bias, low, high = (float(found[name]) for name in ("bias", "limit_low", "limit_high"))
    return Agreement(bias, low, high, len(truth))


def bland_altman(
    truth: np.ndarray,
    predicted: np.ndarray,
    found: Agreement,
    kind: str,
    unit: str,
    failed: np.ndarray | None = None,
    called: str = "",
) -> str:
    """Difference over mean of two measurements of one thing.

    Args:
        truth: `[N]`.
        predicted: `[N]`.
        found: of these.
        kind: what is measured, as `"volume"`.
        unit: of it, or "".
        failed: `[N]` bool, which examples are drawn as crosses, or None for none.
        called: what these are, for the legend.
    """
    crossed = np.zeros(len(truth), bool) if failed is None else failed
    middle, difference = (truth + predicted) / 2, predicted - truth
    with style.styled():
        figure, (ax,) = style.panels(1, (4.5, 3.1))
        ax.axhline(0, color=style.FAINT, linewidth=0.8)
        ax.axhspan(found.low, found.high, color=style.ACCENT_SOFT, alpha=0.22, linewidth=0)
        _dots(ax, middle, difference, crossed, called)
        for value, name in (
            (found.high, "+1.96 SD"),
            (found.bias, "bias"),
            (found.low, "-1.96 SD"),
        ):
            solid = name == "bias"
            ax.axhline(value, color=style.INK, linewidth=1, linestyle="-" if solid else (0, (4, 3)))
            ax.annotate(
                f"{name} {brief(value)}",
                (1, value),
                (3, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        ax.set(xlabel=_named(f"mean {kind}", unit), ylabel=_named("prediction less truth", unit))
        ax.margins(y=0.12)
        if crossed.any():
            ax.legend(fontsize=8)
        return style.svg(figure, f"Bland-Altman plot of {kind}s")


def scatter(
    truth: np.ndarray,
    predicted: np.ndarray,
    kind: str,
    unit: str,
    interval: tuple[np.ndarray, np.ndarray] | None = None,
) -> str:
    """Prediction over truth, with the line of identity and the least squares line.

    Intervals that are all equally wide are drawn as a band along the line of identity; of any, the
    examples whose truth lies outside are drawn as crosses.

    Args:
        truth: `[N]`.
        predicted: `[N]`.
        kind: what the numbers are, as `"bone age"`.
        unit: of them, or "".
        interval: low and high ends, `[N]` each, or None.
    """
    if not len(truth):
        return ""
    outside = np.zeros(len(truth), bool)
    if interval is not None:
        outside = (truth < interval[0]) | (truth > interval[1])
    with style.styled():
        figure, (ax,) = style.panels(1, (4.4, 4.3))
        ends = _ends(truth, predicted)
        ax.plot(ends, ends, color=style.FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        half = _half_width(interval)
        if half is not None:
            band: dict[str, Any] = {"color": style.ACCENT_SOFT, "alpha": 0.3, "linewidth": 0}
            ax.fill_between(ends, ends - half, ends + half, label="interval", **band)
        _dots(ax, truth, predicted, outside, "outside its interval")
        slope = float(compute(truth, predicted, ("slope",))["slope"])
        if np.isfinite(slope):
            reach = np.array([truth.min(), truth.max()])
            line = predicted.mean() + slope * (reach - truth.mean())
            ax.plot(reach, line, color=style.INK, linewidth=1.2, label=f"slope {slope:.2f}")
        # Equal ticks on both axes: the eye compares them.
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
        ax.set(xlabel=_named(f"true {kind}", unit), ylabel=_named(f"predicted {kind}", unit))
        ax.set(xlim=ends, ylim=ends, yticks=[t for t in ax.get_xticks() if ends[0] <= t <= ends[1]])
        ax.set_aspect("equal")
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper left", fontsize=8)
        return style.svg(figure, f"Predicted over true {kind}")


def _dots(ax: Axes, x: np.ndarray, y: np.ndarray, crossed: np.ndarray, called: str) -> None:
    """An example a dot, those that are crossed in the colour of warnings."""
    crowd = float(np.interp(np.log(len(x)), np.log((FEW, MANY)), (0, 1)))
    pen: dict[str, Any] = {"linestyle": "none", "markersize": 5 - 2.2 * crowd}
    for rows, marker, colour, label, edge in (
        (~crossed, "o", style.ACCENT, None, 1.2 - 1.2 * crowd),
        (crossed, "x", style.WARN, called, 1.2),
    ):
        if rows.any():
            pen |= {"alpha": 0.8 - (0.35 * crowd if marker == "o" else 0), "markeredgewidth": edge}
            ax.plot(x[rows], y[rows], marker, label=label, color=colour, **pen)


def _ends(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Where both axes begin and end, a little beyond all numbers."""
    both = np.concatenate([truth, predicted])
    margin = 0.04 * float(np.ptp(both)) or 1.0
    return np.array([both.min() - margin, both.max() + margin])


def _half_width(interval: tuple[np.ndarray, np.ndarray] | None) -> float | None:
    """Half the width that all intervals have, None where they differ or have no bounds."""
    if interval is None:
        return None
    widths = interval[1] - interval[0]
    most = float(widths.max())
    alike = np.isfinite(most) and most - widths.min() <= BAND_TOLERANCE * most
    return most / 2 if alike else None


def _named(what: str, unit: str) -> str:
    return f"{what} ({unit})" if unit else what
