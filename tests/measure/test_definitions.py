"""Names, units and the codes that figures claim."""

from __future__ import annotations

import re

import pytest
from pydicom.sr._concepts_dict import concepts

from tfmed.measure import definitions

# Codes of the standard's table that the figures name, by what the standard calls them. Its table
# lacks IBSI's intensity statistics (3.3 of the manual), which were held against pictologics.
STANDARD = {
    "volume": ("YEKZ", "Volume from Voxel Summation"),
    "max_3d_diameter": ("L0JK", "Maximum 3D Diameter of a Mesh"),
    "axis_major": ("TDIC", "Major Axis in 3D Length"),
    "elongation": ("Q3CK", "Elongation"),
    "flatness": ("N17B", "Flatness"),
    "sphericity": ("QCFX", "Sphericity"),
    "solidity": ("R3ER", "Volume Density in Convex Hull"),
    "intensity_entropy": ("TLU2", "Intensity Histogram Entropy"),
    "texture_contrast": ("ACUI", "Contrast of GLCM"),
    "texture_homogeneity": ("WF0Z", "Inverse Difference Moment of GLCM"),
    "texture_energy": ("8ZQL", "Angular Second Moment of GLCM"),
    "texture_correlation": ("NI2N", "Correlation of GLCM"),
}
STATISTICS = {
    "intensity_mean": "Q4LE",
    "intensity_sd": "ECT3",
    "intensity_median": "Y12H",
    "intensity_p10": "QG58",
    "intensity_p90": "8DWT",
    "intensity_minimum": "1GSF",
    "intensity_maximum": "84IY",
    "intensity_skewness": "KE2A",
    "intensity_kurtosis": "IPH6",
}


def claimed() -> dict[str, str]:
    """The IBSI code that each figure names."""
    every = {one.name: one.meaning for one in (*definitions.OBJECTS, *definitions.STRUCTURES)}
    found = {name: re.findall(r"\(([A-Z0-9]{4})\)", text) for name, text in every.items()}
    return {name: codes[0] for name, codes in found.items() if codes}


def test_every_code_is_known() -> None:
    assert claimed() == {name: code for name, (code, _) in STANDARD.items()} | STATISTICS


@pytest.mark.parametrize("name", STANDARD)
def test_the_standard_means_the_same_by_it(name: str) -> None:
    code, meaning = STANDARD[name]
    known = [entry[code][0] for entry in concepts["IBSI"].values() if code in entry]
    assert known == [meaning]


def test_a_figure_has_one_definition() -> None:
    for table in (definitions.OBJECTS, definitions.STRUCTURES):
        names = [one.name for one in table]
        assert len(set(names)) == len(names)


def test_units_follow_the_axes() -> None:
    named = definitions.units(definitions.STRUCTURES, "mm", 2)
    assert named["area"] == "area_mm2" and named["object_size_mean"] == "object_size_mean_mm2"
    assert "volume" not in named and named["objects"] == "objects"
    named = definitions.units(definitions.STRUCTURES, "px", 3)
    assert named["volume"] == "volume_px3" and named["surface"] == "surface_px2"
