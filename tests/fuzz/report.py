"""Counts of what came of damaged files, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from fuzz.running import FAILURES, Result

OUTCOMES = ("equal", "refused", "changed", "lost")


def share_reported(results: Sequence[Result], *, lost_counts_as_told: bool = False) -> float:
    """Of the damage that changed what is read, the share that was told of; nan for none.

    `refused / (refused + changed + lost)`: cases in which the pixels are those of the whole
    file do not count, nor do failures.
    """
    counts = Counter(result.outcome for result in results)
    differing = counts["refused"] + counts["changed"] + counts["lost"]
    told = counts["refused"] + (counts["lost"] if lost_counts_as_told else 0)
    return told / differing if differing else float("nan")


def tables(results: Sequence[Result]) -> str:
    """One table each by format, by place and by mutation."""
    by: dict[str, Callable[[Result], str]] = {
        "format": lambda result: result.case.source.format,
        "place": lambda result: result.case.place,
        "mutation": lambda result: result.case.mutation,
    }
    return "\n\n".join(_table(title, results, key) for title, key in by.items())


def _table(title: str, results: Sequence[Result], key: Callable[[Result], str]) -> str:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    head = f"{title:<20} {'cases':>6}" + "".join(f" {name:>8}" for name in OUTCOMES)
    lines = [f"{head} {'failures':>8} {'reported':>9}"]
    rows = [*sorted(groups.items()), *([("all", list(results))] if len(groups) > 1 else [])]
    lines += [_row(name, group) for name, group in rows]
    return "\n".join(lines)


def _row(name: str, results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    numbers = "".join(f" {counts[outcome]:>8}" for outcome in OUTCOMES)
    failures = sum(counts[outcome] for outcome in FAILURES)
    share = f"{share_reported(results):>9.1%}".replace("nan%", "   -")
    return f"{name:<20} {len(results):>6}{numbers} {failures:>8} {share}"
