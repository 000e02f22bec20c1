"""What every row of `TASKS` keeps; no task is named here, and each has one trained run for all."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tomli_w
from pages import Page
from tasks import tiny
from tensorflow.python.framework.config import disable_op_determinism

from tfmed import training
from tfmed.errors import ConfigError
from tfmed.export import load
from tfmed.pipelines import evaluate, predict, stages, train
from tfmed.pipelines.flags import TrainingSettings
from tfmed.planning import Plan, dumps, loads
from tfmed.run import Run, write_text
from tfmed.task import TASKS, Predictor, Task, kind
from tfmed.training import Options, Study, loop, open_study, pace
from tfmed.training.program import Program

# Settings that make a plan one of seconds, where it has them.
SHORT = {"steps_per_epoch": 4}
UNTIMED = re.compile("^(?!seconds$|.*_per_second$)")
CARD = {
    "name", "created", "folds", "task", "classes", "input", "signatures", "tflite", "scores",
    "parity", "data", "intended_use", "notice", "limits", "versions", "provenance",
}  # fmt: skip
SCORES = {"task", "split", "examples", "patients", "metrics"}


@dataclass(frozen=True)
class Finished:
    """A run of a task that has gone the whole way.

    Attributes:
        name: a row of `TASKS`.
        flags: which open its data.
        settings: of its training.
        export: the version that was written.
        template: of its report.
    """

    name: str
    flags: dict[str, Any]
    settings: TrainingSettings
    export: Path
    template: Path

    @property
    def run(self) -> Run:
        """Its folder."""
        assert self.settings.run is not None
        return Run(self.settings.run)

    def copied(self, folder: Path, *without: str) -> tuple[Run, TrainingSettings]:
        """A copy of the run, without some of its files, and the settings for it."""
        shutil.copytree(self.run.folder, folder, ignore=shutil.ignore_patterns(*without))
        return Run(folder), self.settings.model_copy(update={"run": folder})


def planned(name: str, settings: TrainingSettings) -> None:
    """Have a run planned, and its plan shortened as its reader may."""
    train.run("contract", name, settings.model_copy(update={"plan_only": True}))
    run = Run(settings.run or Path())
    plan = loads(run.read_text("plan.toml"))
    short = {key: value for key, value in SHORT.items() if key in type(plan).model_fields}
    write_text(run.path("plan.toml"), dumps(plan.model_copy(update=short)))


def trained(name: str, settings: TrainingSettings) -> Study:
    """The stages of `train.run` as far as the trained networks."""
    of = kind(name)
    with stages.begin("contract", settings) as run:
        dataset = stages.split(run, settings, stages.index(run, settings, of.truth_of(name)))
        task = of.of_dataset(name, dataset)
        plan = stages.plan(run, task, lambda: pytest.fail("it is planned"))
        return train.train(run, dataset, task, plan, settings)


@pytest.fixture(scope="module", params=TASKS)
def finished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """Planned, trained for two short epochs, scored, exported and reported."""
    name, folder = request.param, tmp_path_factory.mktemp("contract of Zoë")
    of, templates = kind(name), []
    flags = tiny.MAKERS[of.truth_of(name)](folder / "data")
    settings = TrainingSettings(
        **flags,
        run=folder / "run",
        export=folder / "models",
        model=next(iter(of.networks_known)),
        epochs=2,
        batch_size=4,
        deterministic=True,
    )
    page = of.page

    def noted(self: Task, answered: Any) -> tuple[Path, dict[str, Any]]:
        found: tuple[Path, dict[str, Any]] = page(self, answered)
        templates.append(found[0])
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of, "page", noted)
        planned(name, settings)
        train.run("contract", name, settings)
    yield Finished(name, flags, settings, folder / "models" / "run" / "1", templates[0])
    # Trainings have asked TensorFlow for the same bits every time, in the whole process.
    disable_op_determinism()


@pytest.fixture(scope="module")
def study(finished: Finished) -> Study:
    """The run, opened once."""
    return open_study(finished.run)


def promised(contract: type) -> set[str]:
    """The public names of a contract."""
    return {name for name in vars(contract) | contract.__annotations__ if name[0] != "_"}


def test_a_task_and_its_predictors_have_all_that_is_promised(
    finished: Finished, study: Study
) -> None:
    assert promised(Task) - set(dir(study.task)) == set()
    exported = load(finished.export)
    for predictor in (study.predictor, exported.task.exported(exported)):
        assert promised(Predictor) - set(dir(predictor)) == set()
    for name in promised(Task):
        function = inspect.getattr_static(Task, name, None)
        if inspect.isfunction(function):
            given = inspect.signature(getattr(type(study.task), name)).parameters
            assert set(inspect.signature(function).parameters) - {"about"} <= set(given), name


def test_a_task_is_the_same_from_data_files_and_cards(finished: Finished, study: Study) -> None:
    name, of, task = finished.name, kind(finished.name), study.task
    assert task.name == name
    assert of.of_dataset(name, study.dataset) == task
    assert of.of_dict(name, json.loads(json.dumps(task.to_dict()))) == task
    assert load(finished.export).task == task


def test_every_setting_of_a_plan_has_its_reason(study: Study) -> None:
    plan = study.plan
    assert set(plan.reasons) == set(type(plan).model_fields) - {"reasons"}
    assert all(plan.reasons.values())
    assert loads(dumps(plan)) == plan


class Killed(BaseException):
    """What no code catches."""


def test_a_killed_training_goes_on_to_the_same_bits(
    finished: Finished, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, settings = finished.copied(tmp_path / "run", *stages.AFTER_PLAN)
    steps = Program.run

    def killed(self: Program, iterator: tf.data.Iterator, count: int) -> np.ndarray:
        if int(self.step) > int(self.horizon) // 2:
            raise Killed
        return steps(self, iterator, count)

    with monkeypatch.context() as patch:
        # A step a call, and a backup after each: it is killed within the second epoch.
        patch.setattr(loop, "BACKUP_SECONDS", 0.0)
        patch.setattr(pace, "CALL_SECONDS", 0.0)
        patch.setattr(Program, "run", killed)
        with pytest.raises(Killed):
            trained(finished.name, settings)
    assert len(run.read_table("history.csv")) == 1 and not run.has("member.json")
    (member,), (whole,) = trained(finished.name, settings).members, study.members
    assert list(member.networks) == list(whole.networks)
    for name, network in whole.networks.items():
        found = member.networks[name].get_weights()
        for mine, other in zip(found, network.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)
    assert member.chosen == whole.chosen
    histories = [one.read_table("history.csv") for one in (run, finished.run)]
    mine, other = (table.filter(regex=UNTIMED.pattern) for table in histories)
    pd.testing.assert_frame_equal(mine, other, check_exact=True)


def test_folds_answer_every_example_once_by_a_network_that_had_not_seen_it(
    finished: Finished, tmp_path: Path
) -> None:
    settings = finished.settings.model_copy(
        update={"run": tmp_path / "run", "folds": 2, "epochs": 1}
    )
    planned(finished.name, settings)
    crossed = trained(finished.name, settings)
    predictions, scores = train.score(crossed)
    answered, table = crossed.dataset.answered, crossed.dataset.table
    assert len(crossed.members) == 2
    held = [set(crossed.run.read_table(f"fold{n}/held.csv")["id"]) for n in (1, 2)]
    assert held[0] | held[1] == set(table["id"][answered]) and not held[0] & held[1]
    assert sorted(predictions["id"]) == sorted(table["id"])
    of_fold = predictions.groupby("fold")["id"].agg(set)
    assert [of_fold[number] for number in (1, 2)] == held
    apart = set(table["id"][~answered])
    assert of_fold.get(0, set()) == apart
    assert set(predictions["split"]) == {"out_of_fold", *([""] if apart else [])}
    assert scores["split"] == "out_of_fold" and scores["examples"] == len(held[0] | held[1])
    assert [set(one) for one in scores["per_fold"]] == [set(scores["metrics"])] * 2


def asked(finished: Finished, model: Path, out: Path) -> pd.DataFrame:
    """What the command `predict` writes."""
    predict.run(predict.Config(**finished.flags, model=model, out=out))
    return pd.read_csv(out / "predictions.csv").set_index("id")


def test_a_run_and_its_export_answer_alike(finished: Finished, tmp_path: Path) -> None:
    by_run = asked(finished, finished.run.folder, tmp_path / "run")
    by_export = asked(finished, finished.export, tmp_path / "export")
    assert len(by_run) >= tiny.KNOWN
    pd.testing.assert_frame_equal(by_run, by_export, check_exact=False, rtol=1e-4, atol=1e-4)
    files = [sorted(path.rglob("*.png")) for path in (tmp_path / "run", tmp_path / "export")]
    for one, other in zip(*files, strict=True):
        assert one.name == other.name and one.read_bytes() == other.read_bytes()
    own = pd.read_csv(finished.run.path("predictions.csv")).set_index("id")
    again = by_run.loc[own.index].select_dtypes("number").dropna(axis="columns")
    assert len(again.columns)
    np.testing.assert_allclose(again, own[again.columns], atol=1e-6)


def test_a_run_predicts_in_python_what_it_wrote(
    finished: Finished, study: Study, tmp_path: Path
) -> None:
    run, _ = finished.copied(tmp_path / "run")
    table = training.predict(run, study.at(study.rows("test")))
    table.to_csv(tmp_path / "table.csv", index=False)
    mine, written = (
        pd.read_csv(path) for path in (tmp_path / "table.csv", finished.run.path("predictions.csv"))
    )
    written = written[written["split"] == "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, written, check_like=True, rtol=0, atol=1e-6)


def check_scores(scores: dict[str, Any], finished: Finished) -> None:
    """What the scores of all tasks have."""
    assert set(scores) >= SCORES
    assert scores["task"] == finished.name
    assert scores["metrics"]
    for entry in scores["metrics"].values():
        assert set(entry) == {"value", "low", "high"}
        if None not in entry.values():
            assert entry["low"] <= entry["value"] <= entry["high"]


def check_page(page: Path, template: Path) -> None:
    """That a report opens, leads to nothing that is not there, and has all the task's sections."""
    found = Page(page.read_text(encoding="utf-8"))
    assert found.open == []
    inside = {link[1:] for link in found.links if link[0] == "#"}
    assert inside and inside <= set(found.ids)
    beside = [link for link in found.links if not link.startswith(("#", "data:"))]
    assert [link for link in beside if not (page.parent / link).is_file()] == []
    sections = re.findall(r'<section id="(\w+)">', template.read_text(encoding="utf-8"))
    assert "scores" in sections
    assert set(sections) <= set(found.ids)


def test_an_evaluation_gives_scores_and_a_page(finished: Finished, tmp_path: Path) -> None:
    evaluate.run(evaluate.Config(**finished.flags, model=finished.export, out=tmp_path))
    scores = Run(tmp_path).read_json("scores.json")
    check_scores(scores, finished)
    assert scores["examples"] == tiny.KNOWN
    check_page(tmp_path / "report.html", finished.template)


def test_a_run_has_scores_and_a_page(finished: Finished) -> None:
    scores = finished.run.read_json("scores.json")
    check_scores(scores, finished)
    assert scores["split"] == "test"
    assert set(scores["seconds"]) == {"index", "train", "evaluate", "export"}
    check_page(finished.run.path("report.html"), finished.template)


def test_a_card_is_complete_and_its_export_proven(finished: Finished, study: Study) -> None:
    card = json.loads((finished.export / "card.json").read_text(encoding="utf-8"))
    assert CARD - set(card) == set()
    assert finished.run.read_json("card.json") == card
    assert card["task"] == finished.name and card["classes"] == list(study.task.classes)
    assert card["scores"]["metrics"] == finished.run.read_json("scores.json")["metrics"]
    assert set(card["tflite"]) == {"float32", "float16", "dynamic", "int8"}
    assert {"serving_default", "serving_bytes"} <= set(card["signatures"])
    proven = {
        row["name"]: row["max_difference"] for row in card["parity"] if row["tolerance"] == 1e-4
    }
    assert set(proven) >= {"keras", "serving_default", "serving_bytes", "tflite_float32"}
    assert all(difference <= 1e-4 for difference in proven.values())
    assert all(row["passed"] for row in card["parity"])
    text = (finished.export / "card.md").read_text(encoding="utf-8")
    assert card["name"] in text and "Research use only" in text


def own_augmentation(seen: list[int]) -> Callable[..., Any]:
    """A user's: it counts how often it is traced, and leaves what it is given as it is."""

    def augment(*given: tf.Tensor) -> Any:
        seen.append(len(given))
        kept = tuple(one for one in given if one.shape.rank != 1)  # without a seed
        return kept if len(kept) > 1 else kept[0]

    return augment


def test_a_users_own_network_and_augmentation_train(
    finished: Finished, study: Study, tmp_path: Path
) -> None:
    task: Task = study.task
    given, seen = task.networks(study.plan), []
    first = {name: [w.copy() for w in one.get_weights()] for name, one in given.items()}
    run = training.fit(
        given,
        task,
        study.dataset.part("train"),
        study.dataset.part("val"),
        plan=study.plan,
        folder=tmp_path,
        epochs=1,
        options=Options(deterministic=True),
        augment=own_augmentation(seen),
    )
    assert seen
    for name, network in training.load(run).networks.items():
        assert isinstance(network, keras.Model)
        pairs = zip(first[name], network.get_weights(), strict=False)
        assert any(not np.array_equal(one, other) for one, other in pairs)


def huge(plan: Plan) -> dict[str, Any]:
    """The size of what the network sees, by the plan's own name for it, a million times."""
    name = next(name for name in ("size", "patch_size") if name in type(plan).model_fields)
    return {name: [side * 2**20 for side in getattr(plan, name)]}


# What the refusal says, and what was written into the plan.
HOSTILE: dict[str, Callable[[Plan], dict[str, Any]]] = {
    "unknown setting 'epoch'": lambda plan: {"epoch": 3},
    "epochs in plan.toml: expected a whole number": lambda plan: {"epochs": "many"},
    "batch_size in plan.toml: expected": lambda plan: {"batch_size": 0},
    "unknown model 'convnt'": lambda plan: {"model": "convnt"},
    "loss": lambda plan: {"loss": "hope"},
    "watch": lambda plan: {"watch": "luck"},
    "'melt'": lambda plan: {"augmentation": [{"name": "melt"}]},
    "task in plan.toml: expected": lambda plan: {"task": "fortune"},
    "size": huge,
}


@pytest.mark.parametrize("said", HOSTILE)
def test_a_hostile_plan_is_refused_by_name_and_removes_nothing(
    finished: Finished, study: Study, tmp_path: Path, said: str
) -> None:
    run, _ = finished.copied(tmp_path / "run", "logs")
    before = sorted(run.folder.rglob("*"))
    edit = HOSTILE[said](study.plan)
    text = tomli_w.dumps({**tomllib.loads(run.read_text("plan.toml")), **edit})
    write_text(run.path("plan.toml"), text)
    with pytest.raises(ConfigError, match=r"plan\.toml") as caught:
        stages.plan(run, study.task, lambda: pytest.fail("it is planned"))
    assert said in str(caught.value) and len(str(caught.value)) < 500
    assert sorted(run.folder.rglob("*")) == before
