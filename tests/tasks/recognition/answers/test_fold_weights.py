"""Class weights of folds."""

from __future__ import annotations

import pytest
from planning.tables import part

from tfmed import planning
from tfmed.tasks import Classification


def test_a_fold_balances_its_own_training_part_alone() -> None:
    whole = part("a" * 12 + "b" * 4)
    plan = planning.plan(whole, Classification(whole.classes))
    table = whole.table.copy()
    table.loc[:7, "split"] = "test"  # 4 of each class are left to train
    assert plan.class_weights == pytest.approx((2 / 3, 2), abs=1e-4)
    assert (
        Classification(whole.classes).of_fold(plan, whole, whole.with_table(table)).class_weights
        == ()
    )


@pytest.mark.parametrize("edited", [(1.0, 5.0), ()])
def test_weights_that_were_edited_stay_in_every_fold(edited: tuple[float, ...]) -> None:
    whole = part("a" * 12 + "b" * 4)
    plan = planning.plan(whole, Classification(whole.classes), class_weights=edited)
    assert Classification(whole.classes).of_fold(plan, whole, whole).class_weights == edited
