"""What the features of a TFDS data set mean: which is the image, the label, the patient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.data.dataset import JOIN
from tfmed.data.sources.column_search import LABEL_NAMES, PATIENT_NAMES, plain
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth.label_truth import NEGATIVE
from tfmed.errors import ConfigError, DataError
from tfmed.expected import nearest

NAMES = ("id", "imageid", "filename", "name")
UNKNOWN = "unknown"
SPACING, CLIP, FRAME_RATE = "spacing_mm", "clip", "frame_rate_hz"
TEXTS = ("modality", "units")
PICTURE_TYPES = ("uint8", "uint16")


@dataclass(frozen=True)
class Roles:
    """The features of a data set by what they mean.

    Attributes:
        image: holds the image, volume or clip.
        encoded: whether its bytes are an image file that can be kept as it is.
        clip: whether its first axis is known to be time.
        labels: none, one, or several two-valued ones, each of which tells of one class.
        classes: names, in the order of the label numbers; none where the label is a number.
        multi_label: whether an example may have several classes, or none.
        unknown: lists the classes that are not known of an example, or None.
        patient: or None.
        name: a text that tells examples apart, or None.
        others: features that tell spacing, time axis, frame rate, modality and units, where
            there are such.
    """

    image: str
    encoded: bool
    clip: bool
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    multi_label: bool
    unknown: str | None
    patient: str | None
    name: str | None
    others: tuple[str, ...]

    @property
    def used(self) -> tuple[str, ...]:
        """Every feature that has a meaning."""
        named = (self.image, *self.labels, self.unknown, self.patient, self.name, *self.others)
        return tuple(dict.fromkeys(name for name in named if name))


def roles(features: Mapping[str, Any], supervised: Any, wishes: Wishes, what: str) -> Roles:
    """Find the features of an image classification data set.

    A wish names a feature as it would name a column: `--label-column`, `--patient-column`, and
    `--path-column` for the image.

    Args:
        features: TFDS features by name.
        supervised: TFDS' names of input and target, or None.
        wishes: of the user.
        what: the data set, for messages.

    Raises:
        ConfigError: a wished feature does not exist, or several could be meant.
        DataError: the data set has no images.
    """
    features = dict(sorted(features.items()))  # a stored description has no order
    for wished in (*wishes.label_columns, wishes.patient_column, wishes.path_column):
        if wished is not None and wished not in features:
            raise ConfigError(
                f"{what} has no feature {wished!r}{nearest(wished, features)} "
                f"(its features: {', '.join(features)})"
            )
    pair = supervised if isinstance(supervised, tuple) and len(supervised) == 2 else (None, None)
    image = _image(features, wishes.path_column or pair[0], what)
    classes: tuple[str, ...] = ()
    multi_label = False
    if wishes.truth == "number":
        labels = _number(features, wishes, pair[1], what)
    else:
        labels = wishes.label_columns or _labels(features, pair[1], what)
        classes, multi_label = _classes(features, labels, what)
    lone = {name: feature for name, feature in features.items() if name not in (image, *labels)}
    patients = [name for name in lone if plain(name) in PATIENT_NAMES]
    names = [
        name for known in NAMES for name in lone if plain(name) == known and _is(lone[name], "Text")
    ]
    unknown = multi_label and UNKNOWN in lone and _names(lone[UNKNOWN]) == classes
    return Roles(
        image=image,
        encoded=_is_encoded(features[image]),
        clip=_is(features[image], "Video"),
        labels=labels,
        classes=classes,
        multi_label=multi_label,
        unknown=UNKNOWN if unknown else None,
        patient=wishes.patient_column or next(iter(patients), None),
        name=next(iter(names), None),
        others=(
            *(name for name in (SPACING, CLIP, FRAME_RATE) if name in lone),
            *(name for name in TEXTS if name in lone and _is(lone[name], "Text")),
        ),
    )


def label_of(example: Mapping[str, Any], found: Roles) -> tuple[str | None, str]:
    """`label` and `unknown` of an example, as a data set's table has them.

    Raises:
        DataError: a list of classes names one twice: it is no set of labels.
    """
    if not found.labels:
        return None, ""
    if not found.classes:
        number = example[found.labels[0]]
        return (None if math.isnan(number) else str(number)), ""
    if len(found.labels) > 1:
        marks = [int(example[name]) for name in found.labels]
        present = [name for name, mark in zip(found.classes, marks, strict=True) if mark > 0]
        missing = [name for name, mark in zip(found.classes, marks, strict=True) if mark < 0]
    elif found.multi_label:
        present = _listed(example[found.labels[0]], found)
        missing = _listed(example[found.unknown], found) if found.unknown else []
    else:
        number = int(example[found.labels[0]])
        return (found.classes[number] if number >= 0 else None), ""
    known = len(missing) < len(found.classes)
    return (JOIN.join(present) if known else None), JOIN.join(missing)


def _listed(numbers: Any, found: Roles) -> list[str]:
    listed = [int(number) for number in np.asarray(numbers).reshape(-1) if number >= 0]
    if len(set(listed)) < len(listed):
        raise DataError(
            f"its feature {found.labels[0]!r} lists one class twice in an example: it is no set "
            "of labels; name another feature with --label-column"
        )
    return [found.classes[number] for number in sorted(listed)]


def _image(features: Mapping[str, Any], wished: Any, what: str) -> str:
    files = [name for name, one in features.items() if _is_encoded(one) or _is(one, "Video")]
    arrays = [name for name, one in features.items() if _is_array(one)]
    floats = [name for name, one in features.items() if _is(one, "Image")]
    for found in (files, floats, arrays):
        if wished in found:
            return str(wished)
    for found in (files, floats, arrays):
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(
                f"{what} has several images: {', '.join(found)}; name one with --path-column"
            )
    held = ", ".join(f"{name} ({type(one).__name__})" for name, one in features.items())
    raise DataError(f"{what} has no image feature; it has {held}")


def _labels(features: Mapping[str, Any], target: Any, what: str) -> tuple[str, ...]:
    found = [name for name, one in features.items() if _names(one) and name != UNKNOWN]
    if target in found:
        return (target,)
    if len(found) > 1:
        named = [name for name in found if plain(name) in LABEL_NAMES]
        if len(named) == 1:
            return (named[0],)
        if not all(_two_valued(features[name]) for name in found):
            raise ConfigError(
                f"{what} has several labels: {', '.join(found)}; name one with --label-column"
            )
    return tuple(found)


def _number(features: Mapping[str, Any], wishes: Wishes, target: Any, what: str) -> tuple[str, ...]:
    found = [name for name, one in features.items() if _is_number(one)]
    wanted = wishes.label_columns or tuple(name for name in found if name == target)
    if len(wanted) != 1 or wanted[0] not in found:
        raise ConfigError(
            f"--label-column names one feature of {what} that is a number; "
            f"there are: {', '.join(found) or 'none'}"
        )
    return wanted


def _classes(
    features: Mapping[str, Any], labels: tuple[str, ...], what: str
) -> tuple[tuple[str, ...], bool]:
    for name in labels:
        if not _names(features[name]):
            kind = type(features[name]).__name__
            raise ConfigError(f"feature {name!r} of {what} is a {kind}; labels are a ClassLabel")
    if len(labels) > 1:
        for name in labels:
            if _is(features[name], "Sequence") or len(_names(features[name])) != 2:
                raise ConfigError(
                    f"feature {name!r} of {what} has not two values; several label columns "
                    "tell of one class each"
                )
        return labels, True
    if not labels:
        return (), False
    return _names(features[labels[0]]), _is(features[labels[0]], "Sequence")


def _names(feature: Any) -> tuple[str, ...]:
    """Class names of a `ClassLabel`, or of a list of them; empty for any other feature."""
    inner = feature.feature if _is(feature, "Sequence") else feature
    if not _is(inner, "ClassLabel") or not inner.num_classes:
        return ()
    names = inner.names or map(str, range(inner.num_classes))
    return tuple(name.replace(JOIN, "/") for name in names)


def _two_valued(feature: Any) -> bool:
    """Whether a label says no or yes."""
    names = _names(feature)
    return _is(feature, "ClassLabel") and len(names) == 2 and names[0].casefold() in NEGATIVE


def _is_encoded(feature: Any) -> bool:
    return _is(feature, "Image") and np.dtype(feature.np_dtype).name in PICTURE_TYPES


def _is_array(feature: Any) -> bool:
    if not _is(feature, "Tensor") or _is(feature, "ClassLabel"):
        return False
    return len(feature.shape) in (2, 3, 4) and np.dtype(feature.np_dtype).kind in "uifb"


def _is_number(feature: Any) -> bool:
    if not _is(feature, "Tensor") or _is(feature, "ClassLabel"):
        return False
    return feature.shape == () and np.dtype(feature.np_dtype).kind in "uif"


def _is(feature: Any, kind: str) -> bool:
    """Whether a feature is of a TFDS class; a `LabeledImage` is a mask, no image."""
    from tensorflow_datasets import features

    if kind == "Image" and isinstance(feature, features.LabeledImage):
        return False
    return isinstance(feature, getattr(features, kind))
