"""`fit`: the networks of a task trained in a run folder, by a plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.task import ExampleStore, Task
from tfmed.training import strategy
from tfmed.training.begin import ABOUT, Options, begin, settings
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.optimising import optimise
from tfmed.training.pace import Clock
from tfmed.training.program import Given, named
from tfmed.training.study import file_of

Augment = Callable[..., Any]


def fit(  # noqa: PLR0913  (what a training is made of)
    networks: Given,
    task: Task,
    train: Dataset,
    valid: Dataset,
    *,
    plan: Plan,
    folder: str | Path,
    epochs: int | None = None,
    options: Options | None = None,
    stores: tuple[ExampleStore, ExampleStore] | None = None,
    augment: Augment | None = None,
) -> Run:
    """Train the networks of a task in a folder; after a kill, the same call goes on.

    Writes `model.keras` (of several networks a file each), `history.csv`, `logs/`, `member.json`
    (the task, and what was chosen on validation), and `plan.toml` and the index where they are
    not there yet.

    Args:
        networks: a ready network, several by name, or a function that makes them, as
            `task.networks(plan)` does.
        task: the question.
        train: the audited training part.
        valid: the audited validation part: it chooses the epoch, and what the task chooses.
        plan: how to train.
        folder: the run's.
        epochs: in place of the plan's.
        options: seed, strategy and time.
        stores: `train` and `valid` as `task.store` gives them, where they are at hand.
        augment: a function of one's own in place of the plan's augmentation: of images in 0..1
            `[B, ...]` and a seed int32 `[2]`; of masks of normalised patches, label maps and a
            seed, to both.

    Returns:
        The run; one that is trained already as it is.

    Raises:
        ConfigError: the folder holds what another plan trained.
        DataError: a part is empty.
        TrainingError: a loss is not finite.
    """
    run, options = Run(Path(folder)), options or Options()
    plan = plan if epochs is None else plan.with_epochs(epochs)
    if not begin(run, plan, train, valid):
        return run
    stores = stores or (task.store(train, plan), task.store(valid, plan))
    log.info(
        f"training {plan.model} on {len(train):,} examples of "
        f"{train.table['patient'].nunique():,} patients, {len(valid):,} to validate"
    )
    size, seed = plan.batch_of(len(train)), options.seed
    trained = task.kept(
        optimise(
            networks,
            step=task.step(plan),
            batches=lambda start, steps: task.batches(
                stores[0], plan, seed, range(start, start + steps), augment
            ),
            examples=plan.epoch_of(len(train)),
            validate=task.validate(stores[1], plan),
            settings=settings(
                plan,
                options,
                batch_size=size,
                precision=strategy.precision(plan.precision, plan.input_shape, plan.model),
            ),
            strategy=strategy.choose(options.strategy),
            folder=run.folder,
            rows_of_step=lambda step: task.batch_ids(stores[0], plan, seed, step),
        )
    )
    for name, network in named(trained).items():
        save_model(network, run.path(file_of(name)))
    about = {
        "task": task.to_dict(),
        "networks": list(trained),
        **task.choose(trained, stores[1], plan),
        "seconds": Clock(run.folder, None).elapsed,
    }
    run.write_json(ABOUT, about)
    clear(run.folder)
    return run
