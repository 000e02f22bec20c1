"""Slices of one stack are found, and held out in blocks of neighbours."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
from makers_masks import mask
from scipy.ndimage import gaussian_filter

from tfmed import data
from tfmed.data import auditing
from tfmed.data.parts import assign, folds

SIZE = (48, 40)


def stack(count: int, smooth: float = 2.0) -> np.ndarray:
    """Images of 8 bits that change slowly from one to the next."""
    values = np.random.default_rng(1).normal(size=(count, *SIZE))
    values = gaussian_filter(values, (smooth, 2, 2), mode="wrap")
    return np.uint8(255 * (values - values.min()) / np.ptp(values))


def opened(folder: Path, images: np.ndarray, name: str = "{}") -> data.Dataset:
    for number, image in enumerate(images):
        makers.raster(folder / "images" / f"{name.format(number)}.png", image)
        mask(folder / "masks" / f"{name.format(number)}.png", 255, size=SIZE)
    dataset = data.open(folder, truth="mask")
    return auditing.audit(dataset, workers=0)


def numbers(dataset: data.Dataset) -> list[int]:
    return sorted(int("".join(filter(str.isdigit, Path(id_).stem))) for id_ in dataset.table["id"])


@pytest.mark.parametrize("name", ["{}", "z{:03}", "slice-{}"])
def test_blocks_of_neighbours_are_held_out(tmp_path: Path, name: str) -> None:
    dataset = opened(tmp_path, stack(30), name)
    assert dataset.facts["stack"].startswith("the 30 images are slices of one stack: 7 blocks")
    assert not dataset.table["patient_known"].any()
    whole = assign(dataset)
    assert "contiguous block" in whole.facts["split"]["how"]
    assert dataset.facts["stack"] in whole.facts["split"]["how"]
    for part in ("val", "test"):
        held = numbers(whole.part(part))
        assert len(held) in (4, 5) and np.ptp(held) == len(held) - 1
    for fold in folds(dataset, 7):
        held = numbers(fold.part("test"))
        assert np.ptp(held) == len(held) - 1


def test_images_that_are_not_alike_to_their_neighbours_are_no_stack(tmp_path: Path) -> None:
    dataset = opened(tmp_path, stack(16, smooth=0))
    assert "stack" not in dataset.facts
    assert list(dataset.table["patient"]) == list(dataset.table["id"])


@pytest.mark.parametrize("seed", range(8))
def test_a_few_images_in_any_order_are_rarely_taken_for_a_stack(tmp_path: Path, seed: int) -> None:
    # Discs at random places: the medians of 11 correlations alone differ by 0.1 in one of 4.
    generator, grid = np.random.default_rng(seed), np.indices(SIZE)
    images = np.empty((12, *SIZE), np.uint8)
    for image in images:
        centre = generator.uniform(12, 28, 2)[:, None, None]
        image[:] = generator.normal(60, 12, SIZE) + 80 * (((grid - centre) ** 2).sum(0) < 64)
    assert "stack" not in opened(tmp_path, images).facts


@pytest.mark.parametrize("what", ["gap", "few", "letters", "folders"])
def test_gaps_few_images_other_names_and_several_folders_are_no_stack(
    tmp_path: Path, what: str
) -> None:
    images = stack(16)
    name = "{}"
    if what == "few":
        images = images[:6]
    if what == "letters":
        name = "slice{}_a"
    if what == "folders":
        name = "P1/{}"
        makers.raster(tmp_path / "images" / "P2" / "16.png", images[0])
        mask(tmp_path / "masks" / "P2" / "16.png", 255, size=SIZE)
    if what == "gap":
        makers.raster(tmp_path / "images" / "99.png", images[3])
        mask(tmp_path / "masks" / "99.png", 255, size=SIZE)
    assert "stack" not in opened(tmp_path, images, name).facts


def test_images_of_several_patients_in_a_table_are_no_stack(tmp_path: Path) -> None:
    opened(tmp_path, stack(16))
    rows = [f"images/{n}.png,masks/{n}.png,P{n // 4}" for n in range(16)]
    (tmp_path / "cases.csv").write_text("\n".join(["image,mask,patient", *rows]))
    dataset = data.open(tmp_path / "cases.csv", truth="mask")
    dataset = auditing.audit(dataset, workers=0)
    assert "stack" not in dataset.facts and dataset.table["patient"].nunique() == 4


def test_the_real_stack_is_found(shared_data: Path) -> None:
    dataset = data.open(shared_data / "isbi2012_membrane", truth="mask")
    dataset = auditing.audit(dataset, workers=0)
    assert "7 blocks" in dataset.facts["stack"]
    whole = assign(dataset)
    assert [len(whole.part(part)) for part in ("train", "val", "test")] == [22, 4, 4]
    for part in ("val", "test"):
        assert np.ptp(numbers(whole.part(part))) == 3
    assert len(whole.part("")) == 30 and not whole.part("").answered.any()
