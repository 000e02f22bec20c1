"""Folders: class sub-folders with or without parts at the top, trees of DICOM, plain images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfmed.data.dataset import Dataset, index
from tfmed.data.sources import dicom_series, dicomdir
from tfmed.data.sources.label_table import label_folder
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth.label_truth import class_order
from tfmed.data.walk import may_be_image, part_name, visible, walk
from tfmed.errors import DataError, ReadError


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


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and visible(path.name))


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
        if path not in parts and visible(path.name) and (path.is_dir() or may_be_image(path)):
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
