"""The sides of a comparison, each in a process of its own, taking turns.

Two libraries in one process harm each other: they crash by the order of their loading, share
threads, and read one environment. So a side is a function of a file in this folder, called in a
new process that has its own environment variables; it gives a function that does its work so many
times, and facts of itself. The sides take turns, so that a slow moment of the machine falls on all
of them, and what counts is the median of the rounds' ratios.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import numpy as np

Work = Callable[[int], object]
# What a side's function gives: its work, and facts such as {"parameters": 1000}.
Built = tuple[Work, dict[str, Any]]

# Environments. tfmed turns oneDNN on where TensorFlow does not.
TENSORFLOW = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "1"}
WITHOUT_ONEDNN = {**TENSORFLOW, "TF_ENABLE_ONEDNN_OPTS": "0"}
TORCH = {"OMP_NUM_THREADS": str(machine.cores())}


@dataclass(frozen=True)
class Side:
    """One side before it runs.

    Attributes:
        function: `"file:function"`.
        settings: the function's arguments by name, plain data.
        environment: variables that its process has besides ours.
    """

    function: str
    settings: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """Seconds that one turn took: by the wall's clock, and of all cores."""

    wall: float
    cpu: float


def ours(function: str, settings: Mapping[str, Any]) -> dict[str, Side]:
    """A function of `sides_tfmed.py`, with oneDNN and without."""
    place = f"sides_tfmed:{function}"
    return {
        "tfmed": Side(place, settings, TENSORFLOW),
        "tfmed, oneDNN off": Side(place, settings, WITHOUT_ONEDNN),
    }


def layouts(function: str, settings: Mapping[str, Any]) -> dict[str, Side]:
    """A function of `sides_torch.py`, in both layouts of memory."""
    return {
        f"PyTorch, {name}": Side(
            f"sides_torch:{function}", {**settings, "channels_last": last}, TORCH
        )
        for name, last in (("contiguous", False), ("channels last", True))
    }


class Running:
    """A side's process, built and waiting for its turn."""

    def __init__(self, name: str, side: Side) -> None:
        asked = json.dumps({"function": side.function, "settings": dict(side.settings)})
        self._name = name
        self._process = subprocess.Popen(
            [sys.executable, __file__, asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **side.environment},
        )
        self.facts: dict[str, Any] = self._answer()

    def turn(self, times: int) -> Turn:
        """Let it work so many times."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        return Turn(**self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._name} ended with {self._process.wait()}; see above")
        return json.loads(line)


@contextmanager
def started(sides: Mapping[str, Side]) -> Iterator[dict[str, Running]]:
    """The sides' processes, started one after the other and ended together."""
    running: dict[str, Running] = {}
    try:
        for name, side in sides.items():
            running[name] = Running(name, side)
        yield running
    finally:
        for one in running.values():
            one.close()


def alternate(
    running: Mapping[str, Running], times: Mapping[str, int], rounds: int
) -> dict[str, list[Turn]]:
    """The turns of each side, of as many rounds as were asked for."""
    turns: dict[str, list[Turn]] = {name: [] for name in running}
    for number in range(rounds):
        # Turning the order round keeps any side from always being first.
        for name in list(running)[:: 1 if number % 2 else -1]:
            turns[name].append(running[name].turn(times[name]))
    return turns


def rates(
    running: Mapping[str, Running], rounds: int, seconds: float, least: int = 2
) -> dict[str, np.ndarray]:
    """How often each side does its work in a second, in each round.

    A side's turn is as many times `least` as fill `seconds`, at least one, so that a slow side
    does not make the others wait for minutes.
    """
    times = {}
    for name, one in running.items():
        one.turn(least)  # compiles
        times[name] = least * max(1, round(seconds / one.turn(least).wall))
    turns = alternate(running, times, rounds)
    return {name: times[name] / np.array([turn.wall for turn in turns[name]]) for name in turns}


def same_network(running: Mapping[str, Running]) -> int:
    """The number of the sides' parameters, which must be the same for all."""
    counts = {name: one.facts["parameters"] for name, one in running.items()}
    if len(set(counts.values())) != 1:
        raise SystemExit(f"the networks differ in their numbers of parameters: {counts}")
    return next(iter(counts.values()))


def report(
    running: Mapping[str, Running], found: Mapping[str, np.ndarray], each: float, unit: str
) -> None:
    """Print each side's rate, what its oneDNN is, and how much faster the first side is.

    Args:
        running: the sides; the first is ours, and those named PyTorch are layouts of one peer.
        found: from `rates`.
        each: how many of `unit` the work is, done once.
        unit: of the rate.
    """
    ours, *others = found
    print(f"  on {machine.described()}")
    for name, values in found.items():
        onednn = machine.on_or_off(running[name].facts["onednn"])
        line = f"  {name:42s} oneDNN {onednn:3s} {each * np.median(values):11,.1f} {unit}"
        if name in others:
            line += f"   {ours} is {np.median(found[ours] / values):.2f} times that"
        print(line)
    layouts = [name for name in others if name.startswith("PyTorch")]
    if layouts:
        best = max(layouts, key=lambda name: float(np.median(found[name])))
        ratio = np.median(found[ours] / found[best])
        print(f"  {ours} is {ratio:.2f} times PyTorch's better layout ({best})", flush=True)


def cpu_seconds() -> float:
    """User and system time of this process and all it has started, dead or alive."""
    total = sum(os.times()[:4])
    ticks = os.sysconf("SC_CLK_TCK")
    waiting = [os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            # Threads and processes come and go meanwhile.
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    stat = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                    total += sum(map(int, stat[11:15])) / ticks
                    waiting.append(int(child))
    return total


def _serve(asked: dict[str, Any]) -> None:
    """Be one side: build it, and answer each line of input with the time of a turn."""
    # Whatever a library prints must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    module, _, function = asked["function"].partition(":")
    work, facts = getattr(importlib.import_module(module), function)(**asked["settings"])
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), cpu_seconds()
        work(int(line))
        turn = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
        print(json.dumps(turn), file=answers, flush=True)


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
