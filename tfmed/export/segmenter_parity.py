"""Proof that an exported segmenter answers as the run's own networks do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfmed.data.case_reading import Case
from tfmed.data.resampling import resample_case, resampled_size
from tfmed.errors import DataError
from tfmed.export.load import Exported
from tfmed.export.parity import Row, compared, judged, tflite_rows
from tfmed.export.segmenter import SegmentationModel
from tfmed.export.sent import as_files
from tfmed.export.signatures import BYTES, IMAGE, PATCHES
from tfmed.training.segmentation import Segmenter

# The share of voxels that may have another class.
VOXELS = 1e-4


def check(
    model: SegmentationModel,
    folder: Path,
    own: Segmenter,
    cases: Sequence[Case],
    files: Sequence[bytes | None] = (),
) -> list[Row]:
    """Compare every written form with the run's networks, on patches and on whole cases.

    Args:
        model: what was exported.
        folder: the export, usually a draft of `release`.
        own: the networks by which the run was scored, and how they are asked.
        cases: as they were read from their files.
        files: their own bytes where they are PNG or JPEG files, else None.

    Returns:
        one row a form: `keras`, `patches`, `serving_default`, `serving_bytes`,
        `tflite_float32`, ..., and `masks`, whose difference is a share of voxels.

    Raises:
        ExportError: rows over their tolerance, all of them named.
    """
    if not cases:
        raise DataError("parity needs at least one case")
    exported = Exported(folder, {**model.describe(), "classes": model.classes})
    patches = [patch_of(image_of(case, model), model.settings.patch_size) for case in cases]
    ready = np.stack([model.intensity.apply(patch) for patch in patches])
    live = own.networks(ready)
    rows = [
        compared("keras", live, np.asarray(model.network()(ready, training=False))),
        compared("patches", live, exported.ask(PATCHES, patches=ready)["probabilities"]),
        *_image_rows(model, exported, live, patches, cases, files),
        *tflite_rows(model, folder / "tflite", live, patches),
        _masks_row(exported, own, cases),
    ]
    return judged(rows)


def image_of(case: Case, model: SegmentationModel) -> np.ndarray:
    """A case at the networks' spacing, float32 modality units; of a stack its middle slice."""
    pixels, spacing_mm = _middle(case, model)
    target = _target(model)
    keep_zeros = model.intensity.nonzero
    image = resample_case(pixels, spacing_mm, target, keep_zeros=keep_zeros)
    return image.astype(np.float32, copy=False)


def sides_of(case: Case, model: SegmentationModel) -> tuple[int, ...]:
    """The lengths of a case at the networks' spacing, without reading it again."""
    return tuple(resampled_size(case.pixels.shape[:-1], case.spacing_mm, _target(model)))


def patch_of(
    image: np.ndarray, size: tuple[int, ...], random: np.random.Generator | None = None
) -> np.ndarray:
    """A patch of an image, its middle or anywhere; a smaller image is continued by its edge.

    Args:
        image: `[..., C]`.
        size: of the patch.
        random: None for the middle.
    """
    short = [max(0, want - side) for want, side in zip(size, image.shape[:-1], strict=True)]
    both = [(more // 2, more - more // 2) for more in short]
    image = np.pad(image, [*both, (0, 0)], mode="edge")
    spare = [side - want for side, want in zip(image.shape[:-1], size, strict=True)]
    first = [more // 2 if random is None else int(random.integers(more + 1)) for more in spare]
    return image[tuple(slice(a, a + want) for a, want in zip(first, size, strict=True))]


def _target(model: SegmentationModel) -> tuple[float, ...] | None:
    """The networks' spacing along the axes of the patch."""
    target = model.settings.spacing_mm
    return target if target is None else target[-len(model.settings.patch_size) :]


def _middle(case: Case, model: SegmentationModel) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """A case, or the middle slice of one that is answered slice by slice, with its spacing."""
    if not model.settings.slice_wise:
        return case.pixels, case.spacing_mm
    spacing_mm = None if case.spacing_mm is None else case.spacing_mm[-2:]
    return case.pixels[len(case.pixels) // 2], spacing_mm


def _image_rows(
    model: SegmentationModel,
    exported: Exported,
    live: np.ndarray,
    patches: Sequence[np.ndarray],
    cases: Sequence[Case],
    files: Sequence[bytes | None],
) -> list[Row]:
    """The rows of the signatures that take images."""
    if not model.planar:
        answer = exported.ask(IMAGE, image=np.stack(patches))["probabilities"]
        return [
            compared("serving_default", live, answer),
            Row("serving_bytes", None, None, "PNG and JPEG carry no volumes"),
        ]
    images = [_middle(case, model)[0].astype(np.float32) for case in cases]
    ask = model.live()
    own = [ask(image) for image in images]
    asked = [exported.ask(IMAGE, image=image[np.newaxis])["probabilities"][0] for image in images]
    rows = [compared("serving_default", _flat(own), _flat(asked))]
    sent, note = as_files(
        model.pixels, lambda part: exported.ask(BYTES, image_bytes=part)["valid"], images, files
    )
    if not sent:
        return [*rows, Row("serving_bytes", None, None, note)]
    found = exported.ask(BYTES, image_bytes=list(sent.values()))
    inside = [
        one[:height, :width]
        for one, (height, width) in zip(found["probabilities"], found["size"], strict=True)
    ]
    wanted = [own[index] for index in sent]
    return [*rows, compared("serving_bytes", _flat(wanted), _flat(inside), note=note)]


def _flat(answers: Sequence[np.ndarray]) -> np.ndarray:
    """Answers of several sizes as one row of numbers."""
    return np.concatenate([answer.ravel() for answer in answers])


def _masks_row(exported: Exported, own: Segmenter, cases: Sequence[Case]) -> Row:
    """The share of voxels of whole cases that have another class."""
    other = Segmenter(exported.segmenter.networks, own.settings, own.keep_largest)
    apart = [np.mean(own.label_map(case) != other.label_map(case)) for case in cases]
    note = f"largest share of voxels with another class, of {len(cases)} whole cases"
    return Row("masks", float(max(apart)), VOXELS, note)
