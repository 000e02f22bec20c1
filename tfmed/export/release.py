"""The version folder of an export: filled under a name that no server reads, renamed when whole."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tfmed.errors import ExportError
from tfmed.run import sweep, write_text

CHECKSUMS = "SHA256SUMS"
# The machine's name, so that on a shared disk no other machine's draft is taken for a dead one.
_DRAFT = f".draft-{platform.node()}-"


@dataclass
class Draft:
    """An export in the making.

    Attributes:
        folder: where its files are written.
        path: the numbered version folder, once the draft has become one, else None.
    """

    folder: Path
    path: Path | None = None


@contextmanager
def release(base: Path) -> Iterator[Draft]:
    """Make the next version under `base` (`savedmodels/NAME`).

    TF Serving takes every child whose name is a whole number for a version, and polls each
    second: the draft has another name until all is written and checked. An error inside the
    `with` leaves nothing behind.

    Args:
        base: the model's folder; made if missing.

    Yields:
        the draft; after the block its `path` is the new version.

    Raises:
        ExportError: the folder cannot be written.
    """
    draft = Draft(Path(base) / f"{_DRAFT}{os.getpid()}")
    try:
        sweep(Path(base), _DRAFT)
        shutil.rmtree(draft.folder, ignore_errors=True)  # of a dead process with our number
        draft.folder.mkdir(parents=True)
    except OSError as error:
        raise ExportError(f"cannot write to {base}: {error.strerror or error}") from error
    try:
        yield draft
        write_checksums(draft.folder)
        draft.path = _publish(draft.folder, Path(base))
    finally:
        shutil.rmtree(draft.folder, ignore_errors=True)


def versions(base: Path) -> list[int]:
    """The versions under a model's folder, oldest first."""
    if not Path(base).is_dir():
        return []
    return sorted(int(child.name) for child in Path(base).iterdir() if child.name.isdecimal())


def _publish(folder: Path, base: Path) -> Path:
    """Rename `folder` to the next free version; another process may take one in between."""
    while True:
        target = base / str(max(versions(base), default=0) + 1)
        try:
            folder.rename(target)
        except OSError:
            if target.exists():
                continue
            raise
        return target


def write_checksums(folder: Path) -> None:
    """Write `SHA256SUMS` over every file of `folder`, in the format of `sha256sum`."""
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name != CHECKSUMS
    )
    text = "".join(f"{digest(folder / name)}  {name}\n" for name in names)
    write_text(folder / CHECKSUMS, text)


def verify_checksums(folder: Path) -> None:
    """Check every file of an export against its `SHA256SUMS`.

    Raises:
        ExportError: no such list, or files that are missing, changed or not in it.
    """
    file = folder / CHECKSUMS
    if not file.is_file():
        raise ExportError(
            f"{folder} has no {CHECKSUMS}: it is not an export of tfmed, or not whole"
        )
    lines = [line.split("  ", 1) for line in file.read_text("utf-8").splitlines() if line]
    listed = {line[-1]: line[0] for line in lines}
    wrong = [name for name, sha256 in listed.items() if _differs(folder, name, sha256)]
    program = [folder / "saved_model.pb", *(folder / "variables").glob("*")]
    unlisted = [path.name for path in program if path.relative_to(folder).as_posix() not in listed]
    if wrong or unlisted:
        raise ExportError(
            f"{folder}: not as it was written: {', '.join(sorted(wrong + unlisted)[:5])}; "
            "export again, or copy it again"
        )


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differs(folder: Path, name: str, sha256: str) -> bool:
    """Whether a listed file is missing, outside the folder or changed."""
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    return not (inside and path.is_file() and digest(path) == sha256)
