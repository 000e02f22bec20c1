"""Export a run again: SavedModel and TFLite files, proven equal to the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tfmed import config
from tfmed.config import Config as BaseConfig


class Config(BaseConfig):
    """Settings of `export`."""

    run: Path = Field(description="The run to export.")
    export: Path = Field(Path("savedmodels"), description="The folder that models are exported to.")
    name: str | None = Field(None, description="The model's name; by default the run's.")


DESCRIPTION = """Write the next version of a model: SavedModel, TFLite, card, checksums.

Example: `tfmed export --run runs/classify-chest-1a2b3c4d --export /models --name chest`.
The export is compared with the run on its own scans, and is not written where they differ."""


def run(settings: Config) -> None:
    """Rebuild the run's study and export it."""
    from tfmed import log
    from tfmed.export import saved_model
    from tfmed.pipelines import checks
    from tfmed.run import Run

    checks.writable(settings.export, "--export")
    name = settings.name or settings.run.resolve().name
    log.info(f"export: {saved_model(Run(settings.run), settings.export / name)}")


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed export`."""
    return config.command(Config, run, argv, "export", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
