"""Findings of files, sizes, spacings and values."""

from __future__ import annotations

from collections.abc import Iterator

from tfmed.evaluation.finding import CHECK, KNOW, Facts, Finding
from tfmed.evaluation.wording import count, percent, sentence

MANY_REJECTS, UNEVEN = 0.05, 1.5
SMALL_PIXELS, SIZES_APART = 32, 4


def rejects(facts: Facts) -> Iterator[Finding]:
    """Files that cannot be used."""
    lost = facts["rejects"]
    if lost["files"]:
        many = lost["share"] > MANY_REJECTS
        yield Finding(
            "rejects", CHECK if many else KNOW, 76 if many else 34,
            f"{count(lost['files'], 'file')} ({percent(lost['share'])}) cannot be used.",
            "rejects.csv lists each with its reason. Are they of one class or one site? Then what "
            "is left is a biased choice.",
        )  # fmt: skip


def mixed(facts: Facts) -> Iterator[Finding]:
    """Kinds of images that do not belong together."""
    names = {"modalities": "modalities", "units": "units of the values", "channels": "channels"}
    for key, counts in facts["mixed"].items():
        shown = ", ".join(f"{value} ({number:,})" for value, number in counts.items())
        yield Finding(
            f"mixed_{key}", CHECK, 68,
            f"Several {names.get(key, key)} are mixed: {shown}.",
            "One window of values cannot fit both: audit and train them apart.",
        )  # fmt: skip
    if facts["geometry"]:
        yield Finding(
            "geometry", CHECK, 58,
            sentence(str(facts["geometry"])),
            "--on-geometry reject leaves them out; distances and volumes in them are doubtful.",
        )  # fmt: skip


def sizes(facts: Facts) -> Iterator[Finding]:
    """Spacings and sizes that differ."""
    numbers = facts["numbers"]
    for name, what in (("row_spacing_mm", "Pixel spacing"), ("slice_spacing_mm", "Slice spacing")):
        spread = numbers.get(name)
        if not spread or not spread["known"]:
            continue
        if spread["p95"] > UNEVEN * spread["p05"] > 0:
            yield Finding(
                f"uneven_{name}", KNOW, 44,
                f"{what} runs from {spread['minimum']:.3g} to {spread['maximum']:.3g} mm: one "
                "finding covers different numbers of pixels.",
                "Resample to one spacing, or let augmentation cover the range.",
            )  # fmt: skip
        if spread["known"] < 1:
            yield Finding(
                f"unknown_{name}", KNOW, 32,
                f"{what} is not known for {percent(1 - spread['known'])} of the examples.",
                "Lengths and volumes in mm cannot be measured there.",
            )  # fmt: skip
    height, width = numbers["height"], numbers["width"]
    if not height["known"]:
        return
    if min(height["minimum"], width["minimum"]) < SMALL_PIXELS:
        yield Finding(
            "small_images", KNOW, 26,
            f"The smallest image has {width['minimum']:.0f} x {height['minimum']:.0f} pixels "
            "(least width and height).",
            "Findings of a few pixels are lost; larger networks gain nothing.",
        )  # fmt: skip
    apart = max(one["maximum"] / max(one["minimum"], 1) for one in (height, width))
    if apart >= SIZES_APART:
        yield Finding(
            "sizes_apart", CHECK, 38,
            f"The largest image is {apart:.1f} times as long as the smallest.",
            "Check for thumbnails, mosaics and screenshots among the scans.",
        )  # fmt: skip


def values(facts: Facts) -> Iterator[Finding]:
    """Values that are far off, or were not read."""
    if not facts["pixels_read"]:
        yield Finding(
            "headers_only", KNOW, 28,
            "Only headers were read: damaged pixels, copies and odd values are not found.",
            "Run again without --no-pixels.",
        )  # fmt: skip
    far = facts["outliers"]
    if far["examples"]:
        yield Finding(
            "outliers", CHECK, 40,
            f"{count(far['examples'], 'example')} of {count(far['patients'], 'patient')} "
            f"{'lies' if far['examples'] == 1 else 'lie'} far from the rest in size or values.",
            "Look at those shown under Outliers: another protocol, a localizer, or an error?",
        )  # fmt: skip
    if number := facts["padded"]:
        yield Finding(
            "padding", KNOW, 46,
            f"{count(number, 'CT example')} {'holds' if number == 1 else 'hold'} many values below "
            "those of air (-1,000 HU): padding around the scanned field.",
            "Clip at -1,024 HU before any statistics of yours; a fixed window does. Padding marks "
            "the scanner.",
        )  # fmt: skip
