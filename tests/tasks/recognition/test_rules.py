"""What is planned of what training part, and why."""

from __future__ import annotations

from typing import Any

import pytest
from planning.tables import CT, part

from tfmed import planning
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.planning import Machine
from tfmed.tasks import Classification
from tfmed.tasks.recognition.plan import RecognitionPlan

CPU, GPU = Machine(), Machine(accelerated=True)


def made(train: Dataset | None = None, machine: Machine = CPU, **settings: Any) -> RecognitionPlan:
    train = train or part("ab" * 20)
    plan = planning.plan(train, Classification(train.classes), machine=machine, **settings)
    assert isinstance(plan, RecognitionPlan)
    return plan


@pytest.mark.parametrize(
    "columns", [{}, CT, {"channels": 3}, {"depth": 28}, {"bits": 12}, {"depth": 30, "clip": True}]
)
def test_every_setting_has_its_reason(columns: dict[str, Any]) -> None:
    plan = made(part("aab", **columns))
    names = set(RecognitionPlan.model_fields) - {"reasons"}
    assert {name for name, why in plan.reasons.items() if why.strip()} == names
    assert all("\n" not in why for why in plan.reasons.values())


def test_physical_units_give_one_window_of_medians() -> None:
    plan = made(part("ab" * 20, **CT))
    assert plan.window == (-1000, 1000)
    # Mean -500 and spread 400 HU in a window 2000 wide from -1000.
    assert (plan.mean, plan.std) == (0.25, 0.2)
    assert "HU" in plan.reasons["window"]


def test_a_narrow_physical_window_keeps_its_width() -> None:
    plan = made(part("ab", **{**CT, "units": "SUV", "p005": 0.0123, "p995": 0.4567}))
    assert plan.window == (0.012, 0.457)
    constant = made(part("ab", **{**CT, "p005": 7.0, "p995": 7.0}))
    assert constant.window == (7, 8)


def test_8_bit_images_keep_their_whole_range() -> None:
    plan = made()
    assert plan.window == (0, 255)
    assert (plan.mean, plan.std) == (0.5, 0.2)  # 127.5 and 51 of 255


def test_deep_images_without_units_are_windowed_one_by_one() -> None:
    plan = made(part("ab", bits=12))
    assert plan.window is None
    assert (plan.mean, plan.std) == (0.5, 0.25)


def test_released_weights_take_pixels_from_0_to_1() -> None:
    plan = made(weights="imagenet")
    assert (plan.mean, plan.std) == (0, 1)
    assert plan.model == "efficientnet_v2_b0"
    assert plan.learning_rate < made().learning_rate


@pytest.mark.parametrize(
    ("columns", "machine", "size"),
    [
        ({"height": 28, "width": 20}, CPU, (28, 20)),
        ({"height": 128, "width": 64}, CPU, (128, 64)),
        ({"height": 512, "width": 256}, CPU, (128, 64)),
        ({"height": 512, "width": 256}, GPU, (224, 112)),
        ({"height": 3000, "width": 2}, CPU, (128, 1)),
        ({"depth": 40, "height": 256, "width": 256}, GPU, (10, 64, 64)),
        ({"depth": 28}, CPU, (28, 28, 28)),
    ],
)
def test_the_longest_side_has_a_limit(
    columns: dict[str, int], machine: Machine, size: tuple[int, ...]
) -> None:
    plan = made(part("ab", **columns), machine)
    assert plan.size == size
    median = " x ".join(str(columns.get(axis, 28)) for axis in ("height", "width"))
    assert median in plan.reasons["size"]
    shrunk = max(columns.values(), default=28) > max(size)
    assert ("longest side brought to" in plan.reasons["size"]) is shrunk


@pytest.mark.parametrize(
    ("frames", "machine", "size"),
    [(90, CPU, (8, 42, 56)), (90, GPU, (16, 84, 112)), (5, CPU, (5, 42, 56))],
)
def test_frames_of_clips_are_picked_and_their_plane_shrinks_alone(
    frames: int, machine: Machine, size: tuple[int, ...]
) -> None:
    clips = part("ab", clip=True, depth=frames, height=240, width=320)
    plan = made(clips, machine)
    assert plan.size == size
    assert plan.preprocessing.sampled
    assert f"{frames} x 240 x 320" in plan.reasons["size"]
    volumes = part("ab", clip=False, depth=frames)
    assert not made(volumes).preprocessing.sampled


def test_clips_among_volumes_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 3 training examples are clips"):
        made(part("aab", clip=[False, True, False], depth=5))


def test_what_the_user_sets_stays_and_is_said() -> None:
    given = {"model": "vgg16", "size": (64, 48), "epochs": 3, "batch_size": 5}
    plan = made(**given, precision=None)
    assert {name: getattr(plan, name) for name in given} == given
    assert {plan.reasons[name] for name in given} == {"set by the user"}
    assert plan.precision == "auto"
    assert plan.reasons["precision"] != "set by the user"


def test_loss_and_smoothing_are_the_users_where_set() -> None:
    plan = made(loss="focal", label_smoothing=0.2)
    assert (plan.loss, plan.label_smoothing) == ("focal", 0.2)
    assert {plan.reasons[name] for name in ("loss", "label_smoothing")} == {"set by the user"}
    assert made().loss == "cross_entropy"


def test_rare_classes_count_more_by_the_training_part_alone() -> None:
    plan = made(part("aaab"))
    # Weights 4 / (2 * 3) and 4 / (2 * 1), so that the mean over examples is 1.
    assert plan.class_weights == pytest.approx((2 / 3, 2), abs=1e-4)
    assert "3.0 times" in plan.reasons["class_weights"]
    assert made(part("aaaaaabbbbb")).class_weights == ()


def test_the_batch_follows_the_examples_between_8_and_64() -> None:
    sizes = [made(part("ab" * (count // 2))).batch_size for count in (16, 512, 4096)]
    assert sizes == [8, 32, 64]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": (8, 8, 8)}, "3 numbers, the images have 2 axes"),
        ({"epoch": 3}, "'epoch'; did you mean 'epochs'"),
        ({"batch_size": 0}, "batch-size: expected a whole number, at least 1"),
        ({"precision": "float16"}, "precision: expected one of auto, float32"),
        ({"window": (9.0, 3.0)}, "window must be"),
        ({"loss": "focl"}, "loss: expected one of cross_entropy, focal"),
    ],
)
def test_what_cannot_be_planned_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        made(**settings)
