"""Folders: class sub-folders with or without parts at the top, trees of DICOM, plain images."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfmed import log
from tfmed.data.sources import dicom_series, dicomdir
from tfmed.data.dataset import Dataset, index
from tfmed.data.truth.label_truth import class_order
from tfmed.data.sources.wishes import Wishes
from tfmed.errors import DataError, ReadError

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


@dataclass
class Listing:
    """Files with what their folders say of them, as they are found."""

    files: list[Path] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    rejects: list[tuple[str, str]] = field(default_factory=list)

    def add(self, files: Sequence[Path], label: str | None, split: str) -> None:
        """Add files of one folder, but for documents."""
        images = [path for path in files if may_be_image(path)]
        self.files += images
        self.labels += [label] * len(images)
        self.splits += [split] * len(images)

    def reject(self, paths: Sequence[Path], reason: str) -> None:
        """Leave files out, with a reason."""
        self.rejects += [(str(path), reason) for path in paths]


def open_folder(place: str, wishes: Wishes) -> Dataset:
    """The examples of a folder; labels come from the wished table or from sub-folders.

    Raises:
        DataError: the folder holds no files.
    """
    root = Path(place).resolve()
    files = walk(root)
    if not files:
        raise DataError(
            f"{root} holds no files; expected images in class folders, or a tree of DICOM"
        )
    if wishes.table is not None:
        from tfmed.data.sources.label_table import label_folder

        return label_folder(root, files, wishes)
    columns = ("path_column", "label_columns", "patient_column", "split_column")
    wishes.refuse("a folder without --table", *columns)
    listing = _list(_inner(root), files)
    _refuse_masks(root, listing.classes)
    if not listing.files:
        raise DataError(
            f"{root} holds no images in its class folders "
            f"({', '.join(sorted(listing.classes)) or 'there are none'})"
        )
    ids = [path.relative_to(root).as_posix() for path in listing.files]
    dataset = Dataset(
        index(
            {
                "id": ids,
                "path": [str(path) for path in listing.files],
                "patient": ids,
                "label": listing.labels,
                "split": listing.splits,
            }
        ),
        class_order(listing.classes),
        root.name,
        facts={"source": str(root)},
    ).with_rejects(listing.rejects)
    if wishes.unit in ("auto", "image"):
        return dataset
    return dicom_series.group(dataset, wishes.unit, wishes.on_geometry)


def open_file(place: str, wishes: Wishes) -> Dataset:
    """One image, volume or clip, without a label: something to predict."""
    from tfmed.io import READERS, sniff

    wishes.refuse_table("a single file")
    path = Path(place).resolve()
    if sniff(path) not in READERS:
        raise ReadError(path, "is no image; expected an image, a clip, a folder, a .csv or a .npz")
    columns = {"id": [path.name], "path": [str(path)], "patient": [path.name]}
    return Dataset(index(columns), (), path.stem, facts={"source": str(path)})


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
        folders[:] = sorted(name for name in folders if _visible(name))
        for name in list(folders):
            real = (here / name).resolve()
            if real in seen:
                folders.remove(name)
            seen.add(real)
        voxels = _voxels(names)
        files += [here / name for name in names if _visible(name) and name not in voxels]
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


def _visible(name: str) -> bool:
    return not name.startswith(".") and name.casefold() not in LITTER


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and _visible(path.name))


def _inner(root: Path) -> Path:
    """The folder with the parts, where an unpacked archive wraps it in another one."""
    below = _folders(root)
    wraps = len(below) == 1 and part_name(below[0].name) is None
    if wraps and any(part_name(path.name) for path in _folders(below[0])):
        return below[0]
    return root


def _list(root: Path, files: Sequence[Path]) -> Listing:
    """Find out how a folder is laid out, and list it so."""
    listing = Listing()
    tops = _folders(root)
    parts = {path: name for path in tops if (name := part_name(path.name))}
    if "train" in parts.values() or (parts and len(parts) == len(tops)):
        _list_parts(root, files, parts, listing)
        return listing
    inside = _by_child(root, files)
    direct = inside[root]
    below = {top: inside[top] for top in tops}
    filled = [found for found in below.values() if found]
    if not filled:
        listing.add(direct, None, "")
    elif any(dicomdir.is_dicom(path) for path in direct) or dicomdir.is_patient_tree(filled):
        # A tree of DICOM that begins at its root, or with a folder for each patient.
        listing.add(files, None, "")
    else:
        _list_classes(below, "", listing)
        listing.reject([p for p in direct if may_be_image(p)], "lies beside the class folders")
    return listing


def _list_parts(
    root: Path, files: Sequence[Path], parts: dict[Path, str], listing: Listing
) -> None:
    """List train, val and test; a part without the class folders of train has no labels."""
    training = [path for path, name in parts.items() if name == "train"]
    classes = {path.name for part in training for path in _folders(part)}
    by_part = _by_child(root, files)
    for part, name in parts.items():
        here = _folders(part)
        if classes & {path.name for path in here} or (not training and here):
            inside = _by_child(part, by_part[part])
            _list_classes({path: inside[path] for path in here}, name, listing)
            listing.reject(inside[part], "lies beside the class folders")
        else:
            listing.add(by_part[part], None, name)
    for path in sorted(root.iterdir()):
        if path not in parts and _visible(path.name) and (path.is_dir() or may_be_image(path)):
            listing.reject([path], "lies beside train, val and test")


def _list_classes(below: dict[Path, list[Path]], split: str, listing: Listing) -> None:
    for folder, files in below.items():
        listing.classes.add(folder.name)
        listing.add(files, folder.name, split)


def _refuse_masks(root: Path, classes: set[str]) -> None:
    """Images with masks are for segmentation: their folders would pass for two classes."""
    names = {name.casefold().removesuffix("s") for name in classes}
    if "image" in names and names & {"label", "mask"}:
        raise DataError(
            f"{root} holds {', '.join(sorted(classes))}: images with masks, to be segmented; "
            "expected a folder for each class"
        )


def _by_child(folder: Path, files: Sequence[Path]) -> defaultdict[Path, list[Path]]:
    """The files in each sub-folder, however deep; those beside them under `folder` itself."""
    found = defaultdict(list)
    depth = len(folder.parts)
    for path in files:
        found[folder / path.parts[depth] if len(path.parts) > depth + 1 else folder].append(path)
    return found


def may_be_image(path: Path) -> bool:
    """Whether a file is worth telling of; a README, a table or a scan's .json is not."""
    return path.suffix.lower() not in DOCUMENTS and path.name.casefold() not in DOCUMENTS
