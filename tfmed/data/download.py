"""Where fetched and drawn data is kept, and one download: whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tfmed import log
from tfmed.errors import DataError

BLOCK = 1 << 20
TIMEOUT_SECONDS = 60


def home() -> Path:
    """The folder of fetched and drawn data: `TFMED_DATA`, or `~/.cache/tfmed`."""
    given = os.environ.get("TFMED_DATA")
    return Path(given).expanduser() if given else _cache()


def kept(name: Path) -> Path:
    """Where the file or folder `name` is, or can be made: in `home()`, else in `~/.cache/tfmed`.

    Args:
        name: path below the folder; the folder that it lies in is made.

    Raises:
        DataError: neither folder can be written.
    """
    return _first(name, lambda path: path)


def keep(name: Path, make: Callable[[Path], object]) -> Path:
    """The file or folder `name` in `home()`, made now if it is not there.

    Where `home()` cannot be written it is kept in `~/.cache/tfmed`. It is made under a
    temporary name and renamed when whole; of two processes that make it, one wins.

    Args:
        name: path below the folder.
        make: is given the temporary path, in a folder that exists.

    Raises:
        DataError: neither folder can be written.
    """
    return _first(name, lambda path: path if path.exists() else _make(path, make))


def _first(name: Path, get: Callable[[Path], Path]) -> Path:
    """What `get` gives for the first of the two folders that can be written."""
    why = "no permission"
    for path in dict.fromkeys((home() / name, _cache() / name)):
        try:
            if _is_or_may_be(path):
                return get(path)
        except OSError as error:
            why = error.strerror or str(error)
    raise DataError(
        f"{name} cannot be written below {home()} ({why}): set TFMED_DATA to another folder"
    )


def _is_or_may_be(path: Path) -> bool:
    """Whether a path is there, or can be made now that its folder is."""
    if path.exists():
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.access(path.parent, os.W_OK)


def _make(path: Path, make: Callable[[Path], object]) -> Path:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        make(aside)
        aside.rename(path)
    except OSError:
        if not path.exists():  # else another process was quicker
            raise
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)
    return path


def _cache() -> Path:
    return Path.home() / ".cache" / "tfmed"


def md5(path: Path) -> str:
    """The MD5 checksum of a file, in hex; it finds damage, it does not prove an origin."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fetch(url: str, name: Path, checksum: str) -> Path:
    """Download `url` as `name` in the data folder, checked by its MD5 before it is kept.

    Raises:
        DataError: no connection, no room, or another checksum; the message gives the
            address and where to put the file by hand.
    """
    by_hand = f"download {url} by hand and save it as {home() / name}"

    def receive(aside: Path) -> None:
        try:
            _receive(url, aside, name.name)
        except OSError as error:  # urllib's errors are OSErrors too
            raise DataError(f"cannot download {url} ({_why(error)}); {by_hand}") from error
        got = md5(aside)
        if got != checksum:
            raise DataError(
                f"{url} came with MD5 {got}, expected {checksum}; try again, or {by_hand}"
            )

    return keep(name, receive)


def _receive(url: str, aside: Path, name: str) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        length = answer.headers.get("Content-Length")
        total = int(length) // BLOCK + 1 if length else None
        with (
            aside.open("wb") as file,
            log.progress(None, total, f"downloading {name}", "MB") as bar,
        ):
            while block := answer.read(BLOCK):
                file.write(block)
                bar.advance()


def _why(error: OSError) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(reason, "strerror", None) or reason)
