"""Drawn wrists: what grows with age, who is in which part, and that brightness tells little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from tfmed import data
from tfmed.data.sources import wrist_bones, wrists

FEW = {"train": 120, "val": 30, "test": 30}
USUAL = wrist_bones.Hand(size=1.0, slender=1.0, fleshy=1.0, side=1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrists")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrists, "PATIENTS", FEW)
        wrists.write(folder, 0)
    return folder


@pytest.fixture(scope="module")
def listed(drawn: Path) -> pd.DataFrame:
    return pd.read_csv(drawn / wrists.TABLE)


def seen(age: float, hand: wrist_bones.Hand = USUAL) -> list[wrist_bones.Bone]:
    return list(wrist_bones.bones(np.random.default_rng(0), hand, age))


def test_the_set_opens_by_name_with_ages_and_known_patients(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path))
    monkeypatch.setattr(wrists, "PATIENTS", FEW)
    found = data.open("synthetic:wrists", truth="number")
    assert len(found) == 240
    assert len(found.rejects) == 0
    assert found.table["patient_known"].all()
    assert set(found.table["split"]) == {"train", "val", "test"}
    ages = found.table["number"]
    assert ages.between(*wrists.AGES).all()
    assert (ages * 10 - (ages * 10).round()).abs().max() < 1e-6


def test_parts_are_as_large_as_intervals_need_and_no_patient_is_in_two() -> None:
    images = {part: count // 3 * 4 for part, count in wrists.PATIENTS.items()}
    assert images == {"train": 1200, "val": 424, "test": 424}


def test_every_third_patient_has_two_images_of_different_ages_in_one_part(
    listed: pd.DataFrame,
) -> None:
    of_patient = listed.groupby("patient")
    assert of_patient.size().value_counts().to_dict() == {1: 120, 2: 60}
    assert of_patient["split"].nunique().max() == 1
    twice = of_patient["label"].agg(["min", "max"])[of_patient.size() == 2]
    apart = twice["max"] - twice["min"]
    # Each age is told in tenths.
    assert apart.between(0.4, 4.1).all()
    assert listed.groupby("split").size().to_dict() == {"test": 40, "train": 160, "val": 40}


def test_images_are_small_and_grey(drawn: Path, listed: pd.DataFrame) -> None:
    for path in listed["path"][::40]:
        with Pillow.open(drawn / path) as image:
            assert (image.mode, image.size) == ("L", (wrists.PIXELS, wrists.PIXELS))


def test_brightness_alone_tells_little_of_the_age(drawn: Path, listed: pd.DataFrame) -> None:
    means = [np.asarray(Pillow.open(drawn / path)).mean() for path in listed["path"]]
    # Quadratic in the mean: the share of the ages' spread that it explains.
    fitted = np.polyval(np.polyfit(means, listed["label"], 2), means)
    left = ((listed["label"] - fitted) ** 2).sum()
    assert 1 - left / ((listed["label"] - listed["label"].mean()) ** 2).sum() < 0.5


def test_one_seed_draws_the_same_image_and_another_seed_another() -> None:
    def image(seed: int) -> np.ndarray:
        return wrists.draw(np.random.default_rng(seed), USUAL, 7.0)

    np.testing.assert_array_equal(image(1), image(1))
    assert not np.array_equal(image(1), image(2))


def test_a_left_hand_is_a_right_one_in_a_mirror() -> None:
    def lit(side: int) -> np.ndarray:
        image = np.zeros((wrists.PIXELS, wrists.PIXELS), np.float32)
        for bone in seen(9.0):
            wrists._lay(image, bone, side, 0.0, (0.0, 0.0))
        return image

    # Shapes fade out over less than this where they are cut off.
    np.testing.assert_allclose(lit(1), lit(-1)[:, ::-1], atol=0.005)


def test_bones_appear_with_age_until_all_are_there() -> None:
    counts = [len(seen(age)) for age in (2, 4, 6, 8, 12, 18)]
    assert counts == sorted(counts)
    # 7 carpals; shaft and cap of radius and ulna; 15 bones of the fingers with a cap each.
    assert counts[-1] == 7 + 4 + 30
    assert counts[0] < counts[2] < counts[3]


def test_growth_plates_narrow_and_close() -> None:
    widths = [wrist_bones._plate(age, appears=1.2, closes=17.2) for age in (1.2, 14.2, 17.2, 18.2)]
    assert widths == pytest.approx([3.2, 2.0, 0.0, -1.0])


def test_a_larger_hand_has_longer_bones_at_the_same_age() -> None:
    small, large = (
        wrist_bones.Hand(size=size, slender=1.0, fleshy=1.0, side=1) for size in (0.9, 1.1)
    )
    lengths = [[bone.along for bone in seen(18.0, hand)[:7]] for hand in (small, large)]
    np.testing.assert_allclose(np.divide(*lengths), 0.9 / 1.1)


def test_depth_in_a_shape_is_zero_on_its_edge_and_in_mm_beside_it() -> None:
    bone = wrist_bones.Bone(0, 0, 0.0, across=3.0, along=5.0)
    across, along = np.array([0, 3, 0, 6, 0, 2]), np.array([0, 0, 5, 0, 7, 0])
    found = bone.depth_mm(across, along)
    np.testing.assert_allclose(found[1:], [0, 0, -3, -2, 1], atol=1e-6)
    assert found[0] > 3
