"""A plan that takes the measured time of its steps for the estimated."""

from __future__ import annotations

import pytest
from tasks.segmentation.fingerprints import cpu, plan, seen

from tfmed.tasks.segmentation.network_fit import Fitted
from tfmed.tasks.segmentation.network_pace import corrected, estimated
from tfmed.tasks.segmentation.plan import SegmentationPlan

CASES = seen((36, 50, 35), (1.0, 1.0, 1.0), cases=260)


def make(machine: Fitted) -> SegmentationPlan:
    return plan(CASES, machine)


@pytest.mark.parametrize("slowness", [0.25, 1.0, 8.0])
def test_steps_are_as_many_as_really_fit(slowness: float) -> None:
    timed = []

    def pace(of: SegmentationPlan) -> float:
        # The true time is the estimate's times the slowness: as its parts say, of 2 cores.
        timed.append(of)
        budget = cpu(10).time
        assert budget is not None
        return slowness * estimated(of, budget)

    made = corrected(make, cpu(10), pace)
    steps = made.epochs * made.steps_per_epoch
    assert 0.8 * 600 / pace(made) == pytest.approx(steps, rel=0.1)
    assert len(timed) <= 3
    if slowness == 1.0:
        assert made == make(cpu(10))
    if slowness == 8.0:
        assert made.features[0] < make(cpu(10)).features[0] or made.batch_size < 9
