"""`fit_segmenter`: a network for masks trained in a run folder, by a plan."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from tfmed import inference, log, models
from tfmed.data.dataset import Dataset
from tfmed.feed import patches
from tfmed.feed.cases import Cases, build
from tfmed.inference import Ensemble, InferenceSettings
from tfmed.planning import SegmentationPlan
from tfmed.run import Run
from tfmed.tasks import Segmentation
from tfmed.training import strategy
from tfmed.training.begin import ABOUT, Options, begin, settings
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.fitting import optimise
from tfmed.training.loop import Validate
from tfmed.training.pace import Clock
from tfmed.training.program import Builder
from tfmed.training.segmentation import settings_of

# Of the moving average of the watched Dice (nnU-Net's), which one lucky epoch moves little.
WATCH_DECAY = 0.9
# Cases that are asked at each epoch's end, spread over the validation part.
VALIDATED = 24
# At an epoch's end windows overlap less than they do in an answer: it ranks epochs, no more.
OVERLAP = 0.25


def fit_segmenter(
    model: Builder | keras.Model,
    task: Segmentation,
    train: Dataset,
    valid: Dataset,
    *,
    plan: SegmentationPlan,
    folder: str | Path,
    options: Options | None = None,
    mirrored: bool = True,
    cases: tuple[Cases, Cases] | None = None,
) -> Run:
    """Train a network for masks in a folder; after a kill, the same call goes on.

    Writes `model.keras`, `history.csv`, `logs/`, `member.json` (task, clean-up), and
    `plan.toml` and the index where they are not there yet. The weights kept are those of the
    best moving average of the foreground Dice over whole validation cases at the plan's spacing.

    Args:
        model: a ready network, or a function that makes it; normalised patches to logits
            `[B, *patch, K]`, or to a list of them, the full resolution first.
        task: the question; its loss is the plan's.
        train: the audited training part.
        valid: the audited validation part: it chooses the epoch and the clean-up.
        plan: how to train.
        folder: the run's.
        options: seed, strategy and time.
        mirrored: whether whole cases are answered with mirrored test-time augmentation.
        cases: `train` and `valid` as `feed.cases.build` caches them, where they are at hand.

    Returns:
        The run; one that is trained already as it is.

    Raises:
        ConfigError: the folder holds what another plan trained.
        DataError: a part is empty.
        TrainingError: a loss is not finite.
    """
    run, options = Run(Path(folder)), options or Options()
    if not begin(run, plan, train, valid):
        return run
    if cases is None:
        cases = cases_of(train, plan), cases_of(valid, plan)
    log.info(
        f"training {plan.model} on {len(train):,} cases of "
        f"{train.table['patient'].nunique():,} patients, {len(valid):,} to validate"
    )
    trained = models.without_supervision(_train(run, model, task, cases, plan, options))
    save_model(trained, run.path("model.keras"))
    _settle(run, trained, task, cases[1], plan, mirrored)
    clear(run.folder)
    return run


def cases_of(dataset: Dataset, plan: SegmentationPlan) -> Cases:
    """The cases of a data set as networks of a plan see them, cached."""
    return build(
        dataset,
        spacing_mm=plan.spacing_mm,
        normalisation=plan.intensity,
        slice_wise=plan.slice_wise,
    )


def _train(
    run: Run,
    model: Builder | keras.Model,
    task: Segmentation,
    cases: tuple[Cases, Cases],
    plan: SegmentationPlan,
    options: Options,
) -> keras.Model:
    return optimise(
        model,
        task_loss=task.loss,
        batches=lambda start, steps: patches.training(
            cases[0], plan, seed=options.seed, steps=range(start, start + steps)
        ),
        examples=plan.steps_per_epoch * plan.batch_size,
        validate=_validator(cases[1], plan),
        settings=settings(
            plan,
            options,
            batch_size=plan.batch_size,
            precision=strategy.precision(plan.precision, plan.input_shape, plan.model),
            watch_decay=WATCH_DECAY,
            unit="patches",
        ),
        strategy=strategy.choose(options.strategy),
        folder=run.folder,
    )


def _validator(cases: Cases, plan: SegmentationPlan) -> Validate:
    """A network to the mean Dice, and each class's, over some whole cases."""
    count = min(len(cases), VALIDATED)
    rows = np.linspace(0, len(cases) - 1, count).round().astype(int)
    quick = replace(settings_of(plan, mirrored=False), overlap=OVERLAP)
    traced: dict[int, Ensemble] = {}

    def validate(model: keras.Model) -> dict[str, float]:
        # The model of a training is one, so its graph is traced once.
        ensemble = traced.setdefault(id(model), Ensemble([inference.network(model)]))
        found = [
            dice(*_answered(cases, int(row), ensemble, quick), len(plan.classes)) for row in rows
        ]
        return _means(np.array(found), plan.classes[1:])

    return validate


def _answered(
    cases: Cases, row: int, networks: Ensemble, settings: InferenceSettings
) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted label map of a cached case, at the plan's spacing."""
    pixels, truth = cases.case(row)
    assert truth is not None  # parts that are trained or validated on have masks
    mean, std = cases.statistics[row]
    probabilities = inference.slide(
        settings.intensity.apply(pixels, (float(mean), float(std))),
        networks,
        settings.patch_size,
        overlap=settings.overlap,
        mirror_axes=settings.mirror_axes,
        slice_wise=settings.slice_wise,
    )
    return truth, probabilities.argmax(axis=-1).astype(np.uint8)


def dice(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """The Dice of each class but the background, NaN for one that is in neither.

    Args:
        truth: label map.
        predicted: of the same shape.
        classes: how many there are, the background included.

    Returns:
        float64 `[classes - 1]`.
    """
    pairs = truth.astype(np.int64).ravel() * classes + predicted.ravel()
    table = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    sizes = table.sum(axis=0) + table.sum(axis=1)
    there = np.where(sizes, sizes, np.nan)
    found: np.ndarray = (2 * np.diag(table) / there)[1:]
    return found


def _means(found: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """Mean Dice over cases, of each class and of all of them together.

    A class that is neither there nor predicted in any of the cases counts for nothing.
    """
    counted = (~np.isnan(found)).sum(axis=0)
    means = np.nansum(found, axis=0) / np.where(counted, counted, np.nan)
    overall = float(np.nanmean(means)) if counted.any() else 0.0
    return {"dice": overall} | {
        f"dice_{name}": float(mean) for name, mean in zip(names, means, strict=True)
    }


def _settle(
    run: Run,
    model: keras.Model,
    task: Segmentation,
    cases: Cases,
    plan: SegmentationPlan,
    mirrored: bool,
) -> None:
    """Choose the clean-up on validation, and write `member.json`."""
    ensemble, settings = Ensemble([inference.network(model)]), settings_of(plan, mirrored)
    truths, found = [], []
    with log.progress(range(len(cases)), len(cases), "choosing the clean-up", "cases") as bar:
        for row in bar:
            truth, predicted = _answered(cases, row, ensemble, settings)
            truths.append(truth)
            found.append(predicted)
    about = {
        "task": asdict(task),
        "keep_largest": list(inference.clean_up(found, truths, len(plan.classes))),
        "mirrored": mirrored,
        "seconds": Clock(run.folder, None).elapsed,
    }
    run.write_json(ABOUT, about)
