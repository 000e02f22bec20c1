"""The one body of training: the time of each fold, and of made-up data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planning.tables import part

from tfmed.data.dataset import Dataset
from tfmed.pipelines import train
from tfmed.pipelines.flags import TrainingSettings
from tfmed.run import Run


@pytest.mark.parametrize(
    ("minutes", "spent", "given"),
    [
        # 9 minutes: 3; of the 8 left 4; of the 2 left 2.
        (9.0, [60.0, 360.0, 60.0], [3.0, 4.0, 2.0]),
        # The first took all: those that follow still begin.
        (3.0, [240.0, 0.6, 0.6], [1.0, 0.01, 0.01]),
        (None, [60.0, 60.0, 60.0], [None, None, None]),
    ],
)
def test_what_earlier_folds_have_left_of_the_time_is_shared_out(
    minutes: float | None, spent: list[float], given: list[float | None], tmp_path: Path
) -> None:
    whole, left = part("ab" * 18), iter(spent)
    settings = TrainingSettings(folds=3, max_minutes=minutes)
    asked: list[float | None] = []
    held: list[set[str]] = []

    def fit(member: Run, inner: Dataset, rows: np.ndarray, limit: float | None) -> float:
        asked.append(limit)
        assert list(whole.table["id"].iloc[rows]) == list(inner.table["id"])
        held.append(set(member.read_table("held.csv")["id"]))
        assert held[-1] == set(inner.part("test").table["id"])
        return next(left)

    total = train._train_folds(Run(tmp_path), whole, settings, fit)
    assert asked == pytest.approx(given) if minutes else asked == given
    assert total == pytest.approx(sum(spent))
    assert set.union(*held) == set(whole.table["id"]) and sum(map(len, held)) == len(whole)


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"data": "synthetic:nodules"}, train.SYNTHETIC_SECONDS),
        ({"data": "scans"}, None),
        ({"data": "scans", "max_minutes": 6.0}, 360.0),
        ({"data": "synthetic:nodules", "max_minutes": 6.0, "folds": 3}, 120.0),
    ],
)
def test_a_plan_is_made_for_the_time_of_one_network(
    settings: dict[str, object], seconds: float | None
) -> None:
    assert train._seconds_to_train(TrainingSettings(**settings)) == seconds
