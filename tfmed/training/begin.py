"""What every `fit` does before it trains: is there something to do, and does the plan agree?"""

from __future__ import annotations

from dataclasses import dataclass

from tfmed.data.dataset import Dataset
from tfmed.data.stored import is_stored, join, store
from tfmed.errors import ConfigError, DataError
from tfmed.planning import Plan, dumps, loads
from tfmed.run import Run, write_text
from tfmed.training.checkpoint import FOLDER as BACKUP
from tfmed.training.settings import Settings

ABOUT = "member.json"


@dataclass(frozen=True)
class Options:
    """What a plan leaves open.

    Attributes:
        seed: of weights, order and augmentation.
        strategy: `one`, `mirrored`, or `auto`.
        max_minutes: of training, resumes included; None for no limit.
        deterministic: the same bits from the same seed.
    """

    seed: int = 0
    strategy: str = "auto"
    max_minutes: float | None = None
    deterministic: bool = False


def begin(run: Run, plan: Plan, train: Dataset, valid: Dataset) -> bool:
    """Whether there is training to do; writes the plan and the index where they are not there.

    Raises:
        ConfigError: the folder holds what another plan trained.
        DataError: a part is empty.
    """
    _check_plan(run, plan)
    if run.has(ABOUT):
        return False
    if not len(train) or not len(valid):
        raise DataError(
            f"{len(train)} training and {len(valid)} validation examples: both parts need some"
        )
    if not run.has("plan.toml") or plan_of(run) != plan:
        write_text(run.path("plan.toml"), dumps(plan))
    if not is_stored(run):
        store(run, join(train, valid))
    return True


def settings(plan: Plan, options: Options, *, batch_size: int, precision: str) -> Settings:
    """How to train by a plan."""
    return Settings(
        epochs=plan.epochs,
        batch_size=batch_size,
        learning_rate=plan.learning_rate,
        weight_decay=plan.weight_decay,
        optimizer=plan.optimizer,
        ema_decay=plan.ema_decay,
        patience=plan.patience,
        max_minutes=options.max_minutes,
        seed=options.seed,
        deterministic=options.deterministic,
        watch=plan.watch,
        larger_is_better=plan.watch not in plan.smaller_is_better,
        watch_decay=plan.watch_decay,
        top=plan.top,
        unit=plan.unit,
        precision=precision,
    )


def plan_of(run: Run) -> Plan:
    """The plan of a run, as `plan.toml` says it now."""
    return loads(run.read_text("plan.toml"))


def _check_plan(run: Run, plan: Plan) -> None:
    """Refuse to go on with, or to hand over, what another plan has trained."""
    if not (run.has(ABOUT) or run.has(BACKUP)):
        return
    before, now = plan_of(run).model_dump(), plan.model_dump()
    changes = [
        f"{name}: {before.get(name)!r} then, {now.get(name)!r} now"
        for name in {**before, **now}
        if name != "reasons" and before.get(name) != now.get(name)
    ]
    if changes:
        raise ConfigError(
            f"{run.folder} was trained by another plan: {'; '.join(changes)}. Give another folder"
        )
