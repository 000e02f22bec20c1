"""Which mask belongs to which image, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfmed.data.truth.label_truth import class_order
from tfmed.data.walk import stem
from tfmed.errors import DataError

NO_MASK = "no mask has its name, though others of its part have one"
NO_IMAGE = "no image has its name"
TWICE = "another mask has its name"
# nnU-Net's number of a channel; what people add to the name of a mask.
_CHANNEL = re.compile(r"_0000$")
_MASK = re.compile(r"[_-](mask|masks|seg|segmentation|label|labels|gt)$", re.IGNORECASE)
ENDINGS = (".nii", ".gz", ".hdr", ".png", ".tif", ".tiff", ".npy", ".bmp")


@dataclass
class Section:
    """An images' folder with its masks' folder, and the part that they are."""

    images: Path
    masks: Path | None
    split: str = ""


@dataclass
class Pairs:
    """Images with their masks.

    Attributes:
        images: their files.
        masks: the files of each image's mask, none where it has no mask.
        splits: the part of each.
        classes: of one file a class, their names; else empty.
        rejects: path and reason of what does not fit.
    """

    images: list[Path] = field(default_factory=list)
    masks: list[tuple[Path, ...]] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    rejects: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Pairs) -> None:
        """Add those of another part.

        Raises:
            DataError: it has other classes.
        """
        if self.classes and other.classes and self.classes != other.classes:
            raise DataError(
                f"the parts have different masks: {', '.join(self.classes)} in one, "
                f"{', '.join(other.classes)} in another"
            )
        self.images += other.images
        self.masks += other.masks
        self.splits += other.splits
        self.classes = self.classes or other.classes
        self.rejects += other.rejects


def pair(section: Section, images: Sequence[Path], masks: Sequence[Path]) -> Pairs:
    """Find the masks of one part's images.

    Names are equal but for their endings; images may carry `_0000`, masks `_mask`, `_seg` and
    the like. Where no name is equal, `CLASS/NAME` and `NAME_CLASS` are tried: one file a class.

    Raises:
        DataError: the images have several channels.
    """
    named = {_key(path, section.images): path for path in images}
    _refuse_channels(named)
    named = {_CHANNEL.sub("", key): path for key, path in named.items()}
    found = Pairs()
    if section.masks is None or not masks:
        found.images, found.masks = list(images), [()] * len(images)
        found.splits = [section.split] * len(images)
        return found
    files = [path for path in masks if path.name.lower().endswith(ENDINGS)]
    keys = {path: _key(path, section.masks) for path in files}
    single = _one_each(keys, named, found)
    if single:
        of_image: Mapping[str, tuple[Path, ...]] = {key: (one,) for key, one in single.items()}
    else:
        of_image, found.classes = _one_a_class(keys, named, found)
    refused = {path for path, _ in found.rejects}
    for key, image in named.items():
        if key in of_image or not of_image:
            found.images.append(image)
            found.masks.append(of_image.get(key, ()))
            found.splits.append(section.split)
        elif str(image) not in refused:
            found.rejects.append((str(image), NO_MASK))
    return found


def _key(path: Path, folder: Path) -> str:
    """A file's place below its folder, without its ending."""
    inside = path.relative_to(folder)
    return (inside.parent / stem(inside.name)).as_posix()


def _refuse_channels(named: Mapping[str, Path]) -> None:
    several = [key for key in named if key.endswith("_0001") and f"{key[:-5]}_0000" in named]
    if several:
        raise DataError(
            f"{named[several[0]]} is a second channel beside _0000; images of one channel are "
            "expected. Keep the files of one channel"
        )


def _one_each(keys: Mapping[Path, str], named: Mapping[str, Path], found: Pairs) -> dict[str, Path]:
    """The one mask of each image, where names are equal; {} where none is."""
    single: dict[str, Path] = {}
    lost = []
    for path, key in keys.items():
        own = next((one for one in (key, _MASK.sub("", key)) if one in named), None)
        if own is None or own in single:
            lost.append((str(path), NO_IMAGE if own is None else TWICE))
        else:
            single[own] = path
    if single:
        found.rejects += lost
    return single


def _one_a_class(
    keys: Mapping[Path, str], named: Mapping[str, Path], found: Pairs
) -> tuple[dict[str, tuple[Path, ...]], tuple[str, ...]]:
    """The masks of each image in the order of the classes, and these."""
    held: dict[str, dict[str, Path]] = {}
    lost = []
    for path, key in keys.items():
        parts = _class_folder(key, named) or _class_suffix(key, named)
        if parts is None:
            lost.append((str(path), NO_IMAGE))
        else:
            held.setdefault(parts[0], {})[parts[1]] = path
    classes = class_order(name for files in held.values() for name in files)
    if held:
        found.rejects += lost
    whole = {}
    for key, files in held.items():
        missing = [name for name in classes if name not in files]
        if missing:
            reason = f"has no mask of {', '.join(missing)}; where it shows none, draw an empty one"
            found.rejects.append((str(named[key]), reason))
        else:
            whole[key] = tuple(files[name] for name in classes)
    return whole, classes


def _class_folder(key: str, named: Mapping[str, Path]) -> tuple[str, str] | None:
    """Image and class of `CLASS/NAME`."""
    name, _, rest = key.partition("/")
    return (rest, name) if rest in named else None


def _class_suffix(key: str, named: Mapping[str, Path]) -> tuple[str, str] | None:
    """Image and class of `NAME_CLASS`, of the longest name."""
    for place in range(len(key) - 2, 0, -1):
        if key[place] in "_-" and key[:place] in named:
            return key[:place], key[place + 1 :]
    return None
