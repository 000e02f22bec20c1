"""Where fetched and drawn data is kept, and one download: whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from tfmed import log
from tfmed.errors import DataError
from tfmed.run import write_aside

BLOCK = 1 << 20
TIMEOUT_SECONDS = 60


def home() -> Path:
    """The folder of fetched and drawn data: `TFMED_DATA`, or `~/.cache/tfmed`."""
    given = os.environ.get("TFMED_DATA")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "tfmed"


def md5(path: Path) -> str:
    """The MD5 checksum of a file, in hex; it finds damage, it does not prove an origin."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fetch(url: str, path: Path, checksum: str) -> Path:
    """Download `url` to `path`, under a temporary name until its MD5 is right.

    Raises:
        DataError: no connection, no room, or another checksum; the message gives the
            address and where to put the file by hand.
    """
    by_hand = f"download {url} by hand and save it as {path}"

    def receive(aside: Path) -> None:
        _receive(url, aside, path.name)
        got = md5(aside)
        if got != checksum:
            raise DataError(f"{url} came with MD5 {got}, expected {checksum}; try again or {by_hand}")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, receive)
    except OSError as error:  # urllib's errors are OSErrors too
        raise DataError(f"cannot download {url} ({_why(error)}); {by_hand}") from error
    return path


def _receive(url: str, aside: Path, name: str) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        length = answer.headers.get("Content-Length")
        total = int(length) // BLOCK + 1 if length else None
        with aside.open("wb") as file, log.progress(None, total, f"downloading {name}", "MB") as bar:
            while block := answer.read(BLOCK):
                file.write(block)
                bar.advance()


def _why(error: OSError) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(reason, "strerror", None) or reason)
