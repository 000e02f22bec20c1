"""How every figure of a report looks, and how it becomes SVG."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, FAINT, RULE, WASH = "#1f2933", "#7b8794", "#d9dee4", "#eef1f4"
ACCENT, ACCENT_SOFT, WARN = "#005b8f", "#9cc3dc", "#c44601"

# Okabe and Ito's colours for the colour-blind, without the yellow, which vanishes on white;
# from the eighth class on they come again with dashes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)))

FIFTHS = (0, 0.2, 0.4, 0.6, 0.8, 1)

_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    # A class name with a dollar sign is a name, not a formula.
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    # Text stays text: small, sharp, and found by the browser's search.
    "svg.fonttype": "none",
    "svg.hashsalt": "tfmed",
}
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@contextmanager
def styled() -> Iterator[None]:
    """Within it, figures have the report's style; matplotlib's own settings come back after."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # A letter that the measuring font lacks is drawn by the reader's browser all the same.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing.*")
        yield


def panels(count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure of `count` axes side by side, `size` in inches (width, height)."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def stacked(size: tuple[float, float], ratios: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """A figure of axes above each other that share x, their heights as `ratios`."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
    return figure, list(axes[:, 0])


def pen(index: int) -> dict[str, Any]:
    """The colour and dashes of class number `index`."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[(index // len(COLOURS)) % len(DASHES)],
    }


def short(name: str, most: int = 26) -> str:
    """A class name that fits beside a figure."""
    return name if len(name) <= most else f"{name[: most - 1]}\u2026"


def square(axes: Axes) -> None:
    """Both axes from 0 to 1, equal in length, ticks every fifth."""
    axes.set(xlim=(0, 1), ylim=(0, 1.005), xticks=FIFTHS, yticks=FIFTHS)
    axes.set_aspect("equal")


def svg(figure: Figure, description: str) -> str:
    """A figure as an SVG element for the middle of an HTML page.

    Everything that names the outside is taken away (document type, metadata, namespaces,
    which HTML does not need), and so are names that would occur twice in a page.

    Args:
        figure: drawn inside `styled()`.
        description: what it shows, for a reader who does not see it.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("'DejaVu Sans'", _FONTS).replace(f"{_FONTS}, sans-serif", _FONTS)
    label = description.replace("&", "and").replace('"', "'").replace("<", " ")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).strip()
