"""A plan whose network fits the time that its steps really take on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tfmed.tasks.segmentation.budget import Budget, Candidate, timed
from tfmed.tasks.segmentation.network_fit import Fitted
from tfmed.tasks.segmentation.plan import SegmentationPlan
from tfmed.tasks.segmentation.topology import Stages

Pace = Callable[[SegmentationPlan], float]

# A second network is timed where the first one's pace made it another; more change little.
ROUNDS = 2


def corrected(
    make: Callable[[Fitted], SegmentationPlan], machine: Fitted, pace: Pace
) -> SegmentationPlan:
    """The plan by the estimate of its steps, made again by their measured time.

    The estimate is right within a third on the processors that it was made on, and off by ten
    times on others; from network to network of one machine its error changes little.

    Args:
        make: plans for a machine.
        machine: with a budget of time.
        pace: seconds of a step of a plan.
    """
    plan = make(machine)
    for _ in range(ROUNDS):
        assert machine.time is not None
        slowness = pace(plan) / estimated(plan, machine.time)
        machine = replace(machine, time=replace(machine.time, slowness=slowness))
        before, plan = plan, make(machine)
        if _network(plan) == _network(before):
            break
    return plan


def estimated(plan: SegmentationPlan, budget: Budget) -> float:
    """Seconds of a plan's training step on so many cores, as its parts say."""
    shape = Stages(plan.patch_size, plan.strides, plan.kernels)
    one = Candidate(shape, plan.features[0], plan.batch_size)
    by_estimate = replace(budget, slowness=1.0)
    return timed(one, plan.channels, len(plan.classes), by_estimate).step_seconds


def _network(plan: SegmentationPlan) -> tuple[object, ...]:
    return plan.patch_size, plan.features, plan.strides, plan.batch_size
