"""Findings of patients, labels and what predicts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfmed.data.suspicious import FEW_PATIENTS
from tfmed.evaluation.finding import CHECK, KNOW, MEND, Facts, Finding
from tfmed.evaluation.wording import count, percent, reach_of, within

# A confounder is worth a warning from here on, if its interval does not hold chance.
TELLING, STRONG = 0.6, 0.8
SURE = 0.505  # the interval does not hold chance, when printed either
LARGE_PATIENT, UNBALANCED = 0.2, 10


def telling(confounder: Mapping[str, Any]) -> bool:
    """Whether a field tells enough of the label to be warned of."""
    every = [confounder["auroc"], *confounder["per_class"].values()]
    return any(one["value"] >= TELLING and one["low"] >= SURE for one in every)


def equal_images(facts: Facts) -> Iterator[Finding]:
    """Copies, and what they contradict."""
    equal = facts["duplicates"]
    if number := equal["with_two_labels"]:
        yield Finding(
            "one_image_two_labels", MEND, 100,
            f"{count(number, 'image')} {'comes' if number == 1 else 'come'} again with another "
            "label: one of the two is wrong.",
            "Mend the labels of the groups listed under Duplicates; training refuses such data.",
        )  # fmt: skip
    if number := equal["in_two_parts"]:
        yield Finding(
            "image_in_two_parts", MEND, 90,
            f"{count(number, 'group')} of equal images {'lies' if number == 1 else 'lie'} in two "
            "parts of the split: a test would ask for images that training has seen.",
            "Training leaves the earlier copy out; mend the split for other uses.",
        )  # fmt: skip
    if number := equal["of_two_patients"]:
        yield Finding(
            "image_of_two_patients", CHECK, 62,
            f"{count(number, 'group')} of equal images {'is' if number == 1 else 'are'} said to "
            "be of several patients.",
            "Find which patient is right; splits keep such patients together meanwhile.",
        )  # fmt: skip
    if equal["groups"]:
        extra = equal["images"] - equal["groups"]
        yield Finding(
            "duplicates", CHECK, 42,
            f"{count(extra, 'example')} of {facts['examples']:,} "
            f"{'is a copy' if extra == 1 else 'are copies'} of another, pixel by pixel.",
            "Copies count twice in training and scores: keep one of each.",
        )  # fmt: skip


def patients(facts: Facts) -> Iterator[Finding]:
    """Who is known, who stands in two parts, who weighs too much."""
    if number := facts["patients_in_two_parts"]:
        yield Finding(
            "patient_in_two_parts", MEND, 95,
            f"{count(number, 'patient')} {'stands' if number == 1 else 'stand'} in two parts of "
            "the source's own split: scores on its test part would be too good.",
            "Split by patient; leave the split column out, and tfmed makes such a split.",
        )  # fmt: skip
    known = facts["patients_known"]
    if known < 1:
        whose = "no example" if known == 0 else f"{percent(known)} of the examples"
        other = "" if known == 0 else "other "
        yield Finding(
            "unknown_patients", CHECK, 70 if known < 0.5 else 54,
            f"The patient is known for {whose}: each {other}example counts as a patient of its "
            "own, so images of one person may be trained and tested on.",
            "Name the column that tells the patient with --patient-column.",
        )  # fmt: skip
    largest = facts["examples_of_patients"]
    if largest["largest_share"] > LARGE_PATIENT and facts["patients"] > 1:
        yield Finding(
            "large_patient", CHECK, 48,
            f"One patient gives {count(largest['largest'], 'example')}, "
            f"{percent(largest['largest_share'], 0)} of all.",
            "Scores hang on this patient; look at the scores by patient, or take fewer of these.",
        )  # fmt: skip


def labels(facts: Facts) -> Iterator[Finding]:
    """Names and labels that contradict each other."""
    about = facts["labels"]
    for names in about["names_alike"]:
        yield Finding(
            "class_names_alike", MEND, 85,
            f"The classes {', '.join(map(repr, names))} differ in spelling only.",
            "If they mean the same, give them one name in the table or the folders.",
        )  # fmt: skip
    if number := about["patients_with_two"]:
        yield Finding(
            "patient_with_two_labels", CHECK, 56,
            f"{count(number, 'patient')} {'has' if number == 1 else 'have'} examples of several "
            "classes, while nearly all others have one.",
            "Check these labels: a change of state is possible, an error is likelier.",
        )  # fmt: skip
    if facts["unlabelled"] and facts["classes"]:
        yield Finding(
            "unlabelled", KNOW, 30,
            f"{count(facts['unlabelled'], 'example')} "
            f"{'has' if facts['unlabelled'] == 1 else 'have'} no label.",
            "They can only be predicted.",
        )  # fmt: skip


def confounders(facts: Facts) -> Iterator[Finding]:
    """Header fields that alone tell the label."""
    told = [one for one in facts["confounders"]["fields"] if telling(one)]
    if not told:
        return
    worst = max(told, key=_strongest)
    value = _strongest(worst)
    best = max((worst["auroc"], worst["per_class"][worst["strongest"]]), key=lambda m: m["value"])
    of = "" if best is worst["auroc"] else f" for {worst['strongest']}"
    others = [within(one["name"]) for one in told if one is not worst]
    also = f" So does, in part, each of: {', '.join(others)}." if others else ""
    yield Finding(
        "confounder", MEND if value >= STRONG else CHECK, 40 + 55 * value,
        f"{worst['name']} alone, without one pixel, tells the classes apart: AUROC "
        f"{best['value']:.2f}{of} (95 % interval {reach_of(best, 2)}).{also}",
        "A network can learn the scanner in place of the disease: balance the classes within "
        "each value, or test on data where the link is broken.",
    )  # fmt: skip


def _strongest(one: Mapping[str, Any]) -> float:
    sound = [m["value"] for m in (one["auroc"], *one["per_class"].values()) if m["low"] >= SURE]
    return max(sound, default=0.0)


def brightness(facts: Facts) -> Iterator[Finding]:
    """Whole-image values that alone tell the label."""
    told = [one for one in facts["confounders"]["pixels"] if telling(one)]
    if not told:
        return
    best = max(told, key=_strongest)
    area, name = best["auroc"], within(best["name"])
    yield Finding(
        "brightness", CHECK, 20 + 40 * area["value"],
        f"The {name} alone, with no place or shape, tells the classes apart: "
        f"AUROC {area['value']:.2f} (95 % interval {reach_of(area, 2)}).",
        "Exposure or disease? A network must beat this number to have learned more.",
    )  # fmt: skip


def classes(facts: Facts) -> Iterator[Finding]:
    """Too few, too small, too uneven."""
    known, small = facts["classes"], facts["labels"]["small_classes"]
    if not known:
        yield Finding(
            "no_labels", KNOW, 60,
            f"No example of {facts['examples']:,} has a label.",
            "Name a table with --table and its column with --label-column, or only predict.",
        )  # fmt: skip
        return
    if len(known) == 1 and not facts["multi_label"]:
        yield Finding(
            "one_class", MEND, 80,
            f"There is one class only, {next(iter(known))!r}: nothing can be learned.",
            "Add examples of another class, or check the label column and --positive.",
        )  # fmt: skip
        return
    for name, patients in small.items():
        yield Finding(
            "small_class", CHECK, 66,
            f"The class {name!r} has {count(patients, 'patient')}, fewer than {FEW_PATIENTS}: its "
            "scores would be chance.",
            "Collect more, join it to a class near to it, or leave it out.",
        )  # fmt: skip
    numbers = [one["examples"] for one in known.values()]
    if min(numbers) and max(numbers) / min(numbers) >= UNBALANCED:
        yield Finding(
            "unbalanced", KNOW, 36,
            f"The largest class has {max(numbers) / min(numbers):.0f} times the examples of the "
            "smallest.",
            "Judge by AUROC and balanced accuracy, not by accuracy; training weights the classes.",
        )  # fmt: skip
    for part, about in facts["parts"].items():
        lacking = [name for name, number in about["classes"].items() if not number]
        if lacking and facts["split"] and part != "none" and len(lacking) < len(known):
            yield Finding(
                "class_missing_in_part", MEND, 67,
                f"The part {part!r} of the source's split has no example of {', '.join(lacking)}.",
                "Leave the source's split out, and tfmed makes one with every class in each part.",
            )  # fmt: skip


def split(facts: Facts) -> Iterator[Finding]:
    """Whether the source has parts."""
    if not facts["split"]:
        yield Finding(
            "no_split", KNOW, 10,
            "The source has no split of its own, and none was made here.",
            "Training splits by patient, with every class in each part.",
        )  # fmt: skip
