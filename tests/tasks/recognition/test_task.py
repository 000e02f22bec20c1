"""What whole examples are asked: the task by its name, its data and its stores."""

from __future__ import annotations

import numpy as np
import pytest
from planning.tables import part

from tfmed import planning
from tfmed.errors import ConfigError
from tfmed.planning import Machine
from tfmed.task import MODEL
from tfmed.tasks import Classification
from tfmed.tasks.recognition.task import Recognition


def test_the_task_follows_the_data_and_comes_back_from_plain_data() -> None:
    dataset = part("ab")
    task = Recognition.of_dataset("classification", dataset)
    assert task == Classification(["a", "b"])
    assert (task.name, task.classes) == ("classification", ("a", "b"))
    assert Recognition.of_dict(task.name, task.to_dict()) == task
    labels = Classification(("a", "b"), multi_label=True)
    assert Recognition.of_dict(labels.name, labels.to_dict()) == labels != task


def test_a_member_of_version_0_1_0_is_read() -> None:
    about = {"classes": ["a", "b"], "multi_label": False, "loss_name": "cross_entropy"}
    about |= {"label_smoothing": 0.05, "label_weights": None}
    assert Recognition.of_dict("classification", about) == Classification(("a", "b"))


def test_another_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown task 'classify'"):
        Recognition.of_dict("classify", {"classes": ["a", "b"], "multi_label": False})


def test_the_network_of_a_plan_has_a_logit_a_class_and_follows_the_seed() -> None:
    train = part("abc")
    task = Classification(train.classes)
    plan = planning.plan(train, task, machine=Machine(), model="convnet")
    one, again, other = (task.networks(plan, seed)[MODEL] for seed in (1, 1, 2))
    assert one.input_shape == (None, *plan.input_shape)
    assert one.output_shape == (None, 3)
    for same, of in zip(one.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(same, of)
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    assert any(not np.array_equal(*pair) for pair in pairs)
    assert task.kept({MODEL: one}) == {MODEL: one}
