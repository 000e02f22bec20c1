"""What a careful reviewer of data would warn of first: the heaviest first, each with its number."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tfmed.evaluation import findings_of_images as of_images
from tfmed.evaluation import findings_of_labels as of_labels
from tfmed.evaluation.finding import CHECK, KNOW, MEND, Facts

LEVELS = (MEND, CHECK, KNOW)
RULES = (
    of_labels.equal_images,
    of_labels.patients,
    of_labels.labels,
    of_labels.confounders,
    of_labels.brightness,
    of_labels.classes,
    of_labels.split,
    of_images.rejects,
    of_images.mixed,
    of_images.sizes,
    of_images.values,
)


def findings(facts: Facts) -> list[dict[str, Any]]:
    """The findings of a data set as plain data: what to mend, to check, to know; heavy first.

    Args:
        facts: of `data_facts.gather`.
    """
    found = [finding for rule in RULES for finding in rule(facts)]
    return [
        asdict(finding)
        for finding in sorted(found, key=lambda one: (LEVELS.index(one.level), -one.weight))
    ]
