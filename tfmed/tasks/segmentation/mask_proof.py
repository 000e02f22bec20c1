"""Proof that an export draws masks as its run does, and the Dice of its files."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmed.data.case_reading import Case
from tfmed.data.resampling import resample_case, resampled_size
from tfmed.errors import DataError
from tfmed.export import backends
from tfmed.export.load import Exported
from tfmed.export.parity import TFLITE_TOLERANCES, Row, compared, judged
from tfmed.export.sent import as_files
from tfmed.export.signatures import BYTES, IMAGE
from tfmed.export.spread import spread
from tfmed.hardware import cores
from tfmed.tasks.segmentation.mask_drawing import case_of
from tfmed.tasks.segmentation.segmenter import Segmenter
from tfmed.tasks.segmentation.validation import dice
from tfmed.training import Study

# Some hundred thousand pixels: as many as some hundred small images have.
CALIBRATION_CASES = 24
PARITY_CASES = 4
# Windows of all cases that are compared whole: two answers for a large CT would take hours.
PARITY_WINDOWS = 200
# Each variant answers the same cases; the last is begun before these seconds are over.
VARIANT_CASES = 12
VARIANT_SECONDS = 30.0
# The share of voxels that may have another class.
VOXELS = 1e-4


def samples(study: Study) -> np.ndarray:
    """Patches of training cases at the plan's spacing, modality units.

    None of volumes, which have no int8 file.
    """
    segmenter: Segmenter = study.predictor
    random, shape = np.random.default_rng(0), segmenter.input_shape
    found = [np.zeros((0, *shape), np.float32)]
    if segmenter.planar:
        for row in spread(study.rows("train"), CALIBRATION_CASES):
            image = image_of(case_of(study.dataset, int(row)), segmenter)
            found.append(patch_of(image, shape[:-1], random)[np.newaxis])
    return np.concatenate(found)


def file_scores(study: Study, files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """The mean Dice of each file over the foreground, on cases that none has trained on.

    Windows overlap as in the run, without mirrored copies.
    """
    if len(study.members) > 1 and not len(study.rows("test")):
        return {}
    own = study.predictor.unmirrored
    answering = {
        variant: own.on(backends.tflite(file, threads=cores())) for variant, file in files.items()
    }
    found: dict[str, list[np.ndarray]] = {variant: [] for variant in files}
    started = time.monotonic()
    for row in spread(study.unseen_rows(), VARIANT_CASES):
        case = case_of(study.dataset, int(row))
        assert case.mask is not None  # unseen rows are labelled
        for variant, segmenter in answering.items():
            answer = segmenter.label_map(case)
            found[variant].append(dice(case.mask, answer, len(segmenter.classes)))
        if time.monotonic() - started > VARIANT_SECONDS:
            break
    return {
        variant: {"examples": len(values), "scores": {"dice": _mean(values)}}
        for variant, values in found.items()
    }


def proof(study: Study, exported: Exported, files: Mapping[str, Path]) -> list[Row]:
    """Compare the written files with the run's own networks, from the scans' files on.

    Returns:
        As of `compare`.

    Raises:
        ExportError: rows over their tolerance, all of them named.
    """
    cases, sent = [], []
    for case, data in _compared(study):
        cases.append(case)
        sent.append(data)
    return judged(compare(study.predictor, exported, files, cases, sent))


def compare(
    segmenter: Segmenter,
    exported: Exported,
    files: Mapping[str, Path],
    cases: Sequence[Case],
    sent: Sequence[bytes | None] = (),
) -> list[Row]:
    """One row a form of an export, on patches and on whole cases.

    Args:
        segmenter: the networks by which a run was scored.
        exported: the export, usually a draft of `release`.
        files: of the TFLite variants that were written.
        cases: as they were read from their files.
        sent: their own bytes where they are PNG or JPEG files, else None.

    Returns:
        `keras`, `patches`, `serving_default`, `serving_bytes`, `tflite_float32`, ..., and
        `masks`, whose difference is a share of voxels.
    """
    if not cases:
        raise DataError("parity needs at least one case")
    own = segmenter.unmirrored
    patches = [patch_of(image_of(case, own), own.settings.patch_size) for case in cases]
    ready = np.stack([own.intensity.apply(patch) for patch in patches])
    live, by_patches = own.networks(ready), own.on(backends.patches(exported))
    rows = [
        compared("keras", live, np.asarray(own.network()(ready, training=False))),
        compared("patches", live, by_patches.networks(ready)),
        *_image_rows(own, exported, live, patches, cases, sent),
    ]
    for variant, tolerance in TFLITE_TOLERANCES.items():
        name = f"tflite_{variant}"
        if variant not in files:
            rows.append(Row(name, None, None, "not written"))
            continue
        backend = backends.tflite(files[variant])
        given = ready if backend.takes == "normalised" else np.stack(patches)
        answer = backend.call(given)["probabilities"]
        rows.append(compared(name, live, answer, tolerance))
    return [*rows, _masks_row(own, by_patches, cases)]


def image_of(case: Case, segmenter: Segmenter) -> np.ndarray:
    """A case at the networks' spacing, float32 modality units; of a stack its middle slice."""
    pixels, spacing_mm = _middle(case, segmenter)
    keep_zeros = segmenter.intensity.nonzero
    image = resample_case(pixels, spacing_mm, _target(segmenter), keep_zeros=keep_zeros)
    return image.astype(np.float32, copy=False)


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


def _compared(study: Study) -> Iterator[tuple[Case, bytes | None]]:
    """Unseen cases of bearable size, at least one, with the files of PNG and JPEG."""
    windows = 0
    for row in spread(study.unseen_rows(), PARITY_CASES):
        case, example = case_of(study.dataset, int(row)), study.dataset.table.iloc[int(row)]
        planar = example["format"] in ("png", "jpeg")
        yield case, Path(example["path"]).read_bytes() if planar else None
        windows += _windows(case, study.predictor)
        if windows > PARITY_WINDOWS:
            return


def _windows(case: Case, segmenter: Segmenter) -> int:
    """About how many windows a case has, at half overlap."""
    patch = segmenter.settings.patch_size
    sides = tuple(resampled_size(case.pixels.shape[:-1], case.spacing_mm, _target(segmenter)))
    slices = math.prod(sides[: len(sides) - len(patch)])
    pairs = zip(sides[-len(patch) :], patch, strict=True)
    return slices * math.prod(max(1, math.ceil(2 * side / step) - 1) for side, step in pairs)


def _target(segmenter: Segmenter) -> tuple[float, ...] | None:
    """The networks' spacing along the axes of the patch."""
    target = segmenter.settings.spacing_mm
    return target if target is None else target[-len(segmenter.settings.patch_size) :]


def _middle(case: Case, segmenter: Segmenter) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """A case, or the middle slice of one that is answered slice by slice, with its spacing."""
    if not segmenter.settings.slice_wise:
        return case.pixels, case.spacing_mm
    spacing_mm = None if case.spacing_mm is None else case.spacing_mm[-2:]
    return case.pixels[len(case.pixels) // 2], spacing_mm


def _image_rows(
    own: Segmenter,
    exported: Exported,
    live: np.ndarray,
    patches: Sequence[np.ndarray],
    cases: Sequence[Case],
    files: Sequence[bytes | None],
) -> list[Row]:
    """The rows of the signatures that take images."""
    if not own.planar:
        answer = exported.predict(patches)["probabilities"]
        return [
            compared("serving_default", live, answer),
            Row("serving_bytes", None, None, "PNG and JPEG carry no volumes"),
        ]
    images = [_middle(case, own)[0].astype(np.float32) for case in cases]
    ask = own.live()
    wanted = [ask(image) for image in images]
    asked = [exported.ask(IMAGE, image=image[np.newaxis])["probabilities"][0] for image in images]
    rows = [compared("serving_default", _flat(wanted), _flat(asked))]
    sent, note = as_files(
        own.pixels, lambda part: exported.predict_bytes(part)["valid"], images, files
    )
    if not sent:
        return [*rows, Row("serving_bytes", None, None, note)]
    found = exported.ask(BYTES, image_bytes=list(sent.values()))
    inside = [
        one[:height, :width]
        for one, (height, width) in zip(found["probabilities"], found["size"], strict=True)
    ]
    wanted = [wanted[index] for index in sent]
    return [*rows, compared("serving_bytes", _flat(wanted), _flat(inside), note=note)]


def _flat(answers: Sequence[np.ndarray]) -> np.ndarray:
    """Answers of several sizes as one row of numbers."""
    return np.concatenate([answer.ravel() for answer in answers])


def _masks_row(own: Segmenter, other: Segmenter, cases: Sequence[Case]) -> Row:
    """The share of voxels of whole cases that have another class."""
    apart = [np.mean(own.label_map(case) != other.label_map(case)) for case in cases]
    note = f"largest share of voxels with another class, of {len(cases)} whole cases"
    return Row("masks", float(max(apart)), VOXELS, note)


def _mean(found: list[np.ndarray]) -> float | None:
    """The mean over classes of the means over cases; what is not defined counts for nothing."""
    means = np.ma.masked_invalid(np.array(found)).mean(axis=0)
    return None if np.ma.getmaskarray(means).all() else float(means.mean())
