"""What the stages note of themselves, and what makes it void."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planning.tables import part

from tfmed import planning
from tfmed.errors import ConfigError
from tfmed.pipelines import stages
from tfmed.pipelines.flags import TrainingSettings
from tfmed.planning import Plan, loads
from tfmed.run import Run, write_text
from tfmed.tasks import Classification

TASK = Classification(("a", "b"))
LEFT = ("model.keras", "member.json", "backup/x", "logs/x", "masks/x", "fold1/member.json")


def made(**fixed: Any) -> Plan:
    return planning.plan(part("ab" * 20), TASK, **fixed)


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., tuple[Run, TrainingSettings]]:
    """A finished run of some settings; empty files stand for what training leaves."""

    def build(**given: Any) -> tuple[Run, TrainingSettings]:
        settings = TrainingSettings(run=tmp_path / "run", **given)
        with stages.begin("classify", settings) as run:
            stages.plan(run, TASK, lambda: made(epochs=settings.epochs))
            for name in LEFT:
                run.path(name).touch()
            stages.note(run, finished=True, export=str(tmp_path), seconds={"index": 2, "train": 9})
        return run, settings

    return build


def test_a_new_run_has_no_seconds(tmp_path: Path) -> None:
    assert stages.state(Run(tmp_path)) == {"seconds": {}}


def test_times_of_a_stage_add_up_until_the_run_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)
    clock = iter([10, 12.5, 20, 21, 30, 99])
    monkeypatch.setattr(stages.time, "monotonic", lambda: next(clock))
    for stage in ("index", "index"):
        with stages.timed(run, stage):
            pass
    assert stages.state(run)["seconds"] == {"index": 3.5}
    stages.note(run, finished=True)
    with stages.timed(run, "index"):
        pass
    assert stages.state(run)["seconds"] == {"index": 3.5}


def test_a_stage_that_fails_is_not_counted(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(KeyError), stages.timed(run, "train"):
        raise KeyError
    assert stages.state(run)["seconds"] == {}


def test_finished_is_only_what_was_exported_there(tmp_path: Path) -> None:
    run, base = Run(tmp_path), tmp_path / "models" / "chest"
    (base / "1").mkdir(parents=True)
    assert not stages.is_finished(run, base)
    stages.note(run, finished=True, export=str(base / "1"))
    assert stages.is_finished(run, base)
    assert not stages.is_finished(run, tmp_path / "models" / "other")
    (base / "1").rmdir()
    assert not stages.is_finished(run, base)


def test_a_run_at_work_is_locked_and_free_after(tmp_path: Path) -> None:
    settings = TrainingSettings(run=tmp_path / "run")
    with (
        stages.begin("classify", settings) as run,
        pytest.raises(ConfigError, match="another command is at work"),
        stages.begin("classify", settings),
    ):
        pass
    with stages.begin("classify", settings) as again:
        assert again == run


def test_a_plan_is_made_once(tmp_path: Path) -> None:
    run, first = Run(tmp_path), made()
    assert stages.plan(run, TASK, lambda: first) == first
    assert stages.plan(run, TASK, lambda: pytest.fail("it is there")) == first


def test_an_edited_plan_voids_what_follows_and_stays(
    trained: Callable[..., tuple[Run, TrainingSettings]],
) -> None:
    run, _ = trained()
    text = run.path("plan.toml").read_text()
    planned = stages.state(run)["planned"]
    write_text(run.path("plan.toml"), text.replace("mixup = 0.2", "mixup = 0.1"))
    assert stages.plan(run, TASK, made).mixup == 0.1
    left = {path.name for path in run.folder.iterdir()}
    assert left <= {"config.toml", "plan.toml", "state.json", ".lock"}
    known = stages.state(run)
    assert known["seconds"] == {"index": 2}
    assert known["planned"] == planned
    assert not known.get("finished")


def test_a_reason_may_be_edited(trained: Callable[..., tuple[Run, TrainingSettings]]) -> None:
    run, _ = trained()
    text = run.path("plan.toml").read_text()
    write_text(run.path("plan.toml"), text.replace("all images are grey", "as we like it"))
    assert stages.plan(run, TASK, made).reasons["channels"] == "as we like it"
    assert run.has("model.keras")


def test_more_epochs_are_planned_and_trained_anew(
    trained: Callable[..., tuple[Run, TrainingSettings]],
) -> None:
    run, settings = trained(epochs=3)
    longer = settings.model_copy(update={"epochs": 30})
    with stages.begin("classify", longer):
        plan = stages.plan(run, TASK, lambda: made(epochs=longer.epochs))
    assert plan.epochs == loads(run.path("plan.toml").read_text()).epochs == 30
    assert not run.has("model.keras")


def test_more_epochs_keep_what_was_edited(
    trained: Callable[..., tuple[Run, TrainingSettings]],
) -> None:
    run, settings = trained(epochs=3)
    text = run.path("plan.toml").read_text()
    write_text(run.path("plan.toml"), text.replace("mixup = 0.2", "mixup = 0.1"))
    with stages.begin("classify", settings.model_copy(update={"epochs": 30})):
        plan = stages.plan(run, TASK, lambda: pytest.fail("it was edited"))
    assert (plan.epochs, plan.mixup) == (30, 0.1)


def test_more_minutes_void_only_a_finished_run(
    trained: Callable[..., tuple[Run, TrainingSettings]],
) -> None:
    run, settings = trained(max_minutes=1)
    longer = settings.model_copy(update={"max_minutes": 2.0})
    stages.note(run, finished=False)
    with stages.begin("classify", longer):
        assert run.has("model.keras")
    stages.note(run, finished=True)
    with stages.begin("classify", longer.model_copy(update={"max_minutes": 3.0})):
        assert not run.has("model.keras")


def test_fewer_epochs_are_refused(trained: Callable[..., tuple[Run, TrainingSettings]]) -> None:
    run, settings = trained(epochs=3)
    fewer = settings.model_copy(update={"epochs": 2})
    with (
        pytest.raises(ConfigError, match=r"epochs: 3 then, 2 now \(it may only grow\)"),
        stages.begin("classify", fewer),
    ):
        pass
    assert run.has("model.keras")
