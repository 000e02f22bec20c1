"""Train a classifier: from scans to a validated, explained, exported model."""

from __future__ import annotations

from collections.abc import Sequence

from tfmed import config
from tfmed.pipelines.flags import TrainingSettings


class Config(TrainingSettings):
    """Settings of `classify`."""


DESCRIPTION = """From a folder of scans to a trained, validated, explained and exported classifier.

Examples: `tfmed classify` (made-up CT), `tfmed classify --data chest_xray/ --max-minutes 30`,
`tfmed classify --data scans/ --table labels.csv --label-column finding --folds 5`.
The same command goes on where it stopped. Research use; not a medical device."""


def run(settings: Config) -> None:
    """The whole way; see `train.run`."""
    from tfmed.pipelines import train

    train.run("classify", "classification", settings)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed classify`."""
    return config.command(Config, run, argv, "classify", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
