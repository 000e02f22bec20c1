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

from tfmed import config, log
from tfmed.data import auditing, leakage, parts
from tfmed.data import truth as truths
from tfmed.data.dataset import Dataset
from tfmed.data.stored import is_stored, store, stored
from tfmed.errors import ConfigError
from tfmed.pipelines.flags import DataSettings, TrainingSettings
from tfmed.pipelines.listing import open_data
from tfmed.planning import Plan, describe, dumps, loads
from tfmed.run import Run, write_text
from tfmed.task import Task

BEFORE_TRAINING = (
    "config.toml",
    "dataset.json",
    "index.parquet",
    "plan.toml",
    "rejects.csv",
    "split.csv",
    "state.json",
)
TRAINED = ("backup/*", "history.csv", "model.keras", "member.json")
AFTER_PLAN = (
    "model.keras",
    "member.json",
    "backup",
    "history.csv",
    "logs",
    "predictions.csv",
    "masks",
    "cases",
    "scores.json",
    "report.html",
    "card.json",
    "card.md",
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
        if run.has("config.toml") and _goes_on(run, settings):
            log.info(f"going on with the run in {run.folder}")
        else:
            log.info(f"a new run in {run.folder}")
        write_text(run.path("config.toml"), config.dumps(settings))
        try:
            yield run
        finally:
            _forget_empty(run)
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


def show(run: Run, plan: Plan) -> None:
    """Print a plan, each setting with its reason."""
    print(describe(plan))
    log.info(f"{run.path('plan.toml')}: edit a value, and run the command without --plan-only")


def index(run: Run, settings: DataSettings, truth: str) -> Dataset:
    """List the examples and read each of them once, with their truth.

    What cannot be used is a reject. Writes `index.parquet`, `dataset.json` and `rejects.csv`.

    Args:
        run: where to.
        settings: which scans.
        truth: what is learned from them, a row of `tfmed.data.truth.TRUTHS`.

    Raises:
        DataError: nothing usable, or more rejects than `max_rejects`.
    """
    if not is_stored(run):
        with timed(run, "index"):
            dataset = open_data(settings, truth, settings.named)
            truths.of(dataset).check(dataset)
            store(run, auditing.audit(dataset))
    dataset = stored(run)
    auditing.limit_rejects(dataset, settings.max_rejects)
    truths.of(dataset).check(dataset)
    return dataset


def split(run: Run, settings: TrainingSettings, dataset: Dataset) -> Dataset:
    """Give every example its part, by patient. Writes `split.csv` and adds to `rejects.csv`.

    For a cross-validation all but a test part of the source's own is `train`: the folds are
    made of it.
    """
    if "split" not in dataset.facts:
        if settings.folds > 1:
            table = dataset.table
            part = table["split"].where(table["split"] == "test", "train")
            whole = dataset.with_table(table.assign(split=part.where(dataset.answered, "")))
            made = leakage.settle(whole, settings.allow_leakage)
            by = truths.of(dataset).stratum
            how = f"{settings.folds} folds by patient, stratified by {by}, seed {settings.seed}"
            made = made.with_facts(split={"how": how})
        else:
            made = parts.assign(dataset, seed=settings.seed, allow_leakage=settings.allow_leakage)
        run.write_table("split.csv", made.table[["id", "patient", "split"]])
        store(run, made)
    made = stored(run)
    log.info(f"{made.facts['split']['how']}; {made.facts['duplicates']['left_out']} left out")
    return made


def plan(run: Run, task: Task, make: Callable[[], Plan]) -> Any:
    """The run's plan: made once, then read, with whatever was edited in it by hand.

    A plan that has changed since training makes what follows from it void.

    Args:
        run: which holds `plan.toml`, or will.
        task: what is asked; an edited plan of another task is refused.
        make: plans.

    Raises:
        ConfigError: an edited plan cannot be trained; nothing has been removed then.
    """
    if not run.has("plan.toml"):
        made = make()
        note(run, planned=_values(made))
        write_text(run.path("plan.toml"), dumps(made))
    found = _plan_of(run)
    if found.task != task.name:
        raise ConfigError(f"{run.path('plan.toml')} is of another task; give another --run")
    values = _values(found)
    if values != state(run).get("trained", values):
        task.networks(found)
        log.info("plan.toml was edited: training again")
        discard(run)
    note(run, trained=values)
    return found


def discard(run: Run) -> None:
    """Remove what follows from the plan, and forget that it was made."""
    for path in [run.folder / name for name in AFTER_PLAN] + list(run.folder.glob("fold*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    known = state(run)
    seconds = {"index": known["seconds"].get("index", 0.0)}
    run.write_json("state.json", {"planned": known.get("planned"), "seconds": seconds})


def _goes_on(run: Run, settings: TrainingSettings) -> bool:
    """Whether a run of these settings is there; one of others is refused once it has trained.

    Before that it holds nothing that was dear: a mended setting begins it anew.
    """
    text = run.path("config.toml").read_text(encoding="utf-8")
    before = config.loads(type(settings), text)
    changes = config.differences(before, settings)
    if changes and not _is_precious(run):
        for name in BEFORE_TRAINING:
            (run.folder / name).unlink(missing_ok=True)
        return False
    if changes:
        raise ConfigError(
            f"{run.folder} is a run of other settings: {'; '.join(changes)}. Give another "
            "--run, or none: each combination of settings has a folder of its own"
        )
    grown = {name for name in config.MAY_GROW if getattr(before, name) != getattr(settings, name)}
    if "epochs" in grown or (grown and state(run).get("finished")):
        log.info("more training was asked for: the schedule is longer, so it begins anew")
        discard(run)
    if "epochs" in grown and run.has("plan.toml"):
        _replan(run, settings.epochs)
    return True


def _replan(run: Run, epochs: int | None) -> None:
    """Let the plan follow another number of epochs: a plan as it was made is made anew.

    One that was edited keeps what else it says.
    """
    found = _plan_of(run)
    if epochs is None or state(run).get("planned") == _values(found):
        run.path("plan.toml").unlink()
    else:
        write_text(run.path("plan.toml"), dumps(found.with_epochs(epochs)))


def _is_precious(run: Run) -> bool:
    """Whether a run holds training, or a plan that was edited by hand."""
    if any(any(run.folder.glob(f"**/{name}")) for name in TRAINED):
        return True
    if not run.has("plan.toml"):
        return False
    return _values(_plan_of(run)) != state(run).get("planned")


def _plan_of(run: Run) -> Plan:
    return loads(run.path("plan.toml").read_text(encoding="utf-8"))


def _values(plan: Plan) -> dict[str, Any]:
    """What a plan says, without its reasons, as JSON keeps it."""
    return plan.model_dump(mode="json", exclude={"reasons"})


def _forget_empty(run: Run) -> None:
    """Leave no folder behind where not even an index was made, as of a mistyped path."""
    if {path.name for path in run.folder.iterdir()} <= {"config.toml", ".lock"}:
        shutil.rmtree(run.folder)
