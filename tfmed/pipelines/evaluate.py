"""Score a run or an export on other labelled scans, with intervals and a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tfmed import config
from tfmed.pipelines.predict import Config as PredictConfig


class Config(PredictConfig):
    """Settings of `evaluate`."""

    out: Path = Field(Path("evaluation"), description="The folder for scores.json and report.html.")
    classes: tuple[str, ...] = Field(
        (), description="Of masks: names of their values, as liver=1; else as in training."
    )


DESCRIPTION = """Score a model on labelled scans: predictions.csv, scores.json, report.html.

Example: `tfmed evaluate --model runs/chest --data other_hospital/ --out external`.
Threshold and temperature stay as they were locked on the model's own validation part."""


def run(settings: Config) -> None:
    """Read the scans, ask the model, score its answers, write the report."""
    from tfmed import log
    from tfmed.pipelines import checks
    from tfmed.pipelines.ask import open_trained, write_answers
    from tfmed.run import Run

    checks.writable(settings.out, "--out")
    trained, out = open_trained(settings.model), Run(settings.out)
    dataset = trained.to_score(settings, settings.classes)
    predictions, dataset = trained.answers(dataset, out, settings.explain)
    scores = trained.scores(predictions, dataset)
    write_answers(out, predictions, dataset)
    out.write_json("scores.json", scores)
    log.info(f"report: {trained.report(out, dataset, predictions, scores)}")


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed evaluate`."""
    return config.command(Config, run, argv, "evaluate", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
