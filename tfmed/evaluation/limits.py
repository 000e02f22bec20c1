"""What a reader must know before trusting the scores, found from the facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tfmed.evaluation.facts import DataFacts
from tfmed.evaluation.figures import OUT_OF_FOLD
from tfmed.evaluation.wording import count, defined, number, percent

FEW_OF_A_CLASS = 30
FEW_PATIENTS = 100
WIDE = 0.10
RARE = 0.2
POORLY_CALIBRATED = 0.05
LOST_DETAIL = 1.5
NOT_A_DEVICE = (
    "This is a research result. It is not a medical device, and no decision on a patient may rest "
    "on it."
)


@dataclass(frozen=True)
class Tested:
    """What the scores were measured on.

    Attributes:
        scores: as `scores.json`.
        support: scored examples of each class.
        data: facts of the data, or None.
        input_size: `(H, W)` or `(D, H, W)` that the network sees, or None.
        rejects: files that could not be used.
        validation: examples of the validation part, 0 where not known.
    """

    scores: Mapping[str, Any]
    support: Mapping[str, int]
    data: DataFacts | None
    input_size: tuple[int, ...] | None = None
    rejects: int = 0
    validation: int = 0


def limits(tested: Tested) -> list[str]:
    """The limits of an evaluation, one sentence or two each, the weightiest first."""
    found = [NOT_A_DEVICE, *drawn(tested)]
    if sum(tested.support.values()):
        rules = (patients_unknown, _small, _wide, _perfect, folds, source, _classes, _chosen)
        for rule in rules:
            found.extend(rule(tested))
    for rule in (_detail, _calibration, unread, _heat):
        found.extend(rule(tested))
    return found


def drawn(tested: Tested) -> Iterator[str]:
    """That images are drawn."""
    if tested.data and tested.data.provenance.get("source", "").startswith("synthetic:"):
        yield "The images are drawn, not scanned: the scores say nothing about patients."


def patients_unknown(tested: Tested) -> Iterator[str]:
    """That it is not known which examples are of one patient."""
    if tested.data is None or tested.data.patient_known >= 1:
        return
    missing = 1 - tested.data.patient_known
    whom = "Patients are" if missing >= 1 else f"The patients of {percent(missing)} of examples are"
    yield (
        f"{whom} not known, so each such example counts as a patient of its own. If one person "
        "has several, they may stand in two parts, which flatters the scores, and the intervals "
        "are too narrow."
    )


def _small(tested: Tested) -> Iterator[str]:
    patients = int(tested.scores.get("patients") or 0)
    few = {name: n for name, n in tested.support.items() if n < FEW_OF_A_CLASS}
    if few:
        named = ", ".join(f"{name} ({n})" for name, n in few.items())
        yield (
            f"Fewer than {FEW_OF_A_CLASS} test examples of: {named}. Scores of these classes "
            "may change much with other data."
        )
    if 0 < patients < FEW_PATIENTS:
        yield f"The test rests on {count(patients, 'patient')} only."


def _wide(tested: Tested) -> Iterator[str]:
    wide = []
    for name in ("auroc", "balanced_accuracy", "accuracy"):
        metric = tested.scores.get("metrics", {}).get(name) or {}
        low, high = metric.get("low"), metric.get("high")
        if defined(low) and defined(high) and high - low > WIDE:
            label = {"auroc": "AUROC"}.get(name, name.replace("_", " "))
            wide.append(f"{label} {number(low, 2)} to {number(high, 2)}")
    if wide:
        yield f"The 95 % intervals are wide ({'; '.join(wide)}): read them, not the middle values."


def _perfect(tested: Tested) -> Iterator[str]:
    perfect = False
    for metrics in (tested.scores.get("metrics", {}), *tested.scores.get("per_class", {}).values()):
        for name in ("auroc", "recall", "precision"):
            perfect |= (metrics.get(name) or {}).get("value") == 1
    patients = int(tested.scores.get("patients") or 0)
    if perfect and patients:
        yield (
            "Where a score is 1.000, so is its whole interval, because a bootstrap cannot draw "
            f"errors that were not seen. Of {count(patients, 'patient')}, up to about "
            f"{percent(min(3 / patients, 1), 0)} may still be wrong (the rule of three)."
        )


def folds(tested: Tested) -> Iterator[str]:
    """That scores are of a cross-validation."""
    if tested.scores.get("split") != OUT_OF_FOLD:
        return
    yield (
        "Scores are of cross-validation: each example was judged by the one network that had "
        "not seen it. The exported model averages these networks"
        + ("." if tested.scores.get("test") else " and was itself not tested on unseen data.")
    )


def source(tested: Tested) -> Iterator[str]:
    """That all data are of one place, and not told apart by age, sex or site."""
    makers = tested.data.scanners if tested.data else 0
    seen = f" ({count(makers, 'scanner maker')})" if makers else " (scanners not known)"
    yield (
        f"All data come from one source{seen}, and there is no test on another hospital's. "
        "Scores elsewhere are often lower; test on local data before any use."
    )
    yield "There are no scores by age, sex or site, so unequal performance would not show here."


def _classes(tested: Tested) -> Iterator[str]:
    total = sum(tested.support.values())
    rare = {name: n / total for name, n in tested.support.items() if total and n / total < RARE}
    if rare and len(tested.support) > 1:
        named = ", ".join(f"{name} {percent(share)}" for name, share in rare.items())
        yield f"Classes are unequal in the test part ({named}): look at the per-class scores."
    if len(tested.support) == 2 and total:
        name, n = list(tested.support.items())[1]
        yield (
            f"{percent(n / total)} of the test examples are of class {name}. Where it is rarer "
            "or more frequent, predictive values and calibration differ from those shown."
        )


def _chosen(tested: Tested) -> Iterator[str]:
    few = tested.validation and tested.validation < 2 * FEW_OF_A_CLASS
    size = f" It has only {count(tested.validation, 'example')}." if few else ""
    yield (
        "The validation part chose when to stop, the threshold and the temperature; its own "
        f"scores are therefore flattering and are not reported.{size}"
    )


def _detail(tested: Tested) -> Iterator[str]:
    size = tested.data.size if tested.data else None
    if size is None or tested.input_size is None:
        return
    (height, width), (rows, columns) = size, tested.input_size[-2:]
    if max(height / rows, width / columns) > LOST_DETAIL:
        yield (
            f"The network sees {columns} x {rows} pixels of images that are typically {width} x "
            f"{height}: findings of a few original pixels are lost."
        )
    if tested.data and tested.data.frames > tested.input_size[0]:
        yield (
            f"The network sees {tested.input_size[0]} frames, evenly spaced, of clips that "
            f"typically have {tested.data.frames}: what moves quickly is lost."
        )


def _calibration(tested: Tested) -> Iterator[str]:
    ece = (tested.scores.get("metrics", {}).get("ece") or {}).get("value")
    if defined(ece) and ece > POORLY_CALIBRATED:
        yield (
            f"Calibration error is {number(ece)}: probabilities are a ranking rather than the "
            "chance of the finding."
        )


def unread(tested: Tested) -> Iterator[str]:
    """That some files could not be used."""
    if tested.rejects:
        yield (
            f"{count(tested.rejects, 'file or image', 'files or images')} could not be used; on "
            "such scans nothing is known of the performance."
        )


def _heat(tested: Tested) -> Iterator[str]:
    del tested
    yield "Heat maps are coarse and show where a network looked, not whether it was right to."
