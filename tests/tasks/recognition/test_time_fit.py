"""What a plan becomes where the time of a step is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from planning.tables import part

from tfmed.planning import Machine
from tfmed.tasks import Classification
from tfmed.tasks.recognition import rules
from tfmed.tasks.recognition.plan import RecognitionPlan

# 320 images of 128 x 128: batches of 16, 20 steps an epoch, 60 epochs.
TRAIN = part("ab" * 160, height=128, width=128)
TASK = Classification(TRAIN.classes)


def by_pixels(seconds: float) -> Callable[[RecognitionPlan], float]:
    """A machine whose step takes so long at 128 x 128, and as its pixels for a smaller size."""

    def pace(plan: RecognitionPlan) -> float:
        share = plan.size[0] * plan.size[1] / 128**2
        return seconds * share * (0.1 if plan.model == "convnet" else 1.0)

    return pace


def planned(pace: Callable, machine: Machine, **asked: object) -> RecognitionPlan:
    own = TASK.answer.planned(TRAIN)
    return rules.planned(TRAIN, machine, asked, own, TASK.name, pace)


def test_time_enough_changes_nothing_and_is_told() -> None:
    usual = rules.planned(TRAIN, Machine(), {}, TASK.answer.planned(TRAIN), TASK.name)
    # 1,200 steps of 0.01 s are 12 s; with a fifth for the rest, 15.
    plan = planned(by_pixels(0.01), Machine(cores=2))
    assert plan == usual.model_copy(update={"reasons": plan.reasons})
    assert plan.reasons["epochs"].endswith("; about 15 s on this machine")


def test_a_short_time_gives_a_smaller_network_that_is_finished() -> None:
    # 48 s of steps at 0.1 s: 480 of the 750 wanted; 853 at 96 x 96, of a size of 0.75.
    plan = planned(by_pixels(0.1), Machine(cores=2, seconds=60.0))
    assert plan.size == (96, 96)
    assert plan.model == "resnet_small"
    assert plan.epochs == 43
    assert plan.patience == 21
    # An average over the last 5 % of 853 steps.
    assert plan.ema_decay == pytest.approx(1 - 1 / 43, abs=1e-4)
    assert "853 steps of 0.056 s fit 60 s" in plan.reasons["epochs"]
    assert "480 of 0.1 s would as planned first" in plan.reasons["epochs"]


def test_the_shortest_time_gives_the_smallest_network() -> None:
    plan = planned(by_pixels(1.0), Machine(cores=2, seconds=30.0))
    assert (plan.size, plan.model) == ((64, 64), "convnet")
    assert plan.epochs == 48


def test_what_the_user_has_set_stays() -> None:
    machine = Machine(cores=2, seconds=30.0)
    plan = planned(by_pixels(1.0), machine, size=(128, 128), model="resnet_small", epochs=7)
    assert (plan.size, plan.model, plan.epochs) == ((128, 128), "resnet_small", 7)
    assert plan.reasons["epochs"].startswith("set by the user; about ")


def test_a_clock_that_ends_training_leaves_room_for_a_faster_machine() -> None:
    plan = planned(by_pixels(0.1), Machine(cores=2, seconds=60.0, limited=True))
    assert plan.epochs == 60  # one and a half times 43, at most the planner's own
    assert plan.reasons["epochs"].endswith("; the clock ends training")


def test_on_a_processor_half_an_hour_is_proposed_where_nobody_has_said() -> None:
    # 1,200 steps of 3 s, and a fifth for the rest, are 75 minutes.
    plan = planned(by_pixels(3.0), Machine(cores=2))
    assert plan.reasons["epochs"].startswith("60 epochs would take about 75 minutes")
    assert "fit 30 minutes" in plan.reasons["epochs"]
    assert plan.size == (96, 96)
    accelerated = planned(by_pixels(3.0), Machine(accelerated=True, cores=2))
    assert accelerated.epochs == 60


def test_networks_that_cannot_be_enough_are_not_timed() -> None:
    timed = []

    def pace(plan: RecognitionPlan) -> float:
        timed.append(plan.size)
        return by_pixels(0.2)(plan)

    # 240 steps fit; 427 would at 96 x 96 and 960 at 64 x 64.
    assert planned(pace, Machine(cores=2, seconds=60.0)).size == (64, 64)
    assert timed == [(128, 128), (64, 64)]
