"""Scores of classes in the layout of scores.json."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from tfmed import metrics
from tfmed.errors import DataError
from tfmed.metrics import METRICS
from tfmed.run import Run
from tfmed.tasks.recognition.answers.classes import Classes

TASK = Classes(("normal", "nodule"))


def table(truth, positive, patients=None, **more):
    positive = np.asarray(positive, float)
    count = len(positive)
    return pd.DataFrame(
        {
            "id": [f"e{row}" for row in range(count)],
            "patient": patients or [f"p{row}" for row in range(count)],
            "split": "test",
            "truth": truth,
            "p_normal": 1 - positive,
            "p_nodule": positive,
            **more,
        }
    )


def random_table(count=624, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(2, size=count)
    positive = np.clip(0.4 * truth + 0.6 * generator.random(count), 0, 1)
    return table(np.array(TASK.classes)[truth], positive), truth, positive


def test_the_layout_is_that_of_scores_json(tmp_path):
    predictions, truth, positive = random_table(80)
    scores = TASK.score(predictions, threshold=0.5, resamples=50)
    assert (scores["task"], scores["split"]) == ("classification", "test")
    assert (scores["examples"], scores["patients"], scores["threshold"]) == (80, 80, 0.5)
    assert list(scores["metrics"]) == list(METRICS)
    assert set(scores["metrics"]["auroc"]) == {"value", "low", "high"}
    assert list(scores["per_class"]) == list(TASK.classes)
    assert scores["per_class"]["nodule"]["examples"] == truth.sum()
    assert scores["metrics"]["auroc"]["value"] == pytest.approx(roc_auc_score(truth, positive))
    Run(tmp_path).write_json("scores.json", scores)
    assert json.loads((tmp_path / "scores.json").read_text())["examples"] == 80


def test_intervals_hold_their_value_and_follow_the_seed():
    predictions, _, _ = random_table(100)
    first = TASK.score(predictions, threshold=0.5, resamples=200, seed=1)["metrics"]
    assert first == TASK.score(predictions, threshold=0.5, resamples=200, seed=1)["metrics"]
    assert first != TASK.score(predictions, threshold=0.5, resamples=200, seed=2)["metrics"]
    assert first["auroc"]["low"] < first["auroc"]["value"] < first["auroc"]["high"]


def test_a_thousand_resamples_of_624_patients_are_scored_in_one_call(monkeypatch):
    predictions, _, _ = random_table(624)
    weighted = []
    ours = metrics.compute_with_classes

    def watched(*answers, weights, **options):
        weighted.append(weights.shape)
        return ours(*answers, weights=weights, **options)

    monkeypatch.setattr(metrics, "compute_with_classes", watched)
    TASK.score(predictions, threshold=0.5)
    assert weighted == [(1, 624), (1000, 624)]


def test_shuffled_labels_give_an_auroc_interval_that_holds_one_half():
    predictions, _, _ = random_table(300)
    predictions["truth"] = predictions["truth"].sample(frac=1, random_state=0).to_numpy()
    auroc = TASK.score(predictions, threshold=0.5, resamples=300)["metrics"]["auroc"]
    assert auroc["low"] < 0.5 < auroc["high"]


def test_rows_without_truth_are_left_out():
    predictions, _, _ = random_table(60)
    blank = table([None, ""], [0.9, 0.1])
    scores = TASK.score(pd.concat([predictions, blank]), threshold=0.5, resamples=20)
    assert scores["examples"] == 60


def test_a_subgroup_of_one_class_is_undefined_and_not_zero():
    scores = TASK.score(
        table(["normal"] * 5, np.linspace(0.1, 0.4, 5)), threshold=0.5, resamples=20
    )
    assert np.isnan(list(scores["metrics"]["auroc"].values())).all()
    assert scores["metrics"]["accuracy"]["value"] == 1
    assert np.isnan(scores["per_class"]["nodule"]["recall"]["value"])


def test_patients_probabilities_are_averaged():
    predictions = table(
        ["normal", "normal", "nodule", "nodule"], [0.2, 0.6, 0.3, 0.9], ["a", "a", "b", "b"]
    )
    scores = TASK.score(predictions, threshold=0.5, resamples=20)
    # By image 0.6 stands over 0.3; by patient 0.4 and 0.6 are apart.
    assert scores["metrics"]["auroc"]["value"] == pytest.approx(0.75)
    assert scores["per_patient"]["auroc"]["value"] == 1
    assert scores["per_patient"]["accuracy"]["value"] == 1
    assert scores["patients"] == 2


@pytest.mark.parametrize(
    ("patients", "why"), [(["a", "b"], "more than one example"), (["a", "a"], "different labels")]
)
def test_per_patient_says_why_it_is_undefined(patients, why):
    scores = TASK.score(
        table(["normal", "nodule"], [0.2, 0.8], patients), threshold=0.5, resamples=5
    )
    assert why in scores["per_patient"]["undefined"]


def test_calls_come_from_the_prediction_column_where_there_is_one():
    predictions = table(["normal", "nodule"], [0.4, 0.3], prediction=["normal", "nodule"])
    scores = TASK.score(predictions, threshold=None, resamples=5)
    assert scores["metrics"]["accuracy"]["value"] == 1
    assert scores["metrics"]["accuracy_at_half"]["value"] == 0.5


def test_scores_are_equal_after_predictions_went_through_the_run_folder(tmp_path):
    task = Classes(("mass", "edema"), multi_label=True)
    generator = np.random.default_rng(0)
    predictions = pd.DataFrame(
        {
            "id": [f"e{row}" for row in range(40)],
            "patient": [f"p{row // 2}" for row in range(40)],
            "split": "test",
            "truth": generator.choice(["mass", "", "edema", "mass|edema"], 40),
            "prediction": generator.choice(["mass", "", "mass|edema"], 40),
            "p_mass": generator.random(40),
            "p_edema": generator.random(40),
            "unknown": generator.choice(["", "edema"], 40),
        }
    )
    predictions.loc[0, ["truth", "unknown"]] = [None, "mass|edema"]
    run = Run(tmp_path)
    run.write_table("predictions.csv", predictions)
    before = task.score(predictions, threshold=[0.5, 0.5], resamples=20)
    after = task.score(run.read_table("predictions.csv"), threshold=[0.5, 0.5], resamples=20)
    assert before["examples"] == 39
    assert before["metrics"]["auroc"] == pytest.approx(after["metrics"]["auroc"])
    assert before["per_class"]["mass"]["recall"] == after["per_class"]["mass"]["recall"]


def test_parts_that_are_mixed_are_named_all():
    predictions, _, _ = random_table(20)
    predictions.loc[0, "split"] = "val"
    assert TASK.score(predictions, threshold=0.5, resamples=2)["split"] == "all"


def test_nothing_to_score_is_refused():
    with pytest.raises(DataError, match="nothing to score"):
        TASK.score(table([None], [0.5]), threshold=0.5)
