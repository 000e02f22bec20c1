"""`Finding`: one thing that a reviewer of data would warn of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEND, CHECK, KNOW = "mend", "check", "know"
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing to know of the data.

    Attributes:
        kind: in one word, for programs.
        level: `mend` (results would be wrong), `check` (they may be) or `know`.
        weight: the heavier is told first.
        text: a sentence with its number.
        advice: what to do.
    """

    kind: str
    level: str
    weight: float
    text: str
    advice: str
