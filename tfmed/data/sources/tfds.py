"""`tfds:NAME[/CONFIG][:VERSION]` and `tfds:FOLDER`: any TFDS image classification data set.

TFDS is a source, not the feed: its records are turned into plain files once (see `tfds_files`),
which are then read as any other. TensorFlow is loaded for that alone.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import socket
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd

from tfmed import log
from tfmed.data.dataset import Dataset, index
from tfmed.data.download import kept
from tfmed.data.sources import tfds_files
from tfmed.data.sources.tfds_features import TEXTS, Roles, roles
from tfmed.data.sources.wishes import Wishes
from tfmed.data.tfds_quiet import quiet
from tfmed.data.walk import part_name
from tfmed.errors import ConfigError, DataError, TfmedError
from tfmed.expected import nearest

INFO = "dataset_info.json"
MESSAGE_LETTERS = 600
NO_LABELS = "its features have no ClassLabel; name one with --label-column"


def open_named(place: str, wishes: Wishes) -> Dataset:
    """The examples of a TFDS data set, prepared or not, or of a folder that holds one.

    It is looked for where TFDS keeps its own (`TFDS_DATA_DIR`, or `~/tensorflow_datasets`), else
    downloaded and prepared below `TFMED_DATA`. Its splits train, validation and test are the
    parts; of others beside these nothing is read.

    Raises:
        ConfigError: no such data set, configuration, version or feature.
        DataError: it cannot be downloaded or prepared, or is of other data than images.
    """
    wishes.refuse("a TFDS data set", "table", "split_column", "unit")
    if not place:
        raise ConfigError("tfds: what? expected tfds:NAME, as tfds:colorectal_histology")
    folder = Path(place).expanduser()
    with quiet(bars=True):
        if folder.is_dir():
            version = _version_folder(folder.resolve())
            builder, mark = _opened(version), _mark(version)
        else:
            builder, mark = _named(place), ""
        return _open(builder, mark, place, wishes)


def _open(builder: Any, mark: str, place: str, wishes: Wishes) -> Dataset:
    full_name = builder.info.full_name
    if builder.info.features is None:
        raise DataError(f"{full_name} in {builder.data_dir} does not say what its features are")
    found = roles(dict(builder.info.features), builder.info.supervised_keys, wishes, full_name)
    identity = hashlib.sha256(repr((full_name, mark, found)).encode()).hexdigest()[:8]
    folder = kept(Path("tfds") / f"{re.sub(r'[^A-Za-z0-9.]+', '_', full_name)}-{identity}")
    if not folder.is_dir():
        if not builder.is_prepared():
            builder = _prepared(builder, full_name)
        tfds_files.convert(builder, found, _parts(builder), _facts(builder), folder)
    return _dataset(folder, found, builder.info.full_name.rpartition("/")[0], place)


def _version_folder(folder: Path) -> Path:
    """The folder itself if TFDS wrote it, or the one version below it."""
    if (folder / INFO).is_file():
        return folder
    depths = ("*", "*/*", "*/*/*")
    below = sorted(path.parent for depth in depths for path in folder.glob(f"{depth}/{INFO}"))
    if len(below) == 1:
        return below[0]
    if below:
        held = ", ".join(str(path.relative_to(folder)) for path in below)
        raise ConfigError(f"{folder} holds several TFDS data sets: {held}; name one of them")
    raise ConfigError(f"{folder} holds no TFDS data set: there is no {INFO} in it or below")


def _mark(version: Path) -> str:
    """Tells a folder's data from what lay there before."""
    about = version / INFO
    return f"{version} {about.stat().st_mtime_ns} {hashlib.sha256(about.read_bytes()).hexdigest()}"


def _opened(version: Path) -> Any:
    import tensorflow_datasets as tfds

    try:
        with log.quiet():  # a description with clips in it loads TensorFlow
            return tfds.builder_from_directory(version)
    except Exception as error:  # whatever a damaged or newer description leads to
        raise DataError(f"{version} is no TFDS data set that can be read ({error})") from error


def _named(place: str) -> Any:
    """The builder of a name: where TFDS has it prepared, else one that would do so for tfmed."""
    if place.startswith(("/", "~", ".")):
        raise ConfigError(f"there is no folder {place}; expected one that TFDS wrote, or a name")
    import tensorflow_datasets as tfds

    # TFDS knows a builder when it is loaded.
    importlib.import_module("tfmed.data.sources.medmnist_tfds")
    try:
        with log.quiet():
            builder = tfds.builder(place)
            return builder if builder.is_prepared() else tfds.builder(place, data_dir=_own())
    except tfds.core.DatasetNotFoundError as error:
        name = re.split("[/:]", place)[0]
        near = nearest(name, tfds.list_builders(with_community_datasets=False))
        raise ConfigError(
            f"there is no {place!r}, neither as a folder nor as a data set of TFDS{near} (names: "
            "https://www.tensorflow.org/datasets/catalog)"
        ) from error
    except ImportError as error:
        raise DataError(
            f"TFDS needs {error.name} for {place!r}: pip install {error.name}"
        ) from error
    except (AssertionError, ValueError) as error:
        raise ConfigError(f"TFDS has no {place!r}: {_words(error)}") from error


def _own() -> Path:
    return kept(Path("tfds") / "prepared")


def _prepared(builder: Any, full_name: str) -> Any:
    """Download and prepare a data set, by the code that TFDS has for it."""
    import tensorflow_datasets as tfds

    if isinstance(builder, tfds.core.read_only_builder.ReadOnlyBuilder):
        raise DataError(f"{full_name} in {builder.data_dir} is not whole; have it prepared again")
    _check_network(builder, full_name)
    log.info(f"preparing {full_name} in {builder.data_dir}")
    log.quiet_tensorflow()
    try:
        builder.download_and_prepare()
    except TfmedError:
        raise
    except Exception as error:  # whatever the code of any data set raises
        raise DataError(f"TFDS cannot download and prepare {full_name}: {_words(error)}") from error
    return builder


def _check_network(builder: Any, full_name: str) -> None:
    """Say at once that there is no network: TFDS itself tries for minutes.

    Raises:
        DataError: the host of the data set's files has no address, and no proxy is set.
    """
    urls = list(builder.url_infos or ())
    host = urllib.parse.urlsplit(urls[0]).hostname if urls else None
    if host is None or urllib.request.getproxies():
        return
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        raise DataError(
            f"{full_name} cannot be downloaded: there is no way to {host} ({error.strerror}). "
            f"Prepare it where there is a network, and copy it to {builder.data_dir}"
        ) from error


def _parts(builder: Any) -> dict[str, str]:
    """The splits to read, and the part that each one is; "" where none has a part's name."""
    splits = list(builder.info.splits)
    parts = {split: part for split in splits if (part := part_name(split))}
    if not any(info.num_examples for info in builder.info.splits.values()):
        raise DataError(f"{builder.info.full_name} in {builder.data_dir} has no examples")
    if not parts:
        return dict.fromkeys(splits, "")
    others = [split for split in splits if split not in parts]
    if others:
        log.info(f"{builder.info.full_name}: not read are the splits {', '.join(others)}")
    return parts


def _facts(builder: Any) -> dict[str, str]:
    info = builder.info
    catalog = f"https://www.tensorflow.org/datasets/catalog/{info.name}"  # what TFDS makes up
    facts = {
        "version": str(info.version),
        "licence": info.redistribution_info.license,
        "citation": info.citation,
        "homepage": info.homepage if info.homepage != catalog else "",
    }
    return {name: text.strip() for name, text in facts.items() if text and text.strip()}


def _dataset(folder: Path, found: Roles, name: str, place: str) -> Dataset:
    about = json.loads((folder / tfds_files.ABOUT).read_text(encoding="utf-8"))
    table = tfds_files.table(folder)
    ids = table["split"] + "/" + table["name"]
    if (table["name"] == "").any() or ids.duplicated().any():
        place_in_split = table.groupby("split").cumcount()
        ids = table["split"] + "/" + place_in_split.map("{:06d}".format)
    known = table["patient"] != ""
    columns = {
        "id": ids,
        "path": table["path"],
        "patient": table["patient"].where(known, ids),
        "patient_known": known,
        "label": list(table["label"]),
        "unknown": table["unknown"],
        "split": table["split"].map(about["parts"]),
    }
    facts = {"source": f"tfds:{place}", "folder": str(folder), **about["facts"]}
    if not found.labels:
        facts["no_labels"] = NO_LABELS
    classes = _present(found, table["label"], name)
    examples = index(columns).assign(**{name: table[name] for name in TEXTS if name in table})
    return Dataset(examples, classes, name, found.multi_label, facts)


def _present(found: Roles, labels: pd.Series, name: str) -> tuple[str, ...]:
    """The classes that any example has: a class without one can be neither learned nor scored."""
    if found.multi_label:
        return found.classes
    there = set(labels.dropna())
    missing = [one for one in found.classes if one not in there]
    if missing and there:
        log.info(f"{name}: no example is of {', '.join(missing)}")
        return tuple(one for one in found.classes if one in there)
    return found.classes


def _words(error: BaseException) -> str:
    """An error's text on one line."""
    return " ".join(str(error).split())[:MESSAGE_LETTERS] or type(error).__name__
