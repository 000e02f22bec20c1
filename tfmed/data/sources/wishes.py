"""What a user asks of a source beside its place, and the refusal of what it cannot do."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from tfmed.errors import ConfigError


@dataclass(frozen=True)
class Wishes:
    """How a source is to be read; the arguments of `tfmed.data.open`."""

    table: Path | None = None
    path_column: str | None = None
    label_columns: tuple[str, ...] = ()
    patient_column: str | None = None
    split_column: str | None = None
    unit: str = "auto"
    on_geometry: str = "reject"
    seed: int = 0
    truth: str = "label"
    classes: tuple[str, ...] = ()

    def refuse(self, what: str, *names: str) -> None:
        """Refuse wishes that a source would silently ignore.

        Args:
            what: the source in words, as `"an npz file"`.
            *names: of the wishes that mean nothing there.

        Raises:
            ConfigError: one of them was set.
        """
        default = {item.name: item.default for item in fields(self)}
        for name in names:
            if getattr(self, name) != default[name]:
                flag = "--" + name.replace("_columns", "_column").replace("_", "-")
                raise ConfigError(f"{what} takes no {flag}; leave it out")

    def refuse_table(self, what: str) -> None:
        """Refuse the table, its columns and the unit, for sources that bring their labels."""
        columns = ("path_column", "label_columns", "patient_column", "split_column")
        self.refuse(what, "table", *columns, "unit", "on_geometry")
