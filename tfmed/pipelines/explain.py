"""Show where a run's network looked: Grad-CAM of its most confident answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from tfmed import config
from tfmed.config import Config as BaseConfig


class Config(BaseConfig):
    """Settings of `explain`."""

    run: Path = Field(description="The run to explain.")
    out: Path = Field(Path("explanations"), description="The folder for the pictures.")
    method: Literal["gradcam"] = Field("gradcam", description="How: Grad-CAM (Selvaraju 2017).")
    count: int = Field(12, ge=1, description="How many right answers, and how many wrong ones.")


DESCRIPTION = """Write pictures of the most confident right and wrong answers, heat beside scan.

Example: `tfmed explain --run runs/classify-chest-1a2b3c4d --out pictures --count 20`.
explanations.csv tells which row of the run's predictions.csv each picture shows."""


def run(settings: Config) -> None:
    """Explain the most confident answers of the part that the run was scored on."""
    import pandas as pd

    from tfmed import log
    from tfmed.pipelines import checks
    from tfmed.run import Run, write_aside
    from tfmed.training import open_study

    checks.writable(settings.out, "--out")
    of, out = Run(settings.run), Run(settings.out)
    study = open_study(of)
    predictions, split = of.read_table("predictions.csv"), of.read_json("scores.json")["split"]
    rows = []
    with log.progress(total=None, what="explaining", unit="images") as bar:
        for answer in study.task.explained(study, predictions, split, settings.count):
            picture = answer.pop("png")
            name = f"row{answer['row'] + 2:06d}_{'right' if answer['right'] else 'wrong'}.png"
            write_aside(out.path(name), partial(Path.write_bytes, data=picture))
            rows.append({"picture": name, **answer, "row": answer["row"] + 2})
            bar.advance()
    out.write_table("explanations.csv", pd.DataFrame(rows))
    log.info(f"{len(rows)} pictures in {settings.out}")


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed explain`."""
    return config.command(Config, run, argv, "explain", DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())
