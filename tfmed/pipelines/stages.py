"""The stages that every training pipeline walks before its network is trained.

Each stage leaves its files in the run; when they are there it reads them and repeats nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfmed import config, data, log
from tfmed.data import audit, leakage
from tfmed.data import split as splitting
from tfmed.data.dataset import Dataset
from tfmed.data.stored import is_stored, store, stored
from tfmed.errors import ConfigError
from tfmed.pipelines.settings import DataSettings, TrainingSettings
from tfmed.planning import Plan, dumps, loads
from tfmed.run import Run, write_text

AFTER_PLAN = (
    "model.keras",
    "member.json",
    "backup",
    "history.csv",
    "logs",
    "predictions.csv",
    "scores.json",
    "report.html",
)


@contextmanager
def begin(pipeline: str, settings: TrainingSettings) -> Iterator[Run]:
    """Open the run of these settings, a new one or one to go on with, and keep others out.

    Raises:
        ConfigError: the folder holds a run of other settings, or cannot be written.
    """
    run = Run(settings.run or config.run_folder(pipeline, settings))
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(run.folder / ".lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise ConfigError(
            f"the run's folder {run.folder} cannot be written ({error.strerror}): "
            "choose another with --run"
        ) from error
    try:
        _take(lock, run)
        if run.has("config.toml"):
            _compare(run, settings)
            log.info(f"going on with the run in {run.folder}")
        else:
            log.info(f"a new run in {run.folder}")
        write_text(run.path("config.toml"), config.dumps(settings))
        yield run
    finally:
        os.close(lock)


def _take(lock: int, run: Run) -> None:
    """Lock the run; the system frees it with the process, however that ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"another command is at work in {run.folder}: wait for it to end"
        ) from None


def state(run: Run) -> dict[str, Any]:
    """What the stages have noted of themselves; empty in a new run."""
    return run.read_json("state.json") if run.has("state.json") else {"seconds": {}}


def is_finished(run: Run, base: Path) -> bool:
    """Whether all is done, and the export still stands under `base`, `savedmodels/NAME`."""
    known = state(run)
    export = Path(known.get("export") or "")
    return bool(known.get("finished")) and export.is_dir() and export.parent == base


def note(run: Run, **facts: Any) -> None:
    """Add facts to the run's state."""
    run.write_json("state.json", state(run) | facts)


@contextmanager
def timed(run: Run, stage: str) -> Iterator[None]:
    """Add the seconds that the block takes to the run's account, while it is not finished."""
    started = time.monotonic()
    yield
    if state(run).get("finished"):
        return
    seconds = state(run)["seconds"]
    seconds[stage] = round(seconds.get(stage, 0.0) + time.monotonic() - started, 2)
    note(run, seconds=seconds)


def tell(run: Run) -> None:
    """Say where the results of a finished run are."""
    known = state(run)
    log.info(f"report: {run.path('report.html')}")
    log.info(f"export: {known['export']}")
    spent = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in known["seconds"].items())
    log.info(f"time: {spent}")


def index(run: Run, settings: DataSettings) -> Dataset:
    """List the examples and read each of them once; what cannot be used is a reject.

    Writes `index.parquet`, `dataset.json` and `rejects.csv`.

    Raises:
        DataError: nothing usable, or more rejects than `max_rejects`.
    """
    if not is_stored(run):
        with timed(run, "index"):
            dataset = open_data(settings)
            splitting.check_classes(dataset)
            store(run, audit.audit(dataset))
    dataset = stored(run)
    audit.limit_rejects(dataset, settings.max_rejects)
    return dataset


def open_data(settings: DataSettings) -> Dataset:
    """List the examples that the settings name; no pixels are read yet."""
    dataset = data.open(
        settings.data,
        table=settings.table,
        path_column=settings.path_column,
        label_columns=settings.label_column,
        patient_column=settings.patient_column,
        split_column=settings.split_column,
        positive=settings.positives,
        unit=settings.unit,
        seed=settings.seed,
    )
    log.info(f"{len(dataset):,} examples of {dataset.name}, reading each once")
    return dataset


def split(run: Run, settings: TrainingSettings, dataset: Dataset) -> Dataset:
    """Give every example its part, by patient. Writes `split.csv` and adds to `rejects.csv`.

    For a cross-validation all but a test part of the source's own is `train`: the folds are
    made of it.
    """
    if not run.has("split.csv"):
        if settings.folds > 1:
            table = dataset.table
            part = table["split"].where(table["split"] == "test", "train")
            whole = dataset.with_table(table.assign(split=part.where(table["label"].notna(), "")))
            made = leakage.settle(whole, settings.allow_leakage)
            how = f"{settings.folds} folds by patient, stratified by class, seed {settings.seed}"
            made = made.with_facts(split={"how": how})
        else:
            made = splitting.split(
                dataset, seed=settings.seed, allow_leakage=settings.allow_leakage
            )
        store(run, made)
        run.write_table("split.csv", made.table[["id", "patient", "split"]])
    made = stored(run)
    log.info(f"{made.facts['split']['how']}; {made.facts['duplicates']['left_out']} left out")
    return made


def plan(run: Run, make: Callable[[], Plan]) -> Plan:
    """The run's plan: made once, then read, with whatever was edited in it by hand.

    A plan that has changed since training makes what follows from it void.
    """
    if not run.has("plan.toml"):
        made = make()
        note(run, planned=made.model_dump(mode="json", exclude={"reasons"}))
        write_text(run.path("plan.toml"), dumps(made))
    found = loads(run.path("plan.toml").read_text(encoding="utf-8"))
    values = found.model_dump(mode="json", exclude={"reasons"})
    if values != state(run).get("trained", values):
        log.info("plan.toml was edited: training again")
        discard(run)
    note(run, trained=values)
    return found


def discard(run: Run) -> None:
    """Remove what follows from the plan."""
    for path in [run.folder / name for name in AFTER_PLAN] + list(run.folder.glob("fold*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    note(run, finished=False, export=None)


def _compare(run: Run, settings: TrainingSettings) -> None:
    """Refuse settings that are not those of the run."""
    text = run.path("config.toml").read_text(encoding="utf-8")
    before = config.loads(type(settings), text)
    changes = config.differences(before, settings)
    if changes:
        raise ConfigError(
            f"{run.folder} is a run of other settings: {'; '.join(changes)}. Give another "
            "--run, or none: each combination of settings has a folder of its own"
        )
    longer = any(getattr(before, name) != getattr(settings, name) for name in config.MAY_GROW)
    if longer and state(run).get("finished"):
        log.info("more training was asked for: the schedule is longer, so it begins anew")
        discard(run)
