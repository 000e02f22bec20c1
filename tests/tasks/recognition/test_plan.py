"""`plan.toml` of a network for whole examples: written, edited by hand, read."""

from __future__ import annotations

import tomllib

import pytest
from planning.tables import CT, part

from tfmed import planning
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.planning import Machine, dumps, loads
from tfmed.tasks import Classification
from tfmed.tasks.recognition.plan import RecognitionPlan


def made(train: Dataset) -> RecognitionPlan:
    plan = planning.plan(train, Classification(train.classes), machine=Machine())
    assert isinstance(plan, RecognitionPlan)
    return plan


def read(text: str) -> RecognitionPlan:
    plan = loads(text)
    assert isinstance(plan, RecognitionPlan)
    return plan


@pytest.mark.parametrize("train", [part("aaab", **CT), part("ab", bits=12), part("ab", depth=28)])
def test_a_plan_comes_back_from_its_file(train: Dataset) -> None:
    plan = made(train)
    assert read(dumps(plan)) == plan


def test_the_file_is_flat_with_the_reasons_at_the_end() -> None:
    text = dumps(made(part("ab", bits=12)))
    values = tomllib.loads(text)
    assert values["window"] == "percentiles"
    assert values["task"] == "classification"
    assert [step["name"] for step in values["augmentation"]][:2] == ["projective", "brightness"]
    assert text.index("[reasons]") > text.index("learning_rate")
    assert text.startswith("# Edit a value and run the same command again")


def test_an_edited_value_is_taken() -> None:
    text = dumps(made(part("ab")))
    edited = read(text.replace("mixup = 0.2", "mixup = 0.0").replace("255.0", "200"))
    assert (edited.mixup, edited.window) == (0, (0, 200))
    assert edited.preprocessing.window == (0, 200)


def test_a_plan_says_the_networks_input() -> None:
    plan = made(part("ab", channels=3))
    assert plan.input_shape == (28, 28, 3) == plan.preprocessing.input_shape


def test_other_epochs_are_the_users() -> None:
    plan = made(part("ab"))
    longer = plan.with_epochs(99)
    assert (longer.epochs, longer.reasons["epochs"]) == (99, "set by the user")
    assert plan.epochs != 99


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("mixup = 0.2", "mixup = nothing", "not valid TOML"),
        ("mixup = 0.2", 'mixup = "much"', "mixup in plan.toml: expected a number"),
        ("mixup = 0.2", "mixop = 0.2", "'mixop' in plan.toml; did you mean 'mixup'"),
        ("mixup = 0.2\n", "", "mixup is missing in plan.toml"),
        ("label_smoothing = 0.05", "label_smoothing = 1.0", "label_smoothing .*less than 1"),
        ('optimizer = "adamw"', 'optimizer = "adamv"', "optimizer .*one of adamw, adam, sgd"),
        ('model = "', 'model = "x', "unknown model 'x.* in plan.toml"),
        ('loss = "cross_entropy"', 'loss = "focl"', "one of cross_entropy, focal, got 'focl'; did"),
        ('watch = "auroc"', 'watch = "auc"', "watch: expected one of auroc, .* in plan.toml"),
        ('name = "gamma"', 'name = "gama"', "did you mean 'gamma'"),
        ("    255.0", "    -1", "window must be .* in plan.toml"),
        ("channels = 1", "channels = 2", "channels must be 1 or 3"),
    ],
)
def test_a_wrong_edit_names_the_setting(before: str, after: str, said: str) -> None:
    text = dumps(made(part("ab")))
    assert before in text
    with pytest.raises(ConfigError, match=said):
        loads(text.replace(before, after))
