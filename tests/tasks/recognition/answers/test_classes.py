"""Which of the classes: settings of a plan, probabilities, what is chosen, predictions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.special
from planning.tables import part

from tfmed import planning
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.planning import Machine
from tfmed.tasks.recognition.answers.classes import Classes
from tfmed.tasks.recognition.task import Recognition

NAN = float("nan")
BINARY = Classes(("normal", "nodule"))
LABELS = Classes(("mass", "edema", "hernia"), multi_label=True)


def settings(loss="cross_entropy", weights=()):
    """What the loss looks at of a plan."""
    return SimpleNamespace(loss=loss, label_smoothing=0.0, class_weights=weights)


def dataset(task, labels, unknown=None, patients=None):
    count = len(labels)
    table = pd.DataFrame(
        {
            "id": [f"e{row}" for row in range(count)],
            "patient": patients or [f"p{row}" for row in range(count)],
            "split": "test",
            "label": labels,
            "unknown": unknown or [""] * count,
        }
    )
    return Dataset(table, task.classes, "made", task.multi_label)


def test_probabilities_are_those_of_scipy_and_temperature_divides_logits():
    logits = np.array([[800.0, -800.0], [1.0, 3.0]])
    np.testing.assert_allclose(
        BINARY.probabilities(logits, 2.0), scipy.special.softmax(logits / 2, axis=1)
    )
    two = Classes(("a", "b"), multi_label=True)
    np.testing.assert_allclose(two.probabilities(logits, 2.0), scipy.special.expit(logits / 2))


def test_the_loss_follows_the_plan():
    targets, logits = np.float32([[0, 1]]), np.float32([[0, 0]])
    loss = BINARY.loss(settings("cross_entropy"))
    assert loss(targets, logits).numpy() == pytest.approx([np.log(2)])
    focal = BINARY.loss(settings("focal"))
    assert focal(targets, logits).numpy() == pytest.approx([np.log(2) / 4])


def test_labels_are_weighed_in_the_loss_and_exclusive_classes_by_example():
    targets, logits = np.float32([[1, 1, 1]]), np.zeros((1, 3), np.float32)
    weighed = LABELS.loss(settings(weights=(3.0, 0.0, 0.0)))(targets, logits)
    plain = LABELS.loss(settings())(targets, logits)
    np.testing.assert_allclose(weighed, plain)
    sure = np.float32([[20, 0, 0]])
    assert LABELS.loss(settings(weights=(3.0, 0.0, 0.0)))(targets, sure).numpy() < 1e-6
    two = np.float32([[0, 1]])
    np.testing.assert_allclose(BINARY.weights(two, settings(weights=(0.5, 1.5))), [1.5])
    np.testing.assert_allclose(
        BINARY.loss(settings(weights=(0.5, 1.5)))(two, logits[:, :2]), [np.log(2)], rtol=1e-6
    )


def test_weights_of_other_classes_are_refused():
    with pytest.raises(ConfigError, match="class_weights has 1 number for 3 classes"):
        LABELS.loss(settings(weights=(1.0,)))
    with pytest.raises(ConfigError, match="class_weights has 3 numbers for 2 classes"):
        BINARY.loss(settings(weights=(1.0, 2.0, 3.0)))


def test_a_fold_has_weights_of_its_own_part_unless_they_were_edited():
    whole, fold = part("aaab"), part("aaaab")
    task = Recognition(Classes(whole.classes))
    plan = planning.plan(whole, task, machine=Machine())
    assert plan.class_weights == pytest.approx((2 / 3, 2), abs=1e-4)
    # N / (K n) of the fold: 5 / (2 * 4) and 5 / (2 * 1).
    assert task.of_fold(plan, whole, fold).class_weights == pytest.approx((5 / 8, 5 / 2))
    edited = plan.model_copy(update={"class_weights": (1.0, 9.0)})
    assert task.of_fold(edited, whole, fold) == edited


def test_watched_values_leave_unknown_examples_out():
    targets = np.float32([[1, 0], [0, 1], [NAN, NAN]])
    found = BINARY.watch(targets, np.float32([[2, 0], [0, 2], [9, 0]]))
    assert found["auroc"] == 1
    assert found["accuracy_at_half"] == 1
    assert found["loss"] == pytest.approx(np.log1p(np.exp(-2)), rel=1e-5)


def test_watching_nothing_known_is_undefined():
    assert all(np.isnan(list(BINARY.watch(np.full((2, 2), NAN), np.zeros((2, 2))).values())))


def test_thresholds_are_one_for_two_classes_none_for_three_and_one_a_label():
    truth, probabilities = np.eye(2), np.array([[0.8, 0.2], [0.3, 0.7]])
    assert BINARY.choose_threshold(truth, probabilities) == pytest.approx(0.45)
    three = Classes(("a", "b", "c"))
    assert three.choose_threshold(np.eye(3), np.eye(3)) is None
    two = Classes(("a", "b"), multi_label=True)
    assert two.choose_threshold(truth, probabilities) == pytest.approx([0.55, 0.45])


def test_predictions_follow_the_threshold_and_keep_class_order():
    data = dataset(BINARY, ["normal", None, "nodule"])
    table = BINARY.table(data, np.array([[0.7, 0.3], [0.8, 0.2], [0.1, 0.9]]), 0.25)
    assert list(table) == ["id", "patient", "split", "truth", "prediction", "p_normal", "p_nodule"]
    assert table["prediction"].tolist() == ["nodule", "normal", "nodule"]
    assert table["truth"].isna().tolist() == [False, True, False]


def test_multi_label_predictions_are_joined_and_tell_what_is_unknown():
    data = dataset(LABELS, ["mass", None], ["edema", ""])
    table = LABELS.table(data, np.array([[0.9, 0.2, 0.6], [0.1, 0.1, 0.1]]), None)
    assert table["prediction"].tolist() == ["mass|hernia", ""]
    assert table["unknown"].tolist() == ["edema", "mass|edema|hernia"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"classes": ("a",)}, "at least 2"),
        ({"classes": ("a", "a")}, "all unlike"),
        ({"classes": (), "multi_label": True}, "at least 1"),
    ],
)
def test_wrong_settings_are_refused(options, text):
    with pytest.raises(ConfigError, match=text):
        Classes(**{"classes": ("a", "b"), **options})


def test_plain_data_makes_the_same_answer_again():
    for answer in (BINARY, LABELS):
        assert Classes.of_dict(answer.to_dict()) == answer


def test_the_operating_point_of_folds_is_the_mean_of_theirs():
    assert BINARY.together([{"threshold": 0.4}, {"threshold": 0.5}]) == pytest.approx(0.45)
    folds = [{"threshold": [0.2, 0.6]}, {"threshold": [0.4, 0.8]}]
    assert LABELS.together(folds) == pytest.approx([0.3, 0.7])
    assert BINARY.together([{"threshold": None}, {"threshold": None}]) is None


def test_labels_that_the_model_does_not_know_are_refused_where_they_are_scored():
    data = dataset(Classes(("normal", "mass")), ["normal", "mass"])
    with pytest.raises(DataError, match="the class 'mass', the model knows normal, nodule"):
        BINARY.fitting(data, scored=True)
    bare = BINARY.fitting(data, scored=False)
    assert not bare.labelled
    assert len(bare) == 2
    known = dataset(BINARY, ["normal"])
    assert BINARY.fitting(known, scored=True) is known
