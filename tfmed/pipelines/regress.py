"""Train a network that estimates a number: from scans to a validated, exported model."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from tfmed import config
from tfmed.pipelines.flags import TrainingSettings


class Config(TrainingSettings):
    """Settings of `regress`."""

    data: str = Field(
        "synthetic:wrists",
        description=(
            "Where the scans are: a folder with --table, a CSV file with a column of numbers, a "
            "MedMNIST .npz, or synthetic:wrists."
        ),
    )
    label_column: tuple[str, ...] = Field(
        (), description="The column with the number, as bone_age; else found by its name."
    )


DESCRIPTION = """From scans with a number each (bone age, ejection fraction, density) to a trained,
validated and exported network that estimates it, with calibrated intervals.

Examples: `tfmed regress` (made-up wrists), `tfmed regress --data hands/ --table ages.csv
--label-column bone_age --max-minutes 30`.
The same command goes on where it stopped. Research use; not a medical device."""


def run(settings: Config) -> None:
    """The whole way; see `train.run`."""
    from tfmed.pipelines import train

    train.run("regress", "regression", settings)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed regress`."""
    return config.command(Config, run, argv, "regress", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
