"""Which values of masks are which classes."""

from __future__ import annotations

from pathlib import Path

import makers_masks
import numpy as np
import pytest

from tfmed.data.dataset import Dataset, index
from tfmed.data.mask_files import strange_values
from tfmed.data.truth.mask_classes import Seen, look, together, with_classes
from tfmed.errors import ConfigError, DataError, ReadError

NOTHING = Dataset(index({"id": ["a"], "path": ["a"], "mask": [("m",)]}), (), "scans")


def named(
    values: set[int], *wished: str, told: dict[int, str] | None = None, palette: bool = False
) -> tuple[str, tuple[str, ...], list[int]]:
    """Kind, classes and values of masks that hold these values."""
    found = with_classes(NOTHING, Seen(frozenset(values), palette), wished, told)
    return found.facts["masks"]["kind"], found.classes, found.facts["masks"]["values"]


def test_classes_without_names_are_their_values_and_255_alone_is_the_foreground() -> None:
    assert named({0, 255}) == ("binary", ("background", "foreground"), [0, 255])
    assert named({0, 1}) == ("labels", ("background", "1"), [0, 1])
    assert named({0, 10, 2}) == ("labels", ("background", "2", "10"), [0, 2, 10])
    assert named({0, 2, 1}, palette=True)[0] == "palette"


def test_names_come_from_the_user_before_a_file() -> None:
    told = {0: "background", 1: "liver", 2: "tumour"}
    assert named({0, 1}, told=told)[1:] == (("background", "liver", "tumour"), [0, 1, 2])
    assert named({0, 1, 2}, "a", "b", told=told)[1] == ("background", "a", "b")


def test_wished_names_are_values_or_stand_in_their_order() -> None:
    assert named({0, 255}, "cell=255", "wall=0")[1:] == (("wall", "cell"), [0, 255])
    assert named({0, 255}, "cell")[1:] == (("background", "cell"), [0, 255])
    assert named({0, 3, 7}, "liver,spleen")[1:] == (("background", "liver", "spleen"), [0, 3, 7])
    assert named({0, 2}, "one", "two")[1:] == (("background", "one", "two"), [0, 1, 2])
    for values, wished in (({0, 1, 2}, ("liver",)), ({0, 9}, ("liver", "spleen"))):
        with pytest.raises(ConfigError, match=r"--classes names .* write NAME=VALUE"):
            named(values, *wished)
    with pytest.raises(ConfigError, match="two classes have one name"):
        named({0, 1, 2}, "liver", "liver")


def test_what_is_said_names_every_value() -> None:
    found = with_classes(NOTHING, Seen(frozenset({0, 1}), True), ("liver=1",))
    assert found.facts["masks"]["said"] == (
        "masks hold the indices of a palette: 0 is 'background', 1 is 'liver' (named by --classes)"
    )


def test_masks_of_nothing_and_images_in_their_place_are_refused() -> None:
    with pytest.raises(DataError, match="hold nothing but 0"):
        named({0})
    smooth = Seen(frozenset({0, 3, 255}), False, "it is strange")
    with pytest.raises(DataError, match="cannot be used: it is strange"):
        with_classes(NOTHING, smooth, ())
    found = with_classes(NOTHING, smooth, ("rim=3", "cell=255"))  # unless the user names them
    assert found.classes == ("background", "rim", "cell")
    assert together([smooth, Seen(frozenset({0, 255}))]).labels == {0, 255}


def test_values_near_0_and_255_are_strange_but_in_a_palette() -> None:
    assert "a JPEG or a smoothed mask" in strange_values([0, 3, 255], palette=False)
    assert strange_values([0, 3, 255], palette=True) == ""
    assert strange_values([0, 128, 255], palette=False) == ""
    assert strange_values(list(range(65)), palette=True).startswith("it holds 65 different values")


def test_a_look_takes_the_values_of_some_files(tmp_path: Path) -> None:
    files = [(str(makers_masks.mask(tmp_path / f"{n}.png", n % 3)),) for n in range(40)]
    assert look(files).labels == {0, 1, 2}
    (tmp_path / "0.png").write_bytes(b"damaged")
    assert look(files).labels == {0, 1, 2}
    with pytest.raises(ReadError, match="none of the masks can be read; this one"):
        look(files[:1])
    assert np.isin(0, list(look(files).labels))
