"""What was measured in masks: one HTML file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from tfmed.evaluation import measure_plots
from tfmed.evaluation.page import TEMPLATES, environment
from tfmed.evaluation.wording import UNDEFINED, amount, count, defined
from tfmed.measure import Measured, result_files
from tfmed.measure.definitions import OBJECTS, STRUCTURES, Column, unit_of, units
from tfmed.measure.drawing import colour
from tfmed.run import Run, write_text

SECTIONS = (
    ("structures", "Structures"),
    ("pictures", "Pictures"),
    ("distributions", "Distributions"),
    ("files", "File by file"),
    ("objects", "Largest objects"),
    ("definitions", "Definitions"),
    ("rejects", "Left out"),
    ("use", "Use"),
)
# Figures of a structure, of which the page gives median and range over the files.
SUMMARY = (
    "objects",
    "area",
    "volume",
    "perimeter",
    "surface",
    "longest_diameter",
    "perpendicular_diameter",
    "max_3d_diameter",
    "object_size_median",
    "nearest_neighbour_median",
    "skeleton_length",
    "branch_points",
    "tortuosity",
    "thickness_mean",
    "intensity_mean",
    "intensity_sd",
    "texture_contrast",
    "texture_homogeneity",
)
SHORT = (
    *("objects", "area", "volume", "surface", "longest_diameter", "perpendicular_diameter"),
    *("skeleton_length", "thickness_mean", "intensity_mean"),
)
OF_OBJECT = (
    *("area", "volume", "longest_diameter", "perpendicular_diameter", "axis_major"),
    *("axis_minor", "circularity", "sphericity", "solidity", "nearest_neighbour"),
    "intensity_mean",
)
MOST_FILES, MOST_OBJECTS = 60, 25
UNITS = {"mm2": "mm\u00b2", "mm3": "mm\u00b3", "px2": "px\u00b2", "px3": "px\u00b3"}


def write(run: Run, results: Sequence[Measured], title: str) -> Path:
    """Write `measure.html`; files are named by their number, not by their path.

    Args:
        run: a folder.
        results: of all files.
        title: what the page is about.

    Returns:
        Where the page is.
    """
    path = run.path("measure.html")
    write_text(path, environment().get_template("measure.html").render(view(results, title)))
    return path


def view(results: Sequence[Measured], title: str) -> dict[str, Any]:
    """Everything that the template names."""
    done = [one for one in results if one.about]
    kinds = sorted({(one.about["unit"], len(one.about["shape"])) for one in done})
    values = {row["class"]: int(row["value"]) for one in done for row in one.structures}
    names = list(values)
    lost = [reject for one in results if not one.about for reject in one.rejects]
    objects = sum(len(one.objects) for one in done)
    return {
        "title": title,
        "navigation": SECTIONS,
        "subtitle": _subtitle(done, kinds),
        "tiles": _tiles(len(results), names, objects, len(lost)),
        "groups": [_group(done, kind, values) for kind in kinds],
        "colours": {name: colour(value) for name, value in values.items()},
        "pictures": [_picture(one, names) for one in done if one.pictures],
        "definitions": result_files.described(OBJECTS, kinds)
        | result_files.described(STRUCTURES, kinds),
        "unit_words": UNITS,
        "rejects": _reasons(results),
        "audit_css": (TEMPLATES / "audit.css").read_text(encoding="utf-8"),
        "count": count,
        "version": f"tfmed {version('tfmed')}",
        "made": f"{datetime.now():%Y-%m-%d %H:%M}",
    }


def _subtitle(done: Sequence[Measured], kinds: Sequence[tuple[str, int]]) -> str:
    words = []
    for unit, axes in kinds:
        own = [one for one in done if (one.about["unit"], len(one.about["shape"])) == (unit, axes)]
        what = "volume" if axes == 3 else "image"
        lengths = "in mm" if unit == "mm" else "in pixels: no spacing is known"
        words.append(f"{count(len(own), what)}, lengths {lengths}")
    return "; ".join(words)


def _tiles(files: int, names: Sequence[str], objects: int, lost: int) -> list[dict[str, str]]:
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    rows = (
        ("Masks", f"{files - lost:,}", "measured"),
        ("Structures", f"{len(names):,}", shown),
        ("Objects", f"{objects:,}", "connected parts"),
        ("Left out", f"{lost:,}", "masks that could not be measured"),
    )
    return [{"name": name, "value": value, "reach": reach} for name, value, reach in rows]


def _group(
    done: Sequence[Measured], kind: tuple[str, int], values: Mapping[str, int]
) -> dict[str, Any]:
    """The tables and figures of all masks with one unit and number of axes."""
    own = [one for one in done if (one.about["unit"], len(one.about["shape"])) == kind]
    whole = result_files.table([r for one in own for r in one.structures], STRUCTURES, [kind])
    parts = result_files.table([r for one in own for r in one.objects], OBJECTS, [kind])
    full, of_object = (units(c, *kind) for c in (STRUCTURES, OBJECTS))
    size = of_object["area" if kind[1] == 2 else "volume"]
    largest = parts.sort_values(size, ascending=False, kind="stable").head(MOST_OBJECTS)
    there = [name for name in values if (whole["class"] == name).any()]
    drawn = measure_plots.distributions(parts, of_object, {name: values[name] for name in there})
    return {
        "what": ("Volumes" if kind[1] == 3 else "Images") + f", {kind[0]}",
        "classes": there,
        "summary": _summary(whole, full, kind, there),
        "short": _rows(whole.head(MOST_FILES), full, kind, SHORT, ("number", "class")),
        "more": max(len(whole) - MOST_FILES, 0),
        "largest": _rows(largest, of_object, kind, OF_OBJECT, ("number", "class", "object")),
        "objects": len(parts),
        # Safe: made by matplotlib, which escapes names, in our own process.
        "figures": [(Markup(figure), text) for figure, text in drawn],
    }


def _summary(
    whole: pd.DataFrame, full: Mapping[str, str], kind: tuple[str, int], names: Sequence[str]
) -> list[dict[str, Any]]:
    """A row for each figure, with the median and the range of each structure over the files."""
    meaning = {column.name: column for column in STRUCTURES}
    rows = []
    for short in SUMMARY:
        if short not in full:
            continue
        cells = []
        for name in names:
            known = whole.loc[whole["class"] == name, full[short]].dropna().astype(float)
            if known.empty:
                cells.append((UNDEFINED, ""))
                continue
            low, high = float(known.min()), float(known.max())
            reach = f"{amount(low)} to {amount(high)}" if low < high else ""
            cells.append((amount(float(known.median())), reach))
        if any(value != UNDEFINED for value, _ in cells):
            rows.append(
                {
                    "name": heading(meaning[short], *kind),
                    "tells": meaning[short].meaning,
                    "cells": cells,
                }
            )
    return rows


def _rows(
    table: pd.DataFrame,
    full: Mapping[str, str],
    kind: tuple[str, int],
    wanted: Sequence[str],
    first: Sequence[str],
) -> dict[str, Any]:
    """A table of figures as text, without columns that are nowhere defined."""
    every = {column.name: column for column in (*STRUCTURES, *OBJECTS)}
    shown = [name for name in wanted if name in full and table[full[name]].notna().any()]
    heads = [{"number": "File"}.get(name, name.capitalize()) for name in first]
    return {
        "heads": heads,
        "numbers": [heading(every[name], *kind) for name in shown],
        "rows": [
            (
                [str(row[name]) for name in first],
                [text(row[full[name]]) for name in shown],
            )
            for row in table.to_dict("records")
        ],
    }


def heading(column: Column, unit: str, axes: int) -> str:
    """A figure's name with its unit, as `Volume (mm3)` in superscript."""
    own = unit_of(column, unit, axes)
    words = column.name.replace("_", " ").replace("3d", "3D")
    words = words[:1].upper() + words[1:]
    return f"{words} ({UNITS.get(own, own)})" if own[:2] in ("mm", "px") else words


def text(value: Any) -> str:
    """A number as text, or `undefined`."""
    if value is None or value is pd.NA or not defined(float(value)):
        return UNDEFINED
    return amount(float(value))


def _picture(one: Measured, names: Sequence[str]) -> dict[str, Any]:
    there = {row["class"] for row in one.objects}
    shape = " x ".join(map(str, one.about["shape"]))
    spacing = " x ".join(f"{step:.4g}" for step in one.about["spacing"])
    known = f", {spacing} mm" if one.about["unit"] == "mm" else ""
    return {
        "number": one.about["number"],
        # Safe: numbers, and class names that were escaped.
        "section": Markup(one.pictures["section"]),
        "front": one.pictures.get("front", ""),
        "classes": [name for name in names if name in there],
        "about": f"{shape} voxels{known}"
        if len(one.about["shape"]) == 3
        else f"{shape} pixels{known}",
    }


def _reasons(results: Sequence[Measured]) -> dict[str, int]:
    """How many files were left out, and images not used, by reason."""
    reasons = pd.Series([reason for one in results for _, reason in one.rejects], dtype=object)
    return {str(reason): int(n) for reason, n in reasons.value_counts().items()}
