"""Which mask files are measured, and which image belongs to each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tfmed.errors import ConfigError, DataError
from tfmed.io import dicom_seg
from tfmed.measure.label_maps import DICOM_SUFFIXES, SUFFIXES

# nnU-Net's channel of an image; what people add to the name of a mask.
_CHANNEL = re.compile(r"_0000$")
_MASK = re.compile(r"[_-](mask|masks|seg|segmentation|label|labels)$", re.IGNORECASE)


def listed(place: Path, what: str = "--masks") -> list[tuple[Path, str]]:
    """The files of a folder and its sub-folders, or one file, each with its name below.

    Of DICOM it is the segmentations alone, so that they may lie beside their images.

    Args:
        place: a file of any name, or a folder, of which files are taken by their endings.
        what: the setting, for messages.

    Raises:
        ConfigError: there is no such place.
        DataError: the folder holds none.
    """
    if place.is_file():
        return [(place, place.name)]
    if not place.is_dir():
        raise ConfigError(f"{what}: there is no file or folder {place}")
    found = [
        (path, path.relative_to(place).as_posix())
        for path in sorted(place.rglob("*"), key=_natural)
        if not path.name.startswith(".") and path.is_file() and _is_mask(path)
    ]
    if not found:
        raise DataError(f"{place} holds no {', '.join(SUFFIXES)} file and no DICOM SEG")
    return found


def _is_mask(path: Path) -> bool:
    if path.name.lower().endswith(SUFFIXES):
        return True
    return path.suffix.lower() in DICOM_SUFFIXES and dicom_seg.is_seg(path)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """An order in which `10.png` comes after `9.png`."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]


def stem(name: str) -> str:
    """A name without the ending of its format: `case_1` of `case_1.nii.gz`."""
    endings = sorted((*SUFFIXES, *DICOM_SUFFIXES), key=len)[::-1]
    ending = next((end for end in endings if name.lower().endswith(end)), "")
    return name[: len(name) - len(ending)]


def stems(names: Iterable[str]) -> list[str]:
    """A stem for each file's outlines, none twice, without folders."""
    found: list[str] = []
    for name in names:
        own = stem(name).replace("/", "__")
        if own in found:
            own = name.replace("/", "__").replace(".", "_")
        while own in found:
            own += "_"
        found.append(own)
    return found


def images(masks: list[tuple[Path, str]], place: Path | None) -> list[Path | None]:
    """The image of each mask, by equal names without endings; None where there is none.

    Images may carry nnU-Net's `_0000`, masks `_mask`, `_seg` and the like at their ends.

    Args:
        masks: path and name of each.
        place: the images' folder, or of one mask the image.

    Raises:
        ConfigError: there is no such place, or not one image fits.
    """
    if place is None:
        return [None] * len(masks)
    if place.is_file() and len(masks) == 1:
        return [place]
    by_name = {_CHANNEL.sub("", stem(name)): path for path, name in listed(place, "--images")}
    found = []
    for _, name in masks:
        own = stem(name)
        names = (own, _MASK.sub("", own), Path(own).name, _MASK.sub("", Path(own).name))
        found.append(next((by_name[one] for one in names if one in by_name), None))
    if not any(found):
        raise ConfigError(
            f"--images: no file below {place} is named as a mask is; expected {stem(masks[0][1])} "
            "and any ending"
        )
    return found
