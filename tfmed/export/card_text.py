"""The model card as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def markdown(card: Mapping[str, Any]) -> str:
    """A card for people.

    Args:
        card: what `card.make` gives.
    """
    parts = [
        f"# {card['name']}",
        f"**{card['notice']}**",
        card["intended_use"],
        "## Classes\n\n" + "\n".join(f"{i}. {name}" for i, name in enumerate(card["classes"])),
        "## Input\n\n" + _table(("", ""), _input_rows(card)),
        "## Signatures\n\n" + _table(("signature", "input", "outputs"), _signatures(card)),
        "## Scores\n\n" + _scores(card["scores"]),
        "## TFLite\n\n" + _table(("file", "bytes", "latency", "scores"), _tflite(card["tflite"])),
        "## Parity with the trained model\n\n"
        + _table(("form", "largest difference", "allowed", ""), _parity(card["parity"])),
        "## Data\n\n" + _table(("", ""), [(key, _said(v)) for key, v in card["data"].items()]),
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in card["limits"]),
        "## Made by\n\n"
        + _table(("", ""), [*card["versions"].items(), *card["provenance"].items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _said(value: Any) -> str:
    """A value in words: a mapping as `key: value`, nothing as `not known`."""
    if value is None or value == "":
        return "not known"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_said(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())


def _input_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the network's user must give."""
    given = card["input"]
    size = " x ".join(map(str, given["size"])) + f", {given['channels']} channel(s)"
    known = [(key, _said(given[key])) for key in ("modality", "units", "spacing_mm", "window")]
    if "inference" in card:
        rows = [("patch of the network", size), *known, *_whole_cases(card)]
    else:
        rows = [("size of the network", f"{size}; any size is resampled"), *known]
    code = given["bytes"]
    if code is None:
        return [*rows, ("PNG and JPEG", "not taken: they carry no volumes")]
    text = f"{code['bits']} bits; pixels * {code['slope']:g} + {code['intercept']:g}"
    return [*rows, ("PNG and JPEG", text)]


def _whole_cases(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How a segmenter answers images of any size and spacing, by `Exported.segment`."""
    how = card["inference"]
    kept = [card["classes"][value] for value in how["keep_largest"]]
    return [
        ("normalisation", _said(card["input"]["normalisation"])),
        ("whole cases", "slice by slice" if how["slice_wise"] else "in windows of the patch"),
        ("overlap of windows", _said(how["overlap"])),
        ("axes mirrored and averaged", _said(how["mirror_axes"]) or "none"),
        ("largest component alone", _said(kept) or "of no class"),
    ]


def _signatures(card: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (f"`{name}`", _said(parts["inputs"]), _said(parts["outputs"]))
        for name, parts in card["signatures"].items()
    ]


def _scores(scores: Mapping[str, Any]) -> str:
    """Values with their intervals, over which part and how many."""
    rows = [
        (name, _number(item["value"]), f"{_number(item['low'])} to {_number(item['high'])}")
        for name, item in scores.get("metrics", {}).items()
    ]
    threshold = scores.get("threshold")
    called = "the largest probability" if threshold is None else _said(threshold)
    about = (
        f"Part: {_said(scores.get('split'))}; {_said(scores.get('examples'))} examples of "
        f"{_said(scores.get('patients'))} patients; operating point {called}."
    )
    return about + "\n\n" + _table(("metric", "value", "95 % interval"), rows)


def _tflite(variants: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, facts in variants.items():
        if "bytes" not in facts:
            rows.append((name, "not written", "", _said(facts.get("failed"))))
            continue
        latency = facts.get("latency_ms")
        scores = {key: _number(value) for key, value in facts.get("scores", {}).items()}
        time = "" if latency is None else f"{latency:.2f} ms"
        said = [_said(scores)] if scores else []
        said += [facts["note"]] if "note" in facts else []
        rows.append((name, f"{facts['bytes']:,}", time, "; ".join(said)))
    return rows


def _parity(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    def allowed(row: Mapping[str, Any]) -> str:
        return "stated only" if row["tolerance"] is None else f"{row['tolerance']:g}"

    lines: list[tuple[str, ...]] = []
    for row in rows:
        gap = row["max_difference"]
        said = ("not compared", "") if gap is None else (f"{gap:.1e}", allowed(row))
        lines.append((row["name"], *said, row["note"]))
    return lines


def _number(value: Any) -> str:
    """Three digits, or `undefined`."""
    if isinstance(value, Mapping):
        value = value.get("value")
    return "undefined" if value is None else f"{value:.3f}"
