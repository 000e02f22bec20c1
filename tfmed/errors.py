"""Every error that tfmed raises on purpose.

TfmedError
  ConfigError (ValueError)      an unknown or wrong setting
  ReadError (OSError)           a file that cannot be read: path and reason
    UnsupportedFormat           a file of a kind that no reader knows
  DataError (ValueError)        an empty set, a missing label, wrong mask values
    LeakageError                a patient, or one image with two labels, in two parts
  GeometryError (ValueError)    spacing, orientation or shape missing or unequal
  MissingExtra (ImportError)    an optional package is not installed
  TrainingError (RuntimeError)  the loss is not finite
  ExportError (RuntimeError)    the exported answer is not the live one

A message says what came, what was expected and how to mend it, and never holds a
patient's name, identifier or date.
"""

from __future__ import annotations


class TfmedError(Exception):
    """The root of tfmed's errors: catch it to catch them all."""


class ConfigError(TfmedError, ValueError):
    """A setting is unknown or its value is wrong."""


class ReadError(TfmedError, OSError):
    """A file cannot be read.

    Attributes:
        path: the file.
        reason: what is wrong with it, in a few words; free of patient data.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # OSError would rebuild itself from its one message when a worker process sends it.
        return type(self), (self.path, self.reason)


class UnsupportedFormat(ReadError):
    """No reader knows a file's content."""


class DataError(TfmedError, ValueError):
    """A data set is empty, lacks labels or contradicts itself."""


class LeakageError(DataError):
    """A patient, or equal pixels with different labels, stand in two parts."""


class GeometryError(TfmedError, ValueError):
    """Spacing, orientation or shape is missing or unequal."""


class MissingExtra(TfmedError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}: pip install 'tfmed[{extra}]'")


class TrainingError(TfmedError, RuntimeError):
    """Training cannot go on, as when the loss is not finite."""


class ExportError(TfmedError, RuntimeError):
    """An exported model does not answer as the live one does."""
