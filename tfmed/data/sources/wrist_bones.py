"""The bones of a drawn hand at an age: where each lies, how large it is, what has grown together.

Lengths are mm; x grows to the thumb, y to the fingers, with 0 in the middle of the wrist. An angle
leans a bone's upper end to the thumb. Tables tell a grown hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

# Hand length at an age as a share of the grown one.
GROWTH_AGES, GROWTH = (2, 6, 10, 14, 18), (0.57, 0.70, 0.81, 0.93, 1.0)
RIPE_CARPAL, RIPE_CAP = 13.0, 12.0  # years at which carpals, and caps, have their full shape
SPREAD_YEARS = 0.35  # by how much a bone is ahead of the others or behind
PLATE_MM = (3.2, 2.0)  # of a growth plate when its cap appears, and three years before it closes
JOINT_MM = 2.0
TINY = 1e-12
CAP_MM, CAP_APPEARS = 2.3, 1.5  # of fingers: half the thickness, and age


@dataclass(frozen=True)
class Bone:
    """A shape: within `(|across| / width)**power + (|along| / length)**power = 1`.

    Attributes:
        x: of its middle.
        y: of its middle.
        angle: in radians.
        across: half its width at the ends.
        along: half its length.
        power: 2 is an ellipse; the larger, the more of a box.
        waist: its width in the middle as a share of that at the ends.
        soft: it is flesh.
    """

    x: float
    y: float
    angle: float
    across: float
    along: float
    power: float = 2.0
    waist: float = 1.0
    soft: bool = False

    def depth_mm(self, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """About how deep points lie within it, in mm; negative outside."""
        share = np.abs(along) / self.along
        width = self.across * (self.waist + (1 - self.waist) * np.minimum(share, 1) ** 2)
        # Which of the two sides is near decides what a share of it is in mm.
        beside, beyond = (np.abs(across) / width) ** self.power, share**self.power
        both = beside + beyond + 2 * TINY
        scale = both / ((beside + TINY) / self.across + (beyond + TINY) / self.along)
        return (1 - both ** (1 / self.power)) * scale


@dataclass(frozen=True)
class Hand:
    """What stays a patient's own.

    Attributes:
        size: of the grown hand, 1 is usual.
        slender: widths as a share of the usual.
        fleshy: width of the flesh as a share of the usual.
        side: 1 or -1, left or right.
    """

    size: float
    slender: float
    fleshy: float
    side: int


@dataclass(frozen=True)
class Ray:
    """A long bone of the hand, from its base up, and the two that follow it.

    Attributes:
        base: x and y of its lower end.
        angle: in radians.
        lengths: of metacarpal, first and second phalanx.
        cap_below: the metacarpal's cap is at its lower end, as the thumb's is.
        closes: the age at which its plate closes.
    """

    base: tuple[float, float]
    angle: float
    lengths: tuple[float, float, float]
    cap_below: bool = False
    closes: float = 15.5


RAYS = (
    Ray((25, 11), 0.72, (43, 30, 22), cap_below=True, closes=14.8),
    Ray((13, 16), 0.13, (63, 38, 22), closes=15.8),
    Ray((2, 17), 0.0, (60, 42, 27), closes=15.6),
    Ray((-8, 15), -0.12, (54, 39, 25), closes=15.4),
    Ray((-16, 11), -0.27, (49, 31, 18), closes=15.2),
)
# Of each carpal: x, y, half width, half length, angle, and the age at which it appears.
CARPALS = (
    (0.5, 4, 6.0, 9.5, 0.0, 0.3),  # capitate
    (-10.5, 5, 6.0, 8.0, 0.25, 0.4),  # hamate
    (-15.5, -6.5, 5.5, 5.0, 0.6, 2.6),  # triquetrum
    (-3, -9.5, 6.5, 5.5, -0.2, 4.0),  # lunate
    (10.5, -5, 4.8, 8.5, 0.75, 5.4),  # scaphoid
    (20.5, 5.5, 5.8, 5.5, 0.3, 5.9),  # trapezium
    (12, 9, 4.8, 5.0, 0.0, 6.3),  # trapezoid
)
# Of radius and ulna: x, y of the plate, half width, half thickness of the cap, ages at which the
# cap appears and grows together with the shaft.
FOREARM = ((9.5, -21.0, 12.5, 4.2, 1.2, 17.2), (-16.0, -23.0, 7.0, 3.4, 6.2, 16.8))
SHAFT_MM = 60.0


def hand(generator: np.random.Generator) -> Hand:
    """A patient's hand by chance."""
    return Hand(
        size=float(np.clip(generator.normal(1, 0.05), 0.88, 1.12)),
        slender=float(np.clip(generator.normal(1, 0.07), 0.85, 1.15)),
        fleshy=float(generator.uniform(0.9, 1.2)),
        side=int(generator.choice((-1, 1))),
    )


def bones(generator: np.random.Generator, hand: Hand, age: float) -> Iterator[Bone]:
    """All bones that can be seen at an age.

    Args:
        generator: by which single bones are ahead or behind, and lie a little off.
        hand: whose.
        age: in years.
    """
    size = _size(hand, age)

    def own() -> float:
        return age + float(np.clip(generator.normal(0, SPREAD_YEARS), -0.8, 0.8))

    for x, y, across, along, angle, appears in CARPALS:
        ripe = own()
        off = generator.normal(0, 0.6, 2)
        grown = 0.3 + 0.7 * _rise(ripe, appears, RIPE_CARPAL)
        if ripe > appears:
            scale = size * grown
            yield Bone(
                x=x * size + float(off[0]),
                y=y * size + float(off[1]),
                angle=angle,
                across=across * hand.slender * scale,
                along=along * scale,
                power=2.6,
            )
    for x, y, across, thick, appears, closes in FOREARM:
        ripe, below = own(), SHAFT_MM / 2
        width = across * size * hand.slender
        yield Bone(x * size, y * size - below, 0.0, width, below, power=7, waist=0.6)
        if ripe > appears:
            plate = _plate(ripe, appears, closes)
            yield _cap((x * size, y * size), 0.0, (width, thick * size), plate, ripe, appears)
    for ray in RAYS:
        yield from _ray(ray, hand, size, own)


def flesh(hand: Hand, age: float) -> Iterator[Bone]:
    """The flesh around them: arm, palm and fingers."""
    size = _size(hand, age)
    wide = size * hand.fleshy
    yield Bone(-2 * size, -50 * size, 0.0, 29 * wide, 60 * size, power=5, waist=0.93, soft=True)
    yield Bone(-1 * size, 34 * size, 0.0, 38 * wide, 44 * size, power=4, soft=True)
    for ray in RAYS:
        half = sum(ray.lengths) * size / 2 + 6
        x, y = _up(ray.base, ray.angle, size, half)
        yield Bone(x, y, ray.angle, 10 * wide, half, power=5, soft=True)


def _ray(ray: Ray, hand: Hand, size: float, own: Callable[[], float]) -> Iterator[Bone]:
    """A metacarpal and two phalanges, each with the cap at one of its ends."""
    start = 0.0
    for number, length in enumerate(ray.lengths):
        ripe, closes = own(), ray.closes - 0.3 * number
        long = length * size
        width = (7.2 - 0.9 * number) * size * hand.slender
        thick, plate = CAP_MM * size, _plate(ripe, CAP_APPEARS, closes)
        taken = 2 * thick + plate
        below = number > 0 or ray.cap_below
        shaft = start + long / 2 + (taken / 2 if below else -taken / 2)
        middle = _up(ray.base, ray.angle, size, shaft)
        yield Bone(*middle, ray.angle, width, (long - taken) / 2, power=7, waist=0.62)
        if ripe > CAP_APPEARS:
            end = _up(ray.base, ray.angle, size, shaft + (long - taken) / 2 * (-1 if below else 1))
            angle = ray.angle + (math.pi if below else 0.0)
            yield _cap(end, angle, (width, thick), plate, ripe, CAP_APPEARS)
        start += long + JOINT_MM


def _cap(
    end: tuple[float, float],
    angle: float,
    full: tuple[float, float],
    plate: float,
    ripe: float,
    appears: float,
) -> Bone:
    """The cap over the end of a shaft, as far as bone has formed in it.

    Args:
        end: of the shaft.
        angle: from the shaft to the cap.
        full: half its width and half its thickness when it is ripe.
        plate: width of the growth plate under it.
        ripe: how old the bone is.
        appears: the age at which it appears.
    """
    grown = _rise(ripe, appears, RIPE_CAP)
    across, along = full[0] * (0.4 + 0.62 * grown), full[1] * (0.5 + 0.5 * grown)
    x, y = _up(end, angle, 1.0, plate + along)
    return Bone(x, y, angle, across, along, power=3.2)


def _plate(ripe: float, appears: float, closes: float) -> float:
    """Width of a growth plate in mm; below 0 the cap has grown into the shaft."""
    young, late = PLATE_MM
    return float(np.interp(ripe, (appears, closes - 3, closes, closes + 1), (young, late, 0, -1)))


def _rise(ripe: float, start: float, end: float) -> float:
    """From 0 at an age to 1 at another."""
    return float(np.clip((ripe - start) / (end - start), 0, 1))


def _size(hand: Hand, age: float) -> float:
    return hand.size * float(np.interp(age, GROWTH_AGES, GROWTH))


def _up(base: tuple[float, float], angle: float, size: float, way: float) -> tuple[float, float]:
    """The point that lies `way` mm from a base, of which the table tells the grown place."""
    return (
        base[0] * size + way * math.sin(angle),
        base[1] * size + way * math.cos(angle),
    )
