"""The `tfmed` command: lists the pipelines and recipes, or runs a pipeline."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from tfmed import __version__, config, log
from tfmed.errors import ConfigError
from tfmed.pipelines import PIPELINES


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tfmed [NAME ...]`.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The pipeline's exit code, or 2 where there is no such pipeline.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if arguments[0] in ("-V", "--version"):
        print(f"tfmed {__version__}")
        return 0
    try:
        pipeline = config.lookup(PIPELINES, arguments[0], "pipeline")
    except ConfigError as error:
        log.error(str(error))
        return 2
    return int(pipeline(arguments[1:]) or 0)


def _overview() -> str:
    width = max(map(len, PIPELINES))
    lines = [
        f"tfmed {__version__}: from scans to a checked, explained, deployed model",
        "",
        "usage: tfmed PIPELINE [RECIPE.toml] [--flag value ...]",
        "       tfmed PIPELINE --help",
        "",
        "Pipelines:",
        *(f"  {name:{width}}  {_summary(row)}" for name, row in PIPELINES.items()),
    ]
    recipes = config.recipes()
    if recipes:
        lines += ["", "Recipes, each the name of a worked use:", f"  {', '.join(recipes)}"]
    return "\n".join(lines)


def _summary(row: str) -> str:
    """The first line of a pipeline's docstring, read without importing TensorFlow."""
    spec = importlib.util.find_spec(row.partition(":")[0])
    if spec is None or spec.origin is None:
        return "(not in this installation)"
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
