"""Turn whatever a decoder raises into one `ReadError` that quotes nothing of the file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfmed.errors import GeometryError, ReadError

MAX_SIDE = 16384
MAX_BYTES = 2**31

_PLAIN_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (FileNotFoundError, "no such file"),
    (IsADirectoryError, "a folder, not a file"),
    (PermissionError, "no permission to read it"),
    (MemoryError, "it asks for more memory than there is"),
)


@contextmanager
def reading(path: str | Path, failure: str) -> Iterator[None]:
    """Run a block that decodes `path`; all that goes wrong in it is a `ReadError`.

    Decoders raise some fifteen kinds of exception on damaged files, one of them (PyO3's
    `PanicException`) no `Exception` at all. Their messages may quote a header's values, thus
    only the exception's kind is told on. Warnings and the decoders' logs are silent inside.

    Args:
        path: the file, for the error.
        failure: what did not work, as `"the header cannot be parsed"`.

    Raises:
        ReadError: anything failed but an interrupt or an exit.
    """
    logs = [logging.getLogger(name) for name in ("pydicom", "tifffile")]
    before = [log.disabled for log in logs]
    for log in logs:
        log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ReadError, GeometryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001  (a PanicException is no Exception)
        # `from None`: the cause would print its message, and with it what it quotes.
        raise ReadError(path, _reason(error, failure)) from None
    finally:
        for log, disabled in zip(logs, before, strict=True):
            log.disabled = disabled


def check_size(path: str | Path, height: int, width: int, values: int, item_bytes: int) -> None:
    """Refuse sizes that no scan has, before memory is asked for.

    Args:
        path: the file, for the error.
        height: rows.
        width: columns.
        values: numbers a pixel holds, times frames.
        item_bytes: bytes a number takes.

    Raises:
        ReadError: a side is not in 1 to 16384, or the whole takes more than 2 GiB.
    """
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ReadError(path, f"{height} x {width} pixels; sides from 1 to {MAX_SIDE} can be read")
    if values < 1 or height * width * values * item_bytes > MAX_BYTES:
        raise ReadError(
            path,
            f"{values} x {height} x {width} values of {item_bytes} bytes; "
            "from 1 value to 2 GiB can be read",
        )


def _reason(error: BaseException, failure: str) -> str:
    for kind, reason in _PLAIN_REASONS:
        if isinstance(error, kind):
            return reason
    return f"{failure} ({type(error).__name__})"
