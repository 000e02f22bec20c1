"""The audit of a data set: one HTML file that opens offline, and its facts as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tfmed.data.dataset import Dataset
from tfmed.evaluation import charts, data_facts, data_plots, fields, thumbnails
from tfmed.evaluation.facts import describe
from tfmed.evaluation.fields import MISSING
from tfmed.evaluation.finding import CHECK, MEND
from tfmed.evaluation.findings import findings
from tfmed.evaluation.findings_of_labels import telling
from tfmed.evaluation.page import TEMPLATES, environment
from tfmed.evaluation.sections import PART_NAMES
from tfmed.evaluation.wording import amount, count, number, percent, reach_of, within
from tfmed.run import Run, write_text

SECTIONS = (
    ("findings", "Findings"),
    ("counts", "Counts"),
    ("examples", "Examples"),
    ("confounders", "Confounders"),
    ("scanners", "Scanners"),
    ("images", "Sizes and values"),
    ("outliers", "Outliers"),
    ("duplicates", "Duplicates"),
    ("rejects", "Left out"),
    ("use", "Use"),
)
HISTOGRAMS = {
    "row_spacing_mm": "pixel spacing (mm)",
    "slice_spacing_mm": "slice spacing (mm)",
    "mean": "mean of the image",
    "p995": "99.5th percentile of the image",
    "age_years": "age (years)",
}
IN_UNITS = ("mean", "p995")
MOST_COLUMNS, MOST_TABLES, MOST_BARS = 10, 3, 40
NUMBER_NAMES = {
    "height": "Height (pixels)",
    "width": "Width (pixels)",
    "depth": "Slices or frames",
    "row_spacing_mm": "Row spacing (mm)",
    "column_spacing_mm": "Column spacing (mm)",
    "slice_spacing_mm": "Slice spacing (mm)",
    "frame_rate_hz": "Frame rate (Hz)",
    "age_years": "Age (years; 90 and above as 90)",
    "p005": "0.5th percentile",
    "mean": "Mean",
    "p995": "99.5th percentile",
    "std": "Standard deviation",
}


def write(run: Run, dataset: Dataset, seed: int = 0) -> Path:
    """Write `audit.html` and `audit.json`, the same facts as numbers.

    Neither holds a path or an identifier; the thumbnails show the pixels as they are.

    Args:
        run: a folder.
        dataset: audited; its splits, if any, are those of its source.
        seed: of the examples shown and of the draws by which confounders are measured.

    Returns:
        Where the page is.
    """
    dataset = data_facts.with_old_ages_joined(dataset)
    facts = data_facts.gather(dataset, seed)
    facts["findings"] = findings(facts)
    run.write_json("audit.json", facts)
    path = run.path("audit.html")
    write_text(path, environment().get_template("audit.html").render(view(dataset, facts, seed)))
    return path


def view(dataset: Dataset, facts: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """Everything that the template names."""
    told = [one["level"] for one in facts["findings"]]
    chosen = thumbnails.choose(dataset, seed) if facts["pixels_read"] else {}
    far, groups = facts["outliers"]["shown"], facts["duplicates"]["shown"]
    same = facts["confounders"]["constant"].items()
    rows = [row for rows in chosen.values() for row in rows]
    rows += [one["row"] for one in far] + [group["rows"][0] for group in groups]
    images = thumbnails.pictures(dataset, list(dict.fromkeys(rows))) if rows else {}
    return {
        "facts": facts,
        "navigation": SECTIONS,
        "subtitle": _subtitle(facts),
        "tiles": _tiles(facts),
        "mend": told.count(MEND),
        "check": told.count(CHECK),
        "figures": _figures(dataset, facts),
        "classes": _columns(facts),
        "parts": list(facts["parts"]),
        "part_names": PART_NAMES | {"none": "no part" if facts["split"] else "all"},
        "scanners": _scanners(facts),
        "numbers": _numbers(facts),
        "confounders": [_confounder(one) for one in facts["confounders"]["fields"]],
        "pixels": [_confounder(one) for one in facts["confounders"]["pixels"]],
        "worst": _worst(dataset, facts),
        "examples": {
            name or ("of no class" if facts["classes"] else "all"): [
                (row, images[row]) for row in rows if row in images
            ]
            for name, rows in chosen.items()
        },
        "wide": bool((dataset.table["depth"] > 1).mean() > 0.5),
        "clips": bool(dataset.table["clip"].mean() > 0.5),
        "outliers": [{**one, "image": images.get(one["row"])} for one in far],
        "groups": [{**group, "image": images.get(group["rows"][0])} for group in groups],
        "constant": [(within(fields.NAMES[name]), text) for name, text in same if text != MISSING],
        "never_given": [within(fields.NAMES[name]) for name, text in same if text == MISSING],
        "audit_css": (TEMPLATES / "audit.css").read_text(encoding="utf-8"),
        "count": count,
        "percent": percent,
        "version": f"tfmed {version('tfmed')}",
        "made": f"{datetime.now():%Y-%m-%d %H:%M}",
    }


def _subtitle(facts: Mapping[str, Any]) -> str:
    told = facts["traits"]
    size = told.get("Size (width x height)", "")
    named = [told.get("Modality", "Images"), told.get("File format", "").upper()]
    shown = [
        text for text in (*named, f"{size} pixels" if "(" not in size and size else "") if text
    ]
    return ", ".join(shown)


def _tiles(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    known, classes, rejects = facts["patients_known"], facts["classes"], facts["rejects"]
    smallest = min(classes, key=lambda name: classes[name]["examples"], default="")
    rows = [
        ("Examples", f"{facts['examples']:,}", _scanners_in_words(facts)),
        (
            "Patients",
            f"{facts['patients']:,}" if known else "not known",
            {0: "each example counts as one", 1: "known for every example"}.get(
                known, f"known for {percent(known)} of the examples"
            ),
        ),
        (
            "Classes",
            str(len(classes)) if classes else "no labels",
            f"smallest: {smallest} ({classes[smallest]['examples']:,})" if classes else "",
        ),
        ("Left out", f"{rejects['files']:,}", f"{percent(rejects['share'])} of the files"),
    ]
    return [
        {"name": name, "value": value, "reach": reach, "words": not value[0].isdigit()}
        for name, value, reach in rows
    ]


def _scanners_in_words(facts: Mapping[str, Any]) -> str:
    named = [one for one in facts["scanners"] if one["name"] != data_facts.NO_SCANNER]
    return f"of {count(len(named), 'scanner')}" if named else "scanner not given"


def _figures(dataset: Dataset, facts: Mapping[str, Any]) -> dict[str, Any]:
    table, about = dataset.table, describe(dataset)
    members = fields.truth(table, dataset) == 1
    frequent = _columns(facts, data_plots.MOST_CLASSES)
    units = table["units"].unique()
    unit = str(units[0]) if len(units) == 1 else ""
    histograms = {
        name: data_plots.by_class(
            table[name],
            members,
            f"{meaning} ({unit})" if name in IN_UNITS and unit else meaning,
            frequent,
        )
        for name, meaning in HISTOGRAMS.items()
        if name in table
    }
    few = 0 < len(facts["classes"]) <= MOST_BARS
    names = PART_NAMES | {"none": "no part" if facts["split"] else "all"}
    drawn = {
        "classes": charts.class_counts(about.counts, about.examples, names) if few else "",
        "patients": data_plots.patients(table),
        "sizes": data_plots.sizes(table),
        "ranges": data_plots.ranges(table, data_facts.scanner(table), unit),
        "confounders": data_plots.confounders(facts["confounders"]["fields"]),
        **histograms,
    }
    # Safe: made by matplotlib, which escapes names, in our own process.
    return {name: Markup(figure) for name, figure in drawn.items()}


def _columns(facts: Mapping[str, Any], most: int = MOST_COLUMNS) -> list[str]:
    """The classes that get a column or a colour: all, or of many the most frequent."""
    classes = facts["classes"]
    if len(classes) <= most:
        return list(classes)
    return sorted(classes, key=lambda name: -classes[name]["examples"])[:most]


def _scanners(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = _columns(facts)
    rows = [
        (one["name"], [one["classes"][name] for name in columns], one["examples"], one["patients"])
        for one in facts["scanners"]
    ]
    return [_shaded(*row) for row in rows]


def _shaded(name: str, counts: Sequence[int], examples: int, patients: int) -> dict[str, Any]:
    """A row of counts, each with its share of the row, which is its shade."""
    cells = [(value, value / examples if examples else 0.0) for value in counts]
    return {"name": name, "cells": cells, "examples": examples, "patients": patients}


def _numbers(facts: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (
            NUMBER_NAMES[name],
            [amount(spread[key]) for key in ("minimum", "p05", "median", "p95", "maximum")]
            + [percent(spread["known"], 0)],
        )
        for name, spread in facts["numbers"].items()
        if spread["known"] and not (name == "depth" and spread["maximum"] == 1)
    ]


def _confounder(one: Mapping[str, Any]) -> dict[str, Any]:
    area, best = one["auroc"], one["per_class"][one["strongest"]]
    several = len(one["per_class"]) > 1
    return {
        "name": one["name"],
        "value": number(area["value"], 2),
        "reach": reach_of(area, 2),
        "bar": (area["value"], area["low"], area["high"]) if area["low"] >= 0 else None,
        "strongest": f"{one['strongest']}: {number(best['value'], 2)}" if several else "",
        "values": one["values"],
        "known": percent(one["known"], 0),
        "telling": telling(one),
    }


def _worst(dataset: Dataset, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The values of the most telling fields by class; of the first one in any case."""
    found = facts["confounders"]["fields"]
    columns = _columns(facts)
    tables = []
    for one in ([one for one in found if telling(one)] or found[:1])[:MOST_TABLES]:
        counts, sizes = fields.by_class(dataset, one["field"])
        rows = [
            _shaded(str(value), [int(row[name]) for name in columns], *map(int, sizes.loc[value]))
            for value, row in counts.iterrows()
        ]
        tables.append({"name": one["name"], "rows": rows})
    return tables
