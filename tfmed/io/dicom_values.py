"""The values of a DICOM header's elements.

pydicom converts what is nested, palettes and look-up tables; the plain numbers and texts that every
header is asked for are converted here, in a fifth of its time.

Source: DICOM PS3.5 6.2 (value representations).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any

import pydicom
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from tfmed.io.dicom_walk import BIG_ENDIAN, Coding, Element

# What is ever asked of a header; all else is walked over.
_KEYWORDS = str.split("""
SpecificCharacterSet Modality Manufacturer ManufacturerModelName StudyDate
PatientID PatientBirthDate PatientSex PatientAge BodyPartExamined ViewPosition
StudyInstanceUID SeriesInstanceUID InstanceNumber ImagePositionPatient ImageOrientationPatient
SpacingBetweenSlices FrameTime FrameTimeVector CineRate RecommendedDisplayFrameRate
SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames FrameIncrementPointer
Rows Columns PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing GridFrameOffsetVector
BitsAllocated BitsStored HighBit PixelRepresentation
RescaleIntercept RescaleSlope RescaleType ModalityLUTSequence Units
WindowCenter WindowWidth VOILUTFunction VOILUTSequence
RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
BluePaletteColorLookupTableDescriptor AlphaPaletteColorLookupTableDescriptor
RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
SegmentedBluePaletteColorLookupTableData
SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
""")


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return tag


_TAGS = {keyword: _tag(keyword) for keyword in _KEYWORDS}
_KINDS = {tag: dictionary_VR(tag) for tag in _TAGS.values()}
# For `dicom_walk.walk`: the tags, and the value representations that each may have.
WANTED = {tag: frozenset(kind.encode().split(b" or ")) for tag, kind in _KINDS.items()}


class Values:
    """The elements that `WANTED` names, of one file; `get` and `in` work as in a pydicom Dataset.

    Args:
        data: the file's bytes, from which the elements' places count.
        found: where they lie.
        coding: how they are written.
    """

    def __init__(self, data: bytes, found: dict[int, Element], coding: Coding) -> None:
        self._data = data
        self._found = found
        self._coding = coding

    def __contains__(self, keyword: str) -> bool:
        return _TAGS[keyword] in self._found

    def get(self, keyword: str, default: Any = None) -> Any:
        """The value of an attribute: a number or a text, or a list of numbers.

        Raises:
            ValueError: it is no number where it should be one.
        """
        element = self._found.get(_TAGS[keyword])
        if element is None:
            return default
        convert = _CONVERT.get(_KINDS[element.tag])
        value = self._data[element.start : element.start + element.length]
        # Japanese and Korean may be written in ASCII bytes after an escape (ISO 2022).
        if convert is None or not value.isascii() or b"\x1b" in value:
            return self.dataset.get(keyword, default)
        return convert(value, self._coding)

    @cached_property
    def dataset(self) -> pydicom.Dataset:
        """The elements in pydicom's hands, converted when used."""
        little = self._coding is not BIG_ENDIAN
        raw: dict[BaseTag, pydicom.DataElement | RawDataElement] = {}
        for tag, vr, start, length in self._found.values():
            key, value = BaseTag(tag), self._data[start : start + length]
            named = vr.decode() if self._coding.explicit else None
            implicit = not self._coding.explicit
            raw[key] = RawDataElement(key, named, length, value, start, implicit, little)
        dataset = pydicom.Dataset(raw)
        letters = None
        with suppress(LookupError, ValueError, TypeError):
            letters = convert_encodings(dataset.get("SpecificCharacterSet"))
        dataset.set_original_encoding(not self._coding.explicit, little, letters)
        return dataset


def _text(value: bytes, _: Coding) -> str:
    return value.decode("ascii").rstrip("\0 ").lstrip(" ")


def _decimals(value: bytes, _: Coding) -> Any:
    return _several([float(part) for part in _parts(value)])


def _integers(value: bytes, _: Coding) -> Any:
    return _several([int(part) for part in _parts(value)])


def _words(value: bytes, coding: Coding) -> Any:
    count = len(value) // 2
    order = ">" if coding is BIG_ENDIAN else "<"
    return _several(list(struct.unpack(f"{order}{count}H", value)))


def _parts(value: bytes) -> list[bytes]:
    if b"_" in value:
        # Python's own way to write 1_000.
        raise ValueError("no number")
    stripped = value.strip(b"\0 ")
    return stripped.split(b"\\") if stripped else []


def _several(numbers: list[Any]) -> Any:
    """A list, its one number, or None where it is empty."""
    if len(numbers) == 1:
        return numbers[0]
    return numbers or None


_CONVERT: dict[str, Callable[[bytes, Coding], Any]] = {
    "US": _words,
    "DS": _decimals,
    "IS": _integers,
    **dict.fromkeys(("AS", "CS", "DA", "LO", "SH", "UI"), _text),
}
