"""Network, size, length and average of a training that fits the time there is.

A short budget is to give a finished small model, not the beginning of a large one: so the network
becomes smaller until enough of its steps fit, and the schedule is as long as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tfmed.planning import Choices, Machine, chosen
from tfmed.planning.step_times import MOST_SECONDS, TRAINING_SHARE, ema_decay
from tfmed.tasks.recognition.plan import RecognitionPlan

Pace = Callable[[RecognitionPlan], float]

# Images that a network has to see before its scores are worth reading, where so many rounds
# over the data do not pass the planner's own number of epochs.
WANTED_IMAGES = 12_000
SHRINKING = (0.75, 0.5)
LEAST_SIDE = 48
SMALLEST = "convnet"
# The clock ends a limited training: the machine may be faster than it was when it was timed.
SPARE = 1.5


@dataclass(frozen=True)
class TimedPlan:
    """A plan's choices, and how many of its steps fit.

    Attributes:
        choices: of the plan.
        batch: examples a step.
        step_seconds: measured.
        steps: that fit the time.
    """

    choices: Choices
    batch: int
    step_seconds: float
    steps: int


def fitted(
    choices: Choices, asked: set[str], examples: int, machine: Machine, pace: Pace
) -> Choices:
    """The choices with what follows from the time that a step takes here.

    Args:
        choices: of the plan, as for any machine.
        asked: names of those that are the user's.
        examples: of the training part.
        machine: and the seconds that it has.
        pace: seconds of a step of a plan.
    """
    batch = min(choices["batch_size"][0], examples)
    epoch = math.ceil(examples / batch)
    whole = choices["epochs"][0] * epoch
    begun = _timed(choices, batch, machine.seconds or MOST_SECONDS, pace)
    if machine.seconds is None or "epochs" in asked:
        seconds = whole * begun.step_seconds / TRAINING_SHARE
        if machine.accelerated or seconds <= MOST_SECONDS or "epochs" in asked:
            value, why = choices["epochs"]
            return choices | {
                "epochs": (value, f"{why}; about {_minutes(seconds)} on this machine")
            }
        why = f"{choices['epochs'][0]} epochs would take about {_minutes(seconds)} on this machine"
    else:
        why = ""
    wanted = min(whole, math.ceil(WANTED_IMAGES / batch))
    best, left = begun, list(_smaller(choices, asked))
    for number, smaller in enumerate(left, start=1):
        if best.steps >= wanted:
            break
        # Timing takes seconds too: what by its size cannot be enough is passed over.
        shrunk = math.prod(choices["size"][0]) / math.prod(smaller["size"][0])
        if number < len(left) and begun.steps * shrunk < wanted:
            continue
        best = _timed(smaller, batch, machine.seconds or MOST_SECONDS, pace)
    return best.choices | _length(best, begun, epoch, whole, machine, why, asked)


def _timed(choices: Choices, batch: int, seconds: float, pace: Pace) -> TimedPlan:
    one = pace(chosen(RecognitionPlan, choices))
    return TimedPlan(choices, batch, one, max(int(TRAINING_SHARE * seconds / one), 1))


def _smaller(choices: Choices, asked: set[str]) -> Iterator[Choices]:
    """Ever cheaper networks: smaller images, then a smaller network; what the user set stays."""
    now, (size, why) = choices, choices["size"]
    if "size" not in asked:
        planar = size[1:] if choices["sampled"][0] else size
        for share in SHRINKING:
            if max(planar) * share < LEAST_SIDE:
                break
            sides = tuple(max(1, round(side * share)) for side in planar)
            short = f"{why}; {' x '.join(map(str, sides))}, as the time is short (see epochs)"
            now = {**now, "size": ((*size[: len(size) - len(planar)], *sides), short)}
            yield now
    if "model" not in asked and now["model"][0] != SMALLEST and now["weights"][0] == "none":
        yield {**now, "model": (SMALLEST, "the smallest, as the time is short (see epochs)")}


def _length(
    best: TimedPlan,
    begun: TimedPlan,
    epoch: int,
    whole: int,
    machine: Machine,
    why: str,
    asked: set[str],
) -> Choices:
    """Epochs, patience and the moving average of a training of so many steps."""
    steps = min(best.steps, whole)
    spare = SPARE if machine.limited else 1.0
    epochs = max(min(round(spare * best.steps / epoch), whole // epoch), 1)
    seconds = machine.seconds or MOST_SECONDS
    told = f"about {best.steps:,} steps of {best.step_seconds:.2g} s fit {_minutes(seconds)}"
    if best is not begun:
        told += f", where {begun.steps:,} of {begun.step_seconds:.2g} s would as planned first"
    if machine.limited:
        told += "; the clock ends training"
    decay = ema_decay(steps, begun.choices["ema_decay"][0])
    found: Choices = {
        "epochs": (epochs, "; ".join(part for part in (why, told) if part)),
        "patience": (max(epochs // 2, 1), "half the epochs: weights settle as the rate falls"),
        "ema_decay": (decay, f"an average over the last of about {steps:,} steps is kept"),
    }
    return {name: value for name, value in found.items() if name not in asked}


def _minutes(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.3g} minutes"
