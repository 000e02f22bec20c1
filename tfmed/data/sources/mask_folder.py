"""Folders of images with masks: `images/` beside `labels/` or `masks/`, nnU-Net raw, DICOM SEG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfmed.data.dataset import Dataset, index
from tfmed.data.sources import dicomdir
from tfmed.data.sources.mask_dicom import open_tree
from tfmed.data.sources.mask_pairs import Pairs, Section, pair
from tfmed.data.sources.mask_table import with_patients
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth import mask_classes
from tfmed.data.walk import may_be_image, part_name, walk
from tfmed.errors import DataError

IMAGES = ("image", "images", "img", "imgs")
MASKS = ("mask", "masks", "label", "labels", "segmentation", "segmentations")
LOOKED_FOR = (
    "images/ beside labels/ or masks/ (also inside train, val and test), nnU-Net's imagesTr/ "
    "and labelsTr/, or DICOM series with DICOM SEG"
)


def open_folder(place: str, wishes: Wishes) -> Dataset:
    """The images of a folder with their masks.

    Raises:
        DataError: there are no images with masks; it says what was looked for.
    """
    wishes.refuse("a folder with masks", "label_columns")
    if wishes.table is None:
        columns = ("path_column", "patient_column", "split_column")
        wishes.refuse("a folder without --table", *columns)
    root = _inner(Path(place).resolve())
    sections = _nnunet(root) or _sections(root)
    masks = [path for section in sections if section.masks for path in walk(section.masks)]
    files = masks or walk(root)
    if any(dicomdir.is_dicom(path) for path in files if may_be_image(path)):
        wishes.refuse("DICOM with masks", "table", "path_column", "patient_column")
        return open_tree(root, walk(root), wishes)
    if not sections:
        raise DataError(f"{root} holds no images with masks; looked for {LOOKED_FOR}")
    wishes.refuse("a folder of images and masks", "unit", "on_geometry")
    return _opened(root, sections, wishes)


def _opened(root: Path, sections: Sequence[Section], wishes: Wishes) -> Dataset:
    about = mask_classes.dataset_json(root)
    _refuse_channels(about, root)
    found = Pairs()
    for section in sections:
        images = [path for path in walk(section.images) if may_be_image(path)]
        masks = walk(section.masks) if section.masks else []
        found.add(pair(section, images, masks))
    if not any(found.masks):
        raise DataError(
            f"{root} holds {len(found.images)} images, and no mask has the name of one; expected "
            "equal names, as images/case_1.png and labels/case_1.png"
        )
    ids = [path.relative_to(root).as_posix() for path in found.images]
    table = index(
        {
            "id": ids,
            "path": [str(path) for path in found.images],
            "patient": ids,
            "split": found.splits,
            "mask": [tuple(map(str, files)) or None for files in found.masks],
        }
    )
    if [name.upper() for name in _channels(about)] == ["CT"]:
        table = table.assign(modality="CT", units="HU")
    dataset = Dataset(table, (), root.name, facts={"source": str(root)})
    dataset = dataset.with_rejects(found.rejects)
    if wishes.table is not None:
        dataset = with_patients(dataset, root, wishes)
    if found.classes:
        return mask_classes.with_files(dataset, found.classes, wishes.classes)
    seen = mask_classes.look([files for files in dataset.table["mask"] if files])
    told = mask_classes.told_classes(about, root / "dataset.json")
    return mask_classes.with_classes(dataset, seen, wishes.classes, told)


def _children(folder: Path) -> dict[str, Path]:
    return {path.name.casefold(): path for path in sorted(folder.iterdir()) if path.is_dir()}


def _inner(root: Path) -> Path:
    """The folder that an unpacked archive wraps in another one."""
    entries = [path for path in root.iterdir() if not path.name.startswith((".", "__"))]
    below = [path for path in entries if path.is_dir() or may_be_image(path)]
    if len(below) != 1 or not below[0].is_dir() or part_name(below[0].name):
        return root
    return root if below[0].name.casefold() in (*IMAGES, *MASKS) else _inner(below[0])


def _nnunet(root: Path) -> list[Section]:
    """Of nnU-Net: imagesTr with labelsTr, and imagesTs with labelsTs where there is one."""
    here = _children(root)
    if "imagestr" not in here or "labelstr" not in here:
        return []
    found = [Section(here["imagestr"], here["labelstr"], "train")]
    if "imagests" in here:
        found.append(Section(here["imagests"], here.get("labelsts"), "test"))
    return found


def _sections(root: Path) -> list[Section]:
    """The images' and masks' folders at the top, or in parts."""
    here = _children(root)
    images, masks = _of(here, IMAGES), _of(here, MASKS)
    if images and masks:
        return _by_parts(images, masks)
    parts = {path: part for path in here.values() if (part := part_name(path.name))}
    found = []
    for path, part in parts.items():
        inside = _children(path)
        images, masks = _of(inside, IMAGES), _of(inside, MASKS)
        found.append(Section(images or path, masks if images else None, part))
    return found if any(section.masks for section in found) else []


def _by_parts(images: Path, masks: Path) -> list[Section]:
    """`images/train` with `labels/train` and the like, or both folders as they are."""
    parts = {path: part for path in _children(images).values() if (part := part_name(path.name))}
    if "train" not in parts.values():
        return [Section(images, masks)]
    beside = _children(masks)
    return [Section(path, beside.get(path.name.casefold()), part) for path, part in parts.items()]


def _of(here: dict[str, Path], names: Sequence[str]) -> Path | None:
    return next((here[name] for name in names if name in here), None)


def _channels(about: Mapping[str, Any]) -> list[str]:
    """The names of an image's channels, by nnU-Net v2, or v1 and the Decathlon."""
    return [
        str(name) for name in (about.get("channel_names") or about.get("modality") or {}).values()
    ]


def _refuse_channels(about: Mapping[str, Any], root: Path) -> None:
    channels = _channels(about)
    if len(channels) > 1:
        raise DataError(
            f"{root / 'dataset.json'}: {len(channels)} channels ({', '.join(channels)}); images "
            "of one channel are expected. Keep the files of one channel (_0000) and its name in "
            "dataset.json"
        )
