"""The error tree."""

from __future__ import annotations

import inspect
import pickle

import pytest

from tfmed import errors

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_can_be_caught_as_tfmed_error(kind: type) -> None:
    assert issubclass(kind, errors.TfmedError)


@pytest.mark.parametrize("kind", ALL)
def test_the_tree_at_the_top_of_the_file_names_every_error(kind: type) -> None:
    assert f"{kind.__name__}" in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ConfigError, ValueError),
        (errors.ReadError, OSError),
        (errors.DataError, ValueError),
        (errors.GeometryError, ValueError),
        (errors.MissingExtra, ImportError),
        (errors.TrainingError, RuntimeError),
    ],
)
def test_an_error_is_also_the_builtin_that_fits(kind: type, builtin: type) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", [errors.ReadError, errors.UnsupportedFormat])
def test_a_read_error_comes_whole_from_a_worker_process(kind: type[errors.ReadError]) -> None:
    sent = pickle.loads(pickle.dumps(kind("scan é.dcm", "no pixel data")))
    assert type(sent) is kind
    assert (sent.path, sent.reason) == ("scan é.dcm", "no pixel data")
    assert str(sent) == "scan é.dcm: no pixel data"


def test_a_missing_extra_names_what_to_install() -> None:
    message = str(errors.MissingExtra("writing DICOM SEG", "highdicom", "dicom"))
    assert message == "writing DICOM SEG needs highdicom: pip install 'tfmed[dicom]'"
