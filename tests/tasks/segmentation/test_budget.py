"""What fits a time, and what gives way."""

from __future__ import annotations

import pytest

from tfmed.tasks.segmentation.budget import Budget, Candidate, scaled
from tfmed.tasks.segmentation.topology import Stages, shrunk, stages

CUBE = (1.0, 1.0, 1.0)


def candidate(side: int = 64, batch_size: int = 4, cores: int = 2) -> Candidate:
    """With the seconds of a step, and time for as many of them as one may want."""
    one = Candidate(stages(CUBE, (side,) * 3), 32, batch_size)
    return scaled(one, Budget(1e9, cores), halved, channels=1, classes=2)


def halved(shape: Stages) -> Stages | None:
    return shrunk(shape, CUBE, (64, 64, 64))


def scaled_to(seconds: float, begin: Candidate, **settings: bool) -> Candidate:
    budget = Budget(seconds, cores=2)
    return scaled(begin, budget, halved, channels=1, classes=2, **settings)


def test_steps_wanted_grow_with_the_square_root_of_the_time() -> None:
    assert Budget(100, 2).wanted_steps == 400
    assert Budget(400, 2).wanted_steps == 800


def test_a_fifth_of_the_time_is_left_for_validation() -> None:
    one = Candidate(stages(CUBE, (16, 16, 16)), 8, 2, step_seconds=0.5)
    assert one.steps(Budget(100, 2)) == 160
    assert one.steps(Budget(0.1, 2)) == 1


def test_a_step_takes_less_with_more_cores_or_fewer_patches() -> None:
    slow, fast = candidate(cores=1), candidate(cores=4)
    # All but the 0.02 s that every step takes is shared.
    assert slow.step_seconds - 0.02 == pytest.approx(4 * (fast.step_seconds - 0.02))
    assert candidate(batch_size=2).step_seconds < candidate().step_seconds


def test_with_time_enough_nothing_gives_way() -> None:
    begin = candidate()
    assert scaled_to(1e6, begin) == begin


def test_the_batch_gives_way_first_then_the_width_then_the_patch() -> None:
    begin = candidate(side=128)
    seen = []
    for seconds in (40_000, 20_000, 7_000, 600, 60, 1):
        one = scaled_to(seconds, begin)
        seen.append((one.batch_size, one.first_features, one.shape.patch_size[0]))
    assert seen == sorted(seen, reverse=True)
    assert seen[0] != (4, 32, 128)
    assert seen[1][1] == 16 or seen[1][0] == 2
    assert seen[-1][:2] == (2, 8)


def test_enough_steps_fit_wherever_the_smallest_is_not_reached() -> None:
    for seconds in (20_000, 2_000, 500):
        one, budget = scaled_to(seconds, candidate(side=128)), Budget(seconds, cores=2)
        assert one.steps(budget) >= budget.wanted_steps


def test_the_smallest_network_is_taken_where_nothing_fits() -> None:
    least = scaled_to(1, candidate())
    assert least.steps(Budget(1, 2)) < Budget(1, 2).wanted_steps
    assert (least.first_features, least.batch_size) == (8, 2)


def test_a_users_batch_stays() -> None:
    assert scaled_to(1, candidate(batch_size=7), fixed_batch=True).batch_size == 7
