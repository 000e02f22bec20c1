"""What lies in a folder, and what the names there mean."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tfmed import log

PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
# What file systems and archivers leave behind, in lower case.
LITTER = ("thumbs.db", "desktop.ini", "__macosx", "dicomdir", "$recycle.bin")
# What stands beside images and is none, by ending or by name: left out without a word.
TEXTS = (".csv", ".tsv", ".txt", ".md", ".json", ".xml", ".html", ".pdf", ".toml", ".yaml")
DOCUMENTS = (*TEXTS, "readme", "license")
PACKED = (".nii.gz", ".hdr.gz", ".img.gz")


def walk(root: Path) -> list[Path]:
    """All files under a folder, sorted; hidden ones and file systems' litter left out.

    Links to folders are followed, each real folder once. Folders that cannot be listed, and
    names that are no text, are left out with a warning. The `.img` of a NIfTI pair is part of
    its `.hdr`.
    """
    files = []
    seen = {root.resolve()}
    for folder, folders, names in os.walk(root, onerror=_warn, followlinks=True):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if visible(name))
        for name in list(folders):
            real = (here / name).resolve()
            if real in seen:
                folders.remove(name)
            seen.add(real)
        voxels = _voxels(names)
        files += [here / name for name in names if visible(name) and name not in voxels]
    named = [path for path in files if _is_text(str(path))]
    if len(named) < len(files):
        log.warning(
            f"{len(files) - len(named)} files below {root} are left out: their names are not in "
            "UTF-8; rename them"
        )
    return sorted(named)


def _voxels(names: Sequence[str]) -> set[str]:
    """The names of a folder that hold the voxels of a header beside them."""
    packed = [name.removesuffix(".gz") for name in names]
    stems = {name[:-4] for name in packed if name.lower().endswith(".hdr")}
    return {
        name
        for name, plain in zip(names, packed, strict=True)
        if plain.lower().endswith(".img") and plain[:-4] in stems
    }


def _warn(error: OSError) -> None:
    log.warning(f"{error.filename} cannot be listed and is left out ({error.strerror})")


def _is_text(name: str) -> bool:
    """Whether a name can be written to a table: one of stray bytes holds lone surrogates."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def part_name(name: str) -> str | None:
    """`train`, `val` or `test` for a name that means one of them, in any case."""
    return PART_NAMES.get(re.sub(r"[\s_-]*(set|data)?$", "", name.strip().casefold()))


def visible(name: str) -> bool:
    """Whether a file or folder is neither hidden nor litter."""
    return not name.startswith(".") and name.casefold() not in LITTER


def may_be_image(path: Path) -> bool:
    """Whether a file is worth telling of; a README, a table or a scan's .json is not."""
    return path.suffix.lower() not in DOCUMENTS and path.name.casefold() not in DOCUMENTS


def stem(name: str) -> str:
    """A file's name without its ending, of which `.nii.gz` and its like are one.

    Example:
        >>> stem("scan.v2.nii.gz")
        'scan.v2'
        >>> stem("scan.v2.png")
        'scan.v2'
    """
    packed = name.lower().endswith(PACKED)
    return PurePosixPath(name[:-3] if packed else name).stem
