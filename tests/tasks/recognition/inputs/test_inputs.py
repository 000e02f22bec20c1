"""The kinds of whole examples, and the sizes that networks take of them."""

from __future__ import annotations

import pytest

from tfmed.errors import ConfigError
from tfmed.tables import lookup
from tfmed.tasks.recognition.inputs import INPUTS, Input, input_of, shrunk


@pytest.mark.parametrize("name", INPUTS)
def test_every_row_is_an_input_whose_axes_its_size_has(name: str) -> None:
    found = lookup(INPUTS, name, "input")
    assert isinstance(found, Input)
    spatial = len(found.axes.split(", ")) - 2
    for accelerated in (False, True):
        size, why = found.size((300,) * spatial, accelerated)
        assert len(size) == spatial
        assert "300" in why
    assert input_of(spatial, found.sampled) is found


def test_an_input_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown input 'vollume'; did you mean 'volume'"):
        lookup(INPUTS, "vollume", "input")


def test_only_images_lie_in_files_of_png_and_jpeg() -> None:
    assert [lookup(INPUTS, name, "input").in_files for name in INPUTS] == [True, False, False]


def test_sides_shrink_together_and_never_to_nothing() -> None:
    assert shrunk((100, 60), 128, False) == ((100, 60), "the median size 100 x 60")
    size, why = shrunk((1000, 3, 500), 100, True)
    assert size == (100, 1, 50)
    assert why == "the median size 1000 x 3 x 500, its longest side brought to 100 for a GPU"
