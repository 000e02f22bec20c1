"""Silence for libraries that write to the terminal from C++."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what is written to the process's standard output and error while the block runs.

    The TFLite converter and Keras' export tell the user of dialects and passes, past Python's
    logging; Python's warnings are ignored too. When the block raises, the last of it becomes a
    note on the error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
        # TensorFlow's converter uses TensorFlow's own deprecated interpreter.
        warnings.simplefilter("ignore")
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except Exception as error:
            sink.seek(max(0, sink.tell() - 2000))
            error.add_note(sink.read().decode("utf-8", "replace"))
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
