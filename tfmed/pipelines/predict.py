"""Answer for new scans with a run or an export; labels are not needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tfmed import config
from tfmed.pipelines.flags import DataSettings


class Config(DataSettings):
    """Settings of `predict`."""

    model: Path = Field(description="A run, or an export such as savedmodels/NAME/1.")
    data: str = Field(description=DataSettings.model_fields["data"].description)
    out: Path = Field(Path("predictions"), description="The folder for predictions.csv and masks.")
    explain: bool = Field(
        False, description="Of masks: write pictures of where their evidence lies (Grad-CAM)."
    )


DESCRIPTION = """Write predictions.csv: each class's probability for every scan; or its mask.

Example: `tfmed predict --model savedmodels/chest/1 --data new_scans/ --out answers`.
Files that cannot be read are listed in rejects.csv. Research use; not a medical device."""


def run(settings: Config) -> None:
    """Read the scans, ask the model, write the answers."""
    from tfmed.pipelines import checks
    from tfmed.pipelines.ask import open_trained, write_answers
    from tfmed.run import Run

    checks.writable(settings.out, "--out")
    trained, out = open_trained(settings.model), Run(settings.out)
    write_answers(out, *trained.answers(trained.to_answer(settings), out, settings.explain))


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed predict`."""
    return config.command(Config, run, argv, "predict", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
