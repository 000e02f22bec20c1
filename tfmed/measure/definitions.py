"""Every figure that is measured: its name with unit, what it means and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

# Powers of the unit of length, mm or px.
POWERS = {"length": 1, "area": 2, "volume": 3}


@dataclass(frozen=True)
class Column:
    """One figure.

    Attributes:
        name: without its unit.
        kind: `"length"`, `"area"`, `"volume"` or `"size"` (area or volume), whose unit is part of
            the full name; `"count"`, `"index"`, `"ratio"`, `"value"` (unit of the image), `"mm"`
            and `"text"`.
        meaning: what it is, with its formula and source.
        axes: 2 or 3 for a figure of images or of volumes alone, 0 of both.
    """

    name: str
    kind: str
    meaning: str
    axes: int = 0


_WHERE = (
    Column("number", "index", "number of the file, from 1, by which the page names it"),
    Column("file", "text", "the mask's path below --masks"),
    Column("class", "text", "the structure"),
    Column("value", "index", "its value in the mask"),
)

_SIZE = (
    Column("voxels", "count", "pixels or voxels that belong to it"),
    Column("area", "area", "pixels times the area of a pixel", 2),
    Column("volume", "volume", "voxels times the volume of a voxel; IBSI volume (YEKZ)", 3),
    Column("perimeter", "length", "length of the smoothed outline, holes included", 2),
    Column("surface", "area", "area of the smoothed marching-cubes mesh, cavities included", 3),
)
_DIAMETERS = (
    Column(
        "longest_diameter",
        "length",
        "RECIST 1.1: longest line in any slice, between outlines (not pixel centres)",
    ),
    Column(
        "perpendicular_diameter",
        "length",
        "longest line across the longest diameter, in the same slice (short axis)",
    ),
    Column("diameter_slice", "index", "the slice of both diameters, from 0", 3),
    Column("max_3d_diameter", "length", "longest line in space; IBSI (L0JK)", 3),
)
_INTENSITY = (
    Column("intensity_mean", "value", "mean; IBSI (Q4LE)"),
    Column("intensity_sd", "value", "standard deviation, divided by N; root of IBSI (ECT3)"),
    Column("intensity_median", "value", "median; IBSI (Y12H)"),
    Column("intensity_p10", "value", "10th percentile; IBSI (QG58)"),
    Column("intensity_p90", "value", "90th percentile; IBSI (8DWT)"),
    Column("intensity_minimum", "value", "least value; IBSI (1GSF)"),
    Column("intensity_maximum", "value", "greatest value; IBSI (84IY)"),
    Column("intensity_skewness", "ratio", "skewness; IBSI (KE2A)"),
    Column("intensity_kurtosis", "ratio", "excess kurtosis, 0 of a normal one; IBSI (IPH6)"),
    Column(
        "intensity_entropy",
        "ratio",
        "bits, of 32 bins of equal width from least to greatest; IBSI (TLU2), fixed bin number",
    ),
    Column(
        "texture_contrast",
        "ratio",
        "GLCM contrast, 32 levels, 1 pixel, 4 directions, all slices merged; IBSI (ACUI)",
    ),
    Column(
        "texture_homogeneity",
        "ratio",
        "GLCM homogeneity; IBSI inverse difference moment (WF0Z)",
    ),
    Column(
        "texture_energy", "ratio", "root of the GLCM's angular second moment; root of IBSI (8ZQL)"
    ),
    Column("texture_correlation", "ratio", "GLCM correlation; IBSI (NI2N)"),
)
_LINES = (
    Column(
        "skeleton_length",
        "length",
        "length of the centre line, smoothed over 5 points; it stops a radius before free ends",
    ),
    Column("branches", "count", "lines between forks and ends; a closed one counts as one"),
    Column("branch_points", "count", "forks: points where three lines or more meet"),
    Column("end_points", "count", "free ends of the centre line"),
    Column(
        "tortuosity",
        "ratio",
        "length over chord of the branches, weighted by length; 1 is straight, loops left out",
    ),
    Column(
        "thickness_mean",
        "length",
        "mean width at the centre line: twice the distance to the outline",
    ),
    Column("thickness_sd", "length", "its standard deviation along the centre line"),
    Column("thickness_maximum", "length", "the greatest width"),
)
_CENTRE = (
    Column("centroid_slice", "index", "mean index of its voxels, from 0", 3),
    Column("centroid_row", "index", "mean index of its voxels, from 0"),
    Column("centroid_column", "index", "mean index of its voxels, from 0"),
    Column("centroid_r", "mm", "patient coordinate to the right (RAS+), by the file's affine"),
    Column("centroid_a", "mm", "patient coordinate to the front (RAS+)"),
    Column("centroid_s", "mm", "patient coordinate to the head (RAS+)"),
)

OBJECTS = (
    *_WHERE,
    Column(
        "object", "index", "the object's number in its class, from 1; with --instances its value"
    ),
    *_SIZE,
    Column("equivalent_diameter", "length", "of the circle or ball of the same size"),
    *_DIAMETERS,
    Column(
        "axis_major",
        "length",
        "longest axis of the ellipse or ellipsoid with the same second moments; IBSI's "
        "(TDIC) is 0.894 of it in volumes",
    ),
    Column("axis_minor", "length", "the second axis"),
    Column("axis_least", "length", "the third axis", 3),
    Column("elongation", "ratio", "minor over major axis; IBSI (Q3CK)"),
    Column("flatness", "ratio", "least over major axis; IBSI (N17B)", 3),
    Column("eccentricity", "ratio", "sqrt(1 - (minor / major)^2)", 2),
    Column("circularity", "ratio", "4 pi area / perimeter^2", 2),
    Column(
        "sphericity",
        "ratio",
        "(36 pi volume^2)^(1/3) / surface; IBSI (QCFX) but for its surface and volume",
        3,
    ),
    Column(
        "solidity",
        "ratio",
        "area or volume inside the outline over that of its convex hull; of volumes IBSI (R3ER)",
    ),
    Column("extent", "ratio", "voxels over those of the bounding box"),
    *_CENTRE,
    Column("box_slice_first", "index", "bounding box, first slice", 3),
    Column("box_slice_last", "index", "bounding box, last slice", 3),
    Column("box_row_first", "index", "bounding box, first row"),
    Column("box_row_last", "index", "bounding box, last row"),
    Column("box_column_first", "index", "bounding box, first column"),
    Column("box_column_last", "index", "bounding box, last column"),
    Column("touches_border", "text", "whether it reaches the image's edge, and may be cut off"),
    Column(
        "nearest_neighbour",
        "length",
        "from its centroid to the nearest centroid of another object of its class",
    ),
    *_LINES,
    *_INTENSITY,
)

STRUCTURES = (
    *_WHERE,
    Column("objects", "count", "connected parts; voxels that share a corner belong together"),
    *_SIZE,
    *_DIAMETERS,
    *_CENTRE,
    Column("object_size_mean", "size", "mean area or volume of its objects"),
    Column("object_size_sd", "size", "standard deviation of theirs, divided by N"),
    Column("object_size_p10", "size", "10th percentile of theirs"),
    Column("object_size_median", "size", "median of theirs"),
    Column("object_size_p90", "size", "90th percentile of theirs"),
    Column("largest_share", "ratio", "share of the largest object in the structure"),
    Column("nearest_neighbour_mean", "length", "mean over its objects"),
    Column("nearest_neighbour_median", "length", "median over its objects"),
    *_LINES,
    *_INTENSITY,
)


def units(columns: tuple[Column, ...], unit: str, axes: int) -> dict[str, str]:
    """The full names of the columns by their short ones.

    Args:
        columns: `OBJECTS` or `STRUCTURES`.
        unit: `"mm"` or `"px"`.
        axes: 2 of an image, 3 of a volume; a figure of the other kind is left out.
    """
    named = {}
    for column in columns:
        if column.axes in (0, axes):
            has_unit = column.kind in (*POWERS, "size", "mm")
            end = f"_{unit_of(column, unit, axes)}" if has_unit else ""
            named[column.name] = column.name + end
    return named


def unit_of(column: Column, unit: str, axes: int) -> str:
    """The unit of a figure in words: `mm3`, `px`, `of the image`, `1` of a ratio or a count."""
    if column.kind == "size":
        return f"{unit}{axes}"
    power = POWERS.get(column.kind, 0)
    if power:
        return f"{unit}{power if power > 1 else ''}"
    return {"mm": "mm", "value": "of the image", "text": ""}.get(column.kind, "1")
