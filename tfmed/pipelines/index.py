"""Audit scans before training: list and read them, and show what to know of them on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tfmed import config
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError
from tfmed.pipelines.flags import DataSettings


class Config(DataSettings):
    """Settings of `index`."""

    out: Path | None = Field(
        None, description="The folder for audit.html and the index; by default audits/SOURCE-HASH."
    )
    no_pixels: bool = Field(
        False, description="Read headers only: quick, but copies and damaged pixels are not found."
    )
    to_tfds: Path | None = Field(
        None, description="Write the data also as a TFDS data set, below this folder."
    )
    cache_clear: bool = Field(
        False,
        description="Forget what earlier commands kept of scans; with no other flag, only that.",
    )


DESCRIPTION = """Read scans once and show what a careful reviewer would warn of: audit.html.

Examples: `tfmed index` (made-up CT), `tfmed index --data chest_xray/ --out audits/chest`,
`tfmed index --data scans/ --table labels.csv --label-column finding`, `tfmed index --cache-clear`.
The page tells counts, scanners, copies, suspicious labels, and confounders: header fields that
alone predict the label. Beside it: index.parquet, dataset.json, rejects.csv, audit.json."""

SHOWN = 5


def run(settings: Config) -> None:
    """List and read the scans, keep the index, write the page; then judge the rejects."""
    from tfmed import log
    from tfmed.data import auditing
    from tfmed.data.stored import store
    from tfmed.evaluation import data_page
    from tfmed.pipelines import checks
    from tfmed.pipelines.listing import open_data
    from tfmed.run import Run

    if settings.cache_clear:
        _clear()
        if settings == Config(cache_clear=True, debug=settings.debug):
            return
    if settings.to_tfds and settings.no_pixels:
        raise ConfigError("--to-tfds writes pixels: leave out --no-pixels")
    folder = settings.out or _folder(settings)
    checks.writable(folder, "--out")
    out = Run(folder)
    dataset = auditing.audit(open_data(settings), pixels=not settings.no_pixels)
    store(out, dataset)
    if not len(dataset):
        auditing.limit_rejects(dataset, settings.max_rejects)
    page = data_page.write(out, dataset, settings.seed)
    for finding in out.read_json("audit.json")["findings"][:SHOWN]:
        log.info(f"{finding['level']}: {finding['text']}")
    log.info(f"audit: {page}")
    if settings.to_tfds:
        _write_tfds(dataset, settings.to_tfds)
    auditing.limit_rejects(dataset, settings.max_rejects)


def _folder(settings: Config) -> Path:
    """`audits/SOURCE-HASH`."""
    return Path("audits") / config.run_folder("index", settings).name.removeprefix("index-")


def _clear() -> None:
    """Remove the facts and the images that earlier commands kept; scans and runs stay."""
    from tfmed import log
    from tfmed.data import known

    log.quiet_tensorflow()
    from tfmed import feed

    facts, images = known.clear(), feed.clear()
    log.info(f"freed {facts / 1e6:,.1f} MB of facts and {images / 1e6:,.1f} MB of images")
    if left := feed.size():
        log.warning(f"{left / 1e6:,.1f} MB of images are in use by another command, and stay")


def _write_tfds(dataset: Dataset, folder: Path) -> None:
    from tfmed import log
    from tfmed.data import to_tfds

    written = to_tfds.write(dataset, folder)
    log.info(f"TFDS: {written.facts['tfds']}")
    if lost := len(written.rejects) - len(dataset.rejects):
        log.warning(f"{lost:,} examples could not be read again, and are not in it")


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed index`."""
    return config.command(Config, run, argv, "index", DESCRIPTION, tensorflow=False)


if __name__ == "__main__":
    raise SystemExit(main())
