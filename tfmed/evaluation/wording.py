"""Numbers and names as a reader of a report meets them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeGuard

UNDEFINED = "undefined"

# What each score is called and what it tells, in the order of the report.
METRICS: dict[str, tuple[str, str]] = {
    "auroc": ("AUROC", "chance that a positive example scores above a negative one"),
    "average_precision": ("Average precision", "area under precision over recall"),
    "accuracy": ("Accuracy", "share of right answers at the operating point"),
    "balanced_accuracy": ("Balanced accuracy", "mean of the recalls of the classes"),
    "recall": ("Recall (sensitivity)", "share of the positive that is found"),
    "precision": ("Precision (PPV)", "share of findings that are right, at this prevalence"),
    "specificity": ("Specificity", "share of the others that are rightly left alone"),
    "f1": ("F1", "harmonic mean of recall and precision"),
    "accuracy_at_half": ("Accuracy at 0.5", "accuracy with a threshold of one half"),
    "brier": ("Brier score", "mean squared error of the probabilities; lower is better"),
    "ece": (
        "Calibration error",
        "mean gap of probability and share (ECE); lower is better, resampling inflates it",
    ),
    "dice": ("Dice", "overlap: twice the common part over the sum of both"),
    "iou": ("IoU", "overlap: the common part over all that either marks"),
    "nsd": ("Surface Dice (NSD)", "share of both surfaces within the tolerance of each other"),
    "hd95_mm": ("HD95", "95 % of each surface lies within this of the other; lower is better"),
    "hd95_px": ("HD95", "95 % of each surface lies within this of the other; lower is better"),
    "volume_difference": ("Size difference", "mean size of prediction less truth; lower is better"),
    "volume_bias": ("Size bias", "mean of prediction less truth; 0 is best"),
}
# What stands where a cell is empty; elsewhere it is `undefined`.
MISSING: dict[str, str] = {"tolerance": "stated only", "difference": "not compared", "note": ""}
MISSING |= {
    "max_difference": "not compared",
    "ok": "stated",
    "passed": "stated",
    "bytes": "not made",
    "latency_ms": "not run",
}

# Whole numbers that are no sides of a box.
LISTS = ("features", "mirror_axes", "axes")
HEADINGS = {
    "auroc": "AUROC",
    "ema_decay": "averaging of weights",
    "mixup": "MixUp",
    "name": "what",
    "url": "URL",
    "bytes": "size",
    "latency_ms": "latency",
    "max_difference": "largest difference",
    "difference": "largest difference",
    "nonzero": "over non-zero voxels alone",
    "slice_wise": "slice by slice",
    "spacing_mm": "spacing, mm",
    "std": "standard deviation",
    "ok": "holds",
    "passed": "holds",
}


def heading(name: str) -> str:
    """A column's name as the head of a table."""
    return HEADINGS.get(name, name.replace("_", " ").replace("auroc", "AUROC"))


def number(value: Any, digits: int = 3) -> str:
    """A score with fixed digits, or `undefined` for None and NaN."""
    if not defined(value):
        return UNDEFINED
    return f"{float(value):.{digits}f}"


def defined(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) and math.isfinite(value)


def reach_of(metric: Mapping[str, Any], digits: int = 3) -> str:
    """`0.931 to 0.971`, or "" where the interval is not defined."""
    low, high = metric.get("low"), metric.get("high")
    if not (defined(low) and defined(high)):
        return ""
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(value: Any, digits: int = 1) -> str:
    """A share of 0..1 as a percentage."""
    return f"{100 * float(value):.{digits}f}\u00a0%" if defined(value) else UNDEFINED


def setting(name: str, value: Any, classes: Sequence[str]) -> str:
    """A plan's value in words: of `window` its range, of class weights each with its class."""
    if name == "window":
        if not value or isinstance(value, str):
            return "percentiles of each image"
        return " to ".join(map(plainly, value))
    if name in LISTS and value:
        return ", ".join(map(plainly, value))
    if name == "class_weights" and value and len(value) == len(classes):
        pairs = zip(classes, value, strict=True)
        return ", ".join(f"{label} {plainly(weight)}" for label, weight in pairs)
    return plainly(value)


def sentence(text: str) -> str:
    """A text with a capital at its start and a stop at its end."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def structure(name: str) -> str:
    """A structure's name in a sentence, where `1` alone would be read as a number."""
    return f"label {name}" if name.isdigit() else name


def within(name: str) -> str:
    """A name as it stands inside a sentence: `Scanner maker` as `scanner maker`."""
    return name[:1].lower() + name[1:]


def amount(value: float) -> str:
    """A measured number with four digits that count, `0.7031`, `1,204`, `279,500`."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.4g}"


def brief(value: float) -> str:
    """A measured number with the digits that a reader needs: `0.071`, `3.52`, `41.2`, `1,204`."""
    if 0 < abs(value) < 0.1:
        return f"{value:.2g}"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def count(value: int, one: str, many: str = "") -> str:
    """`1 patient`, `1,204 patients`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def file_size(value: Any) -> str:
    """Bytes as KB or MB (of 1,000)."""
    if not defined(value):
        return UNDEFINED
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} KB"


def cell(name: str, value: Any) -> str:
    """A table's cell, by what its column is called."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = value.get("value")
    whole = isinstance(value, Integral)
    if not defined(value):
        return MISSING.get(name, UNDEFINED)
    if name == "bytes":
        return file_size(value)
    if name.endswith("_ms"):
        return f"{value:.2f} ms"
    if "difference" in name or "tolerance" in name:
        return f"{value:.1e}".replace("e-0", "e-") if value else "0"
    return f"{int(value):,}" if whole else number(value)


def plainly(value: Any) -> str:
    """A setting's value in words: `128 x 128`, `noise (probability 0.1)`, `none`."""
    if isinstance(value, Mapping):
        words = [
            f"{heading(key)} {setting(key, item, ())}"
            for key, item in value.items()
            if key != "name"
        ]
        if "name" not in value:
            return ", ".join(words) or "none"
        return f"{value['name']} ({', '.join(words)})" if words else str(value["name"])
    if isinstance(value, (list, tuple)):
        between = "; " if any(isinstance(item, Mapping) for item in value) else ", "
        if all(isinstance(item, int) for item in value):
            between = " x "
        return between.join(map(plainly, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None or value == "" else str(value)
