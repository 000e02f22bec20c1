"""Predicted label maps as files under `masks/`, each in the format of the image that it is of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data.case_reading import Case
from tfmed.data.dataset import Dataset
from tfmed.io import dicom_seg_out
from tfmed.io.mask_out import write_nifti, write_png
from tfmed.run import Run, write_aside
from tfmed.tasks.segmentation.predicted import predicted_mask

FOLDER, EXPLANATIONS = "masks", "explanations"
DICOM, NIFTI = "dicom", "nifti"
ENDINGS: tuple[str, ...] = (".nii.gz", ".nii", ".hdr", ".png", ".tif", ".tiff", ".npy", ".bmp")
ENDINGS += (".jpg", ".jpeg", ".dcm")


class MaskWriter:
    """Writes label maps into a run's `masks/`.

    Images of DICOM get DICOM SEG, a segment for each class; those of NIfTI and other volumes
    NIfTI, flat ones PNG. There a voxel holds the value that its class has in the source's masks,
    and a palette's colours stay.

    Args:
        run: where to.
        dataset: whose examples were answered.
        classes: names, the background first.
        about: the fact `masks` of the data that the network was trained on; None where it is not
            known: values are then the classes' numbers.
        palette: a mask of the source, whose palette is taken over.

    Raises:
        MissingExtra: there are images of DICOM, and highdicom is not installed.
    """

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        classes: Sequence[str],
        about: Mapping[str, Any] | None,
        palette: Path | None = None,
    ) -> None:
        check_extra(dataset)
        self._run = run
        self._table = dataset.table
        self._classes = classes
        self._names = names(list(dataset.table["id"]))
        self._about = about
        self._values = values_of(about)
        self._palette = palette if about and about["kind"] == "palette" else None

    def write(self, row: int, case: Case, labels: np.ndarray) -> str:
        """Write the label map of the example at a position.

        Args:
            row: its position in the data set.
            case: the example as it was read.
            labels: uint8, in the case's geometry.

        Returns:
            Where in the run it is, as `"masks/case_1.nii.gz"`.

        Raises:
            GeometryError: the map does not fit the image.
        """
        name, kind = self._name(row, case), self._kind(row)
        path = self._run.path(name)
        raw = labels if self._values is None else self._values[labels]
        if kind == DICOM:
            dicom_seg_out.write(path, labels, self._sources(row), self._classes)
        elif path.suffix == ".png":
            write_png(path, raw, palette=self._palette)
        elif kind == NIFTI:
            write_nifti(path, raw, source=Path(self._table["path"].iloc[row]))
        else:
            write_nifti(path, raw, spacing_mm=case.spacing_mm, affine=case.affine)
        return name

    def written(self, row: int, case: Case) -> np.ndarray | None:
        """The label map that a killed command left of an example; None where there is none."""
        path = self._run.path(self._name(row, case))
        if self._about is None or not path.is_file():
            return None
        example = self._table.iloc[row].to_dict()
        return predicted_mask(path, case, example, self._about, self._classes)

    def explain(self, row: int, name: str, png: bytes) -> None:
        """Write the picture that explains a class of an example, into `explanations/`."""
        path = self._run.path(f"{EXPLANATIONS}/{self._names[row]}_{_plain(name)}.png")
        write_aside(path, lambda aside: aside.write_bytes(png))

    def _name(self, row: int, case: Case) -> str:
        """Where in the run an example's label map is."""
        kind = self._kind(row)
        flat = case.pixels.ndim == 3 and kind != NIFTI
        ending = ".dcm" if kind == DICOM else ".png" if flat else ".nii.gz"
        return f"{FOLDER}/{self._names[row]}{ending}"

    def _kind(self, row: int) -> str:
        return str(self._table["format"].iloc[row])

    def _sources(self, row: int) -> list[str]:
        """The DICOM files of an example, one a slice, or one of all frames."""
        files = self._table["files"].iloc[row]
        return [str(self._table["path"].iloc[row])] if files is None else list(files)


def check_extra(dataset: Dataset) -> None:
    """Say what to install where masks of DICOM images cannot be written.

    Raises:
        MissingExtra: highdicom is not installed, and there are such images.
    """
    if (dataset.table["format"] == DICOM).any():
        dicom_seg_out.check_extra("DICOM SEG")


def values_of(about: Mapping[str, Any] | None) -> np.ndarray | None:
    """The value of each class in a source's label maps; None where they are its numbers."""
    if about is None or about["kind"] not in ("labels", "binary", "palette"):
        return None
    found = np.array(about["values"], np.int64)
    return found.astype(np.min_scalar_type(int(found.max())))


def palette_of(dataset: Dataset) -> Path | None:
    """A mask of a data set whose masks have a palette, which predicted ones take over."""
    given = dataset.table["mask"].dropna() if "mask" in dataset.table else pd.Series(dtype=object)
    return Path(given.iloc[0][0]) if len(given) else None


def names(ids: Sequence[str]) -> list[str]:
    """A file name for each example, without its ending: its own where no two have one.

    Example:
        >>> names(["images/case 1.nii.gz", "images/case_2.nii.gz"])
        ['case_1', 'case_2']
        >>> names(["train/0.png", "test/0.png"])
        ['train_0', 'test_0']
    """
    found = [_plain(PurePosixPath(one).name) for one in ids]
    if len({one.casefold() for one in found}) == len(ids):
        return found
    found = [_plain(one) for one in ids]
    if len({one.casefold() for one in found}) == len(ids):
        return found
    width = len(str(len(ids)))
    return [f"{number:0{width}}_{one}" for number, one in enumerate(found, start=1)]


def _plain(name: str) -> str:
    """A name of letters that every file system knows."""
    ending = next((one for one in ENDINGS if name.lower().endswith(one)), "")
    return re.sub(r"[^\w.-]+", "_", name[: len(name) - len(ending)]).strip("._") or "case"
