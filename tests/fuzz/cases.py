"""A damaged file for each number: the same seed and number make the same file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from fuzz.bytewise import BYTEWISE
from fuzz.corpus import FORMATS, Source, sources
from fuzz.structured import IN_PIXELS, STRUCTURED

HEADER_REACH = 2048
STRUCTURED_SHARE = 1 / 4
DICOM_SHARE = 2 / 5


@dataclass(frozen=True)
class Case:
    """A damaged file.

    Attributes:
        seed: with `number` and `chosen`, all that it follows from.
        number: of the case.
        chosen: the format that was asked for, or "" for any.
        source: the whole file.
        mutation: the damage's name.
        place: `"header"` or `"pixels"`: where the first change is.
        data: the damaged file.
    """

    seed: int
    number: int
    chosen: str
    source: Source
    mutation: str
    place: str
    data: bytes

    @property
    def command(self) -> str:
        """What repeats the case alone."""
        chosen = f" --format {self.chosen}" if self.chosen else ""
        return f"scripts/fuzz --seed {self.seed} --case {self.number}{chosen}"


def make(seed: int, number: int, chosen: str = "") -> Case:
    """Case `number` of a seed.

    Two fifths of the cases are DICOM, the rest is shared evenly by the other formats. A quarter
    of the damage to a format that `STRUCTURED` knows is of its kinds; of the rest, half begins
    in the first 2 kB and half anywhere.

    Args:
        seed: of all cases of a run.
        number: of the case, from 0.
        chosen: a format, or "" for any.
    """
    generator = np.random.default_rng([seed, number])
    name = chosen or _any_format(generator)
    files = sources(name)
    source = files[generator.integers(len(files))]
    if name in STRUCTURED and generator.random() < STRUCTURED_SHARE:
        mutation = _one_of(STRUCTURED[name], generator)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = STRUCTURED[name][mutation](source.data, generator)
        except Exception:  # noqa: BLE001  (some whole files, too, cannot be taken apart)
            mutation = "flip bits"
        else:
            place = "pixels" if mutation in IN_PIXELS else "header"
            return Case(seed, number, chosen, source, mutation, place, data)
    else:
        mutation = _one_of(BYTEWISE, generator)
    reach = len(source.data)
    if generator.integers(2):
        reach = min(reach, HEADER_REACH)
    data, start = BYTEWISE[mutation](source.data, generator, reach)
    place = "header" if start < source.pixels else "pixels"
    return Case(seed, number, chosen, source, mutation, place, data)


def _any_format(generator: np.random.Generator) -> str:
    if generator.random() < DICOM_SHARE:
        return "dicom"
    others = [name for name in FORMATS if name != "dicom"]
    return others[generator.integers(len(others))]


def _one_of(table: dict[str, object], generator: np.random.Generator) -> str:
    return list(table)[generator.integers(len(table))]
