"""Only a task's own folder, its command and the table of tasks know a task by name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tfmed
from tfmed.pipelines import PIPELINES
from tfmed.task import TASKS

PACKAGE = Path(tfmed.__file__).parent
# What people call the folder, or the column, of their masks.
WORDS_OF_USERS = {"data/sources/mask_folder.py", "data/sources/mask_table.py"}
FILES = sorted(PACKAGE.rglob("*.py"))


def _names_tasks(file: Path) -> bool:
    """Whether a file may: those of tasks, commands that train one, and the table."""
    parts = file.relative_to(PACKAGE).parts
    is_command = parts[0] == "pipelines" and file.stem in PIPELINES
    of_users = "/".join(parts) in WORDS_OF_USERS
    return parts[0] == "tasks" or parts == ("task.py",) or is_command or of_users


def _words(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every identifier, and every string that stands for itself, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or "", line
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name, line
        elif isinstance(node, ast.alias):
            yield node.name, line
            yield node.asname or "", line
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, line


@pytest.mark.parametrize("file", [one for one in FILES if not _names_tasks(one)], ids=str)
def test_no_other_code_names_a_task(file):
    found = [
        f"line {line}: {word}"
        for word, line in _words(ast.parse(file.read_text("utf-8")))
        if word in TASKS
    ]
    assert not found


@pytest.mark.parametrize("file", FILES, ids=str)
def test_only_tasks_import_tasks(file):
    parts = file.relative_to(PACKAGE).parts
    if parts[0] == "tasks":
        return
    imported = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
        elif isinstance(node, ast.Import):
            imported += [one.name for one in node.names]
    assert not [name for name in imported if name.startswith("tfmed.tasks")]


def test_a_task_named_outside_its_folder_would_be_found():
    name = next(iter(TASKS))
    for text in (
        f"{name} = 1",
        f"def {name}(): pass",
        f"x = '{name}'",
        f"from a import {name}",
        f"f({name}=1)",
        f"x.{name}",
    ):
        assert name in {word for word, _ in _words(ast.parse(text))}
    assert name not in {word for word, _ in _words(ast.parse(f"'''A {name} of images.'''"))}
