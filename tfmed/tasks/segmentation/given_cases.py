"""Cases that a trained segmenter is given: classes in its order, images of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError


def in_order(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The data set with its classes in the model's order.

    Raises:
        DataError: they are others.
    """
    if dataset.classes == tuple(classes):
        return dataset
    if set(dataset.classes) != set(classes):
        raise DataError(
            f"{dataset.name} has the classes {', '.join(dataset.classes)}, the model knows "
            f"{', '.join(classes)}; name the values of the masks with --classes, those of a class "
            "that no mask shows too"
        )
    order = [dataset.classes.index(name) for name in classes]
    about = dict(dataset.facts["masks"])
    about["values"] = [about["values"][place] for place in order]
    log.info(f"classes in the model's order: {', '.join(classes)}")
    return replace(dataset, classes=tuple(classes)).with_facts(masks=about)


def of_channels(dataset: Dataset, channels: int) -> Dataset:
    """The cases with so many channels; the others become rejects.

    Raises:
        DataError: there is none.
    """
    wrong = dataset.table["channels"] != channels
    said = f"the model takes images of {_colours(channels)}"
    if wrong.all():
        came = _colours(int(dataset.table["channels"].iloc[0]))
        raise DataError(f"{said}, {dataset.name} holds {came}")
    return dataset.without(wrong, said)


def _colours(channels: int) -> str:
    return "grey" if channels == 1 else "colour"
