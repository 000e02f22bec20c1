"""What a reader must know before trusting the scores of a segmentation."""

from __future__ import annotations

from collections.abc import Iterator

from tfmed.evaluation.limits import (
    FEW_OF_A_CLASS,
    FEW_PATIENTS,
    NOT_A_DEVICE,
    WIDE,
    Tested,
    drawn,
    folds,
    patients_unknown,
    source,
    unread,
)
from tfmed.evaluation.wording import count, defined, number, percent


def limits(tested: Tested) -> list[str]:
    """The limits of an evaluation, one sentence or two each, the weightiest first."""
    found = [NOT_A_DEVICE, *drawn(tested)]
    if tested.scores.get("metrics"):
        for rule in (_stack, _small, _wide, _failed, folds, source, _one_reader, _chosen):
            found.extend(rule(tested))
    found.extend(unread(tested))
    return found


def _stack(tested: Tested) -> Iterator[str]:
    if tested.scores.get("resampled") == "image":
        yield (
            "The images are slices of one stack, which resemble each other; intervals are over "
            "images, as no patients are known, and are too narrow. They say nothing of other "
            "specimens."
        )
    else:
        yield from patients_unknown(tested)


def _small(tested: Tested) -> Iterator[str]:
    few = {name: n for name, n in tested.support.items() if n < FEW_OF_A_CLASS}
    if few:
        named = ", ".join(f"{name} ({n})" for name, n in few.items())
        yield (
            f"Fewer than {FEW_OF_A_CLASS} test examples show: {named}. Their scores may change "
            "much with other data."
        )
    patients = int(tested.scores.get("patients") or 0)
    if 0 < patients < FEW_PATIENTS and tested.scores.get("resampled") != "image":
        yield f"The test rests on {count(patients, 'patient')} only."


def _wide(tested: Tested) -> Iterator[str]:
    wide = []
    for name, row in tested.scores.get("per_class", {}).items():
        dice = row.get("dice") or {}
        low, high = dice.get("low"), dice.get("high")
        if defined(low) and defined(high) and high - low > WIDE:
            wide.append(f"{name} {number(low, 2)} to {number(high, 2)}")
    if wide:
        yield f"The 95 % intervals of Dice are wide ({'; '.join(wide)}): read them, not the middle."


def _failed(tested: Tested) -> Iterator[str]:
    failed = sum(
        row.get("missed", 0) + row.get("invented", 0)
        for row in tested.scores.get("per_class", {}).values()
    )
    if failed:
        yield (
            "Means hold the failures: HD95 of a missed or invented structure is the diagonal of "
            "the whole image, so that a few of them weigh more than all others together. Look at "
            "the spread over cases."
        )
        return
    patients = int(tested.scores.get("patients") or 0)
    if patients and tested.scores.get("resampled") != "image":
        yield (
            f"No structure was missed or invented in {count(patients, 'patient')}; in up to about "
            f"{percent(min(3 / patients, 1), 0)} of patients it may still happen (the rule of "
            "three)."
        )


def _one_reader(tested: Tested) -> Iterator[str]:
    del tested
    yield (
        "The truth is one set of outlines. Readers differ from each other too; a Dice at the level "
        "of their agreement cannot be told from a better one."
    )
    yield "Small structures lose more Dice than large ones by an error of equal width."


def _chosen(tested: Tested) -> Iterator[str]:
    few = tested.validation and tested.validation < FEW_OF_A_CLASS
    size = f" It has only {count(tested.validation, 'example')}." if few else ""
    yield (
        "The validation part chose the weights that were kept, and whether smaller components are "
        f"removed; its own scores are therefore flattering and are not reported.{size}"
    )
