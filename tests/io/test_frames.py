"""Frames that stand for a clip."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.errors import ReadError
from tfmed.io.frames import chosen_frames, empty_clip, even_frames


@pytest.mark.parametrize(
    ("count", "sample", "expected"),
    [
        (10, 4, [0, 3, 6, 9]),
        (5, 5, [0, 1, 2, 3, 4]),
        (2, 3, [0, 0, 1]),
        (9, 1, [0]),
        (1, 2, [0, 0]),
    ],
)
def test_a_sample_goes_from_the_first_frame_to_the_last(
    count: int, sample: int, expected: list[int]
) -> None:
    frames = even_frames(count, sample)
    assert frames.tolist() == expected
    assert frames.dtype == np.int64


def test_one_frame_goes_before_a_sample_and_a_sample_before_all() -> None:
    assert chosen_frames("a", 5, 2, 3).tolist() == [2]
    assert chosen_frames("a", 5, -1, 3).tolist() == [0, 2, 4]
    assert chosen_frames("a", 5, -1, 0).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("frame", [5, -2])
def test_a_frame_that_is_not_there_is_refused(frame: int) -> None:
    with pytest.raises(ReadError, match=f"frame {frame} was asked for, it has 5"):
        chosen_frames("a", 5, frame, 0)


def test_a_clip_over_2_gib_says_how_to_read_less() -> None:
    with pytest.raises(ReadError, match=r"800 frames of 1000 x 1000 pixels .* \(sample\)"):
        empty_clip("a", 800, 1000, 1000)
