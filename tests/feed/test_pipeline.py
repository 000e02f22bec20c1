"""Batches: each row once an epoch, a function of (seed, step), in order for evaluation."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed
from tfmed.data.auditing import audit
from tfmed.errors import ConfigError, DataError, ReadError
from tfmed.transforms import Preprocessing, normalise, resample

COUNT = 23
PLAN = Preprocessing((6, 5), 1, (0.0, 255.0), 0.5, 0.25)
AUGMENTATION = (
    {"name": "projective", "degrees": 10.0, "scale": 0.1, "probability": 0.9},
    {"name": "noise", "amount": 0.1, "probability": 0.5},
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> data.Dataset:
    folder = tmp_path_factory.mktemp("data")
    return audit(data.open(makers.npz(folder / "a.npz", {"train": COUNT}, (8, 9))), workers=0)


@pytest.fixture(scope="module")
def cache(dataset: data.Dataset, tmp_path_factory: pytest.TempPathFactory) -> feed.Store:
    return feed.build(dataset, PLAN, tmp_path_factory.mktemp("cache"))


def batches(cache: feed.Store, **changed: object) -> list[tuple[np.ndarray, ...]]:
    targets = np.stack([np.arange(COUNT), np.full(COUNT, np.nan)], axis=1).astype("float32")
    settings = {"batch_size": 7, "seed": 0, "steps": range(4), "preprocessing": PLAN} | changed
    weights = np.arange(COUNT, dtype="float32") + 100
    return list(feed.training(cache, targets, weights, **settings).as_numpy_iterator())


def test_images_targets_and_weights_belong_together(cache: feed.Store) -> None:
    ordered = np.concatenate(list(feed.evaluation(cache, PLAN, 8)))
    for step, (image, target, weight) in enumerate(batches(cache)):
        rows = feed.batch_rows(COUNT, 7, 0, step)
        np.testing.assert_array_equal(target[:, 0], rows)
        np.testing.assert_array_equal(weight, rows + 100)
        np.testing.assert_allclose(image, ordered[rows], atol=1e-6)
        assert np.isnan(target[:, 1]).all()


@pytest.mark.parametrize("count", [1, 2, 5, 23, 64, 1000])
@pytest.mark.parametrize("seed", [0, 7, -1, 2**40 + 3])
def test_every_row_comes_once_an_epoch(count: int, seed: int) -> None:
    size = 7
    stream = np.concatenate([feed.batch_rows(count, size, seed, step) for step in range(count)])
    epochs = stream[: len(stream) // count * count].reshape(-1, count)
    assert len(epochs) == size
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [np.arange(count)] * size)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_is_well_shuffled_and_another_in_each_epoch(seed: int) -> None:
    count = 100
    epochs = np.stack([feed.batch_rows(count, count, seed, step) for step in range(20)])
    assert len(np.unique(epochs, axis=0)) == 20
    # A random permutation leaves one row in its place, and 2 of 100 neighbours side by side.
    assert (epochs == np.arange(count)).sum(axis=1).mean() < 3
    assert (np.abs(np.diff(epochs, axis=1)) == 1).mean() < 0.05
    assert np.abs([np.corrcoef(one, np.arange(count))[0, 1] for one in epochs]).mean() < 0.2


def test_a_run_that_resumes_sees_the_same_batches(cache: feed.Store) -> None:
    settings = {"augmentation": AUGMENTATION, "mixup": 0.4}
    whole = batches(cache, steps=range(8), **settings)
    rest = batches(cache, steps=range(5, 8), **settings)
    for one, other in zip(whole[5:], rest, strict=True):
        for before, after in zip(one, other, strict=True):
            np.testing.assert_array_equal(before, after)


def test_seeds_and_steps_differ(cache: feed.Store) -> None:
    images = [
        *(batch[0] for batch in batches(cache, augmentation=AUGMENTATION)),
        *(batch[0] for batch in batches(cache, augmentation=AUGMENTATION, seed=1)),
    ]
    assert len({image.tobytes() for image in images}) == len(images)


def test_mixup_weighs_each_target_by_its_own_example(cache: feed.Store) -> None:
    targets = np.eye(COUNT, dtype="float32")
    weights = np.arange(COUNT, dtype="float32")
    settings = {"preprocessing": PLAN, "batch_size": 7, "seed": 3, "steps": range(3), "mixup": 1.0}
    for step, (_, target, weight) in enumerate(
        feed.training(cache, targets, weights, **settings).as_numpy_iterator()
    ):
        rows = feed.batch_rows(COUNT, 7, 3, step)
        np.testing.assert_allclose(target.sum(axis=1), 1, atol=1e-5)
        share = (target * weight[:, None])[range(7), rows] / np.maximum(rows, 1)
        other = np.roll(rows, 1)
        expected = share * rows + (1 - share) * other
        np.testing.assert_allclose(weight[rows > 0], expected[rows > 0], rtol=1e-4)


def test_targets_are_of_any_shape_and_mixed_as_rows_are(cache: feed.Store) -> None:
    targets = np.random.default_rng(1).normal(size=(COUNT, 3, 2)).astype("float32")
    settings = {"preprocessing": PLAN, "batch_size": 7, "seed": 3, "steps": range(2), "mixup": 1.0}
    weights = np.ones(COUNT, np.float32)
    rows = feed.training(cache, targets.reshape(COUNT, 6), weights, **settings)
    for (_, whole, _), (_, flat, _) in zip(
        feed.training(cache, targets, weights, **settings), rows, strict=True
    ):
        assert whole.shape == (7, 3, 2)
        np.testing.assert_array_equal(tf.reshape(whole, [7, 6]), flat)


def test_evaluation_and_direct_reads_agree(dataset: data.Dataset, cache: feed.Store) -> None:
    cached = list(feed.evaluation(cache, PLAN, 8))
    direct = list(feed.direct(dataset, PLAN, 8))
    assert [batch.shape for batch in direct] == [(8, 6, 5, 1)] * 3
    np.testing.assert_allclose(np.stack(cached), np.stack(direct), atol=1e-4)
    expected = normalise(
        resample(np.stack(list(feed.read(dataset, PLAN))), PLAN), PLAN.normalisation
    )
    np.testing.assert_array_equal(np.concatenate(direct)[:COUNT], expected)
    np.testing.assert_array_equal(direct[2][7], direct[2][6])


def test_a_part_is_fed_by_its_own_rows(cache: feed.Store) -> None:
    part = cache.take(np.array([20, 3, 11]))
    ordered = np.concatenate(list(feed.evaluation(cache, PLAN, COUNT)))
    np.testing.assert_array_equal(
        np.concatenate(list(feed.evaluation(part, PLAN, 3))), ordered[[20, 3, 11]]
    )


def test_a_file_that_goes_away_is_named_in_direct_reads(tmp_path: Path) -> None:
    folder = makers.class_folders(tmp_path / "images", count=3)
    dataset = audit(data.open(folder), workers=0)
    Path(dataset.table["path"][4]).write_bytes(b"")
    name = Path(dataset.table["path"][4]).name
    with pytest.raises(ReadError, match=name):
        list(feed.direct(dataset, PLAN, 2))


def test_wrong_input_is_refused(cache: feed.Store) -> None:
    targets, weights = np.zeros([COUNT, 2]), np.ones(COUNT)
    settings = {"preprocessing": PLAN, "batch_size": 4, "seed": 0, "steps": range(1)}
    with pytest.raises(DataError, match="22 weights"):
        feed.training(cache, targets, weights[1:], **settings)
    with pytest.raises(ConfigError, match="did you mean 'noise'"):
        feed.training(cache, targets, weights, **settings, augmentation=[{"name": "noize"}])
    with pytest.raises(ConfigError, match="batch_size"):
        feed.training(cache, targets, weights, **(settings | {"batch_size": 0}))
