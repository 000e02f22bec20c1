"""Training patches: the right place of the right case, normalised, with its mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import makers_volumes as volumes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from tfmed import feed
from tfmed.errors import ConfigError, DataError
from tfmed.tasks.segmentation import feed as patches
from tfmed.transforms.normalisation import Normalisation

ZSCORE = Normalisation("zscore")
MOST = (
    {"name": "deform", "degrees": 30.0, "probabilities": [0.5, 0.5, 0.5]},
    {"name": "noise", "amount": 0.1, "probability": 0.5},
    {"name": "blur"},
    {"name": "low_resolution"},
    {"name": "gamma"},
    {"name": "mirror", "axes": [0, 1, 2]},
)


@dataclass(frozen=True)
class Plan:
    patch_size: tuple[int, ...] = (8, 12, 10)
    batch_size: int = 6
    foreground_share: float = 1 / 3
    augmentation: tuple[dict[str, Any], ...] = ()


PLAN = Plan()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> feed.CaseStore:
    folder = tmp_path_factory.mktemp("patches")
    dataset = volumes.dataset(folder / "d")
    settings = {"normalisation": ZSCORE, "folder": folder / "c", "workers": 0}
    return feed.build_cases(dataset, spacing_mm=(1.0, 1.0, 1.0), **settings)


def batches(made: feed.CaseStore, plan: Plan, steps: range, seed: int = 1) -> list[Any]:
    stream = patches.training(made, plan, seed=seed, steps=steps)
    return [(image.numpy(), mask.numpy()) for image, mask in stream]


def found_at(
    made: feed.CaseStore, image: np.ndarray, mask: np.ndarray
) -> tuple[int, tuple[int, ...]]:
    """The case and the place that a patch was cut from, by looking for it in all of them."""
    size = mask.shape
    for row in range(len(made)):
        pixels, labels = made.case(row)
        pixels = ZSCORE.apply(pixels)[..., 0]
        frame = [(length, length) for length in size]
        pixels, labels = np.pad(pixels, frame), np.pad(labels, frame)
        windows = np.lib.stride_tricks.sliding_window_view(pixels, size)
        near = np.abs(windows[..., 0, 0, 0] - image[0, 0, 0, 0]) < 1e-3
        for place in np.argwhere(near):
            part = tuple(slice(at, at + n) for at, n in zip(place, size, strict=True))
            if np.allclose(pixels[part], image[..., 0], atol=2e-3):
                np.testing.assert_array_equal(labels[part], mask)
                return row, tuple(int(at) - n for at, n in zip(place, size, strict=True))
    raise AssertionError("the patch is in no case")


def test_patches_are_parts_of_their_cases_with_their_masks(made: feed.CaseStore) -> None:
    rows = []
    for image, mask in batches(made, PLAN, range(4)):
        assert (image.shape, image.dtype) == ((6, 8, 12, 10, 1), np.float32)
        assert (mask.shape, mask.dtype) == ((6, 8, 12, 10), np.int32)
        for one, labels in zip(image, mask, strict=True):
            row, start = found_at(made, one, labels)
            rows.append(row)
            space = made.shapes[row] - PLAN.patch_size
            assert all(0 <= at <= most for at, most in zip(start, space, strict=True))
    # Every case is seen as often as any other.
    assert np.bincount(rows, minlength=3).tolist() == [8, 8, 8]


def test_a_share_is_centred_on_structures_each_as_often(made: feed.CaseStore) -> None:
    plan = Plan(patch_size=(5, 5, 5), batch_size=9)
    middles = [mask[:, 2, 2, 2] for _, mask in batches(made.take(np.arange(2)), plan, range(60))]
    labels = np.array(middles)
    assert (labels[:, :3] > 0).mean() > 0.95  # a bar near the edge cannot be in the middle
    assert (labels[:, 3:] > 0).mean() < 0.15
    assert 0.35 < (labels[:, :3] == 2).mean() < 0.6


@pytest.mark.parametrize(
    ("batch", "share", "count"),
    [(2, 1 / 3, 1), (9, 1 / 3, 3), (12, 1 / 3, 4), (10, 1 / 3, 4), (4, 0.0, 0), (3, 1.0, 3)],
)
def test_the_share_is_rounded_up(batch: int, share: float, count: int) -> None:
    assert patches._centred(batch, share).sum() == count


def test_outside_of_a_case_all_is_zero(made: feed.CaseStore) -> None:
    plan = Plan(patch_size=(40, 40, 40), batch_size=3)
    starts = set()
    for image, mask in batches(made, plan, range(3)):
        for one, labels in zip(image, mask, strict=True):
            inside = np.argwhere(one[..., 0] != 0)
            low, high = inside.min(0), inside.max(0) + 1
            shape = (high - low).tolist()
            assert shape in made.shapes.tolist()  # all of the case is in the patch
            assert not labels[one[..., 0] == 0].any()
            starts.add(tuple(low.tolist()))
    assert len(starts) > 3  # and not always at one place


def test_the_seed_and_the_step_tell_every_bit(made: feed.CaseStore) -> None:
    plan = replace(PLAN, augmentation=MOST)
    first = batches(made, plan, range(5))
    later = batches(made, plan, range(3, 5))
    for (image, mask), (again, labels) in zip(first[3:], later, strict=True):
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(mask, labels)
    assert (first[0][0] != first[1][0]).any()
    assert (batches(made, plan, range(1), seed=2)[0][0] != first[0][0]).any()


def test_shapes_are_static_and_the_graph_is_pure(made: feed.CaseStore) -> None:
    stream = patches.training(made, replace(PLAN, augmentation=MOST), seed=1, steps=range(9))
    assert stream.element_spec == (
        tf.TensorSpec((6, 8, 12, 10, 1), tf.float32),
        tf.TensorSpec((6, 8, 12, 10), tf.int32),
    )
    graph = GraphDef.FromString(
        tf.raw_ops.DatasetToGraphV2(input_dataset=stream._variant_tensor).numpy()
    )
    nodes = [*graph.node, *(node for one in graph.library.function for node in one.node_def)]
    operations = {node.op for node in nodes}
    assert "ImmutableConst" in operations
    assert not {name for name in operations if "PyFunc" in name or "Generator" in name}


def test_a_margin_is_cut_for_deformation_and_cut_away(made: feed.CaseStore) -> None:
    still = {"name": "deform", "degrees": 0.0, "scale": [1.0, 1.0], "bend": 0.0}
    for plan in (PLAN, Plan(patch_size=(12, 10), batch_size=4)):
        plain = batches(made, plan, range(2))
        steps = ({**still, "probabilities": [1.0, 1.0, 1.0]},)
        for old, new in zip(
            plain, batches(made, replace(plan, augmentation=steps), range(2)), strict=False
        ):
            np.testing.assert_array_equal(old[0], new[0])
            np.testing.assert_array_equal(old[1], new[1])


def test_what_is_brought_in_comes_from_about_the_patch(made: feed.CaseStore) -> None:
    # Seen at four fifths of its size, the patch shows a quarter more of the case.
    smaller = {"name": "deform", "degrees": 0.0, "scale": [0.8, 0.8], "bend": 0.0}
    plan = Plan(patch_size=(40, 40, 40), batch_size=3)
    steps = ({**smaller, "probabilities": [0.0, 1.0, 0.0]},)
    plain = batches(made, plan, range(1))[0][0]
    moved = batches(made, replace(plan, augmentation=steps), range(1))[0][0]
    share = (moved != 0).sum((1, 2, 3, 4)) / (plain != 0).sum((1, 2, 3, 4))
    assert (share < 0.75).all()  # about 0.8 to the third power, and nothing mirrored


def test_slices_of_volumes_for_a_flat_network(made: feed.CaseStore) -> None:
    plan = Plan(patch_size=(12, 10), batch_size=4)
    for image, mask in batches(made, plan, range(2)):
        assert image.shape == (4, 12, 10, 1)
        for one, labels in zip(image, mask, strict=True):
            found_at(made, one[np.newaxis], labels[np.newaxis])


def test_a_case_that_is_one_structure_or_none_is_no_trouble(tmp_path: Path) -> None:
    dataset = volumes.dataset(tmp_path / "d")
    made = feed.build_cases(
        dataset, spacing_mm=None, normalisation=ZSCORE, folder=tmp_path / "c", workers=0
    )
    empty = replace(made, foreground=replace(made.foreground, counts=made.foreground.counts * 0))
    for image, _ in batches(empty, PLAN, range(2)):
        assert np.isfinite(image).all()


def test_wrong_plans_and_cases_are_refused(made: feed.CaseStore) -> None:
    settings: dict[str, Any] = {"seed": 1, "steps": range(1)}
    with pytest.raises(ConfigError, match=r"3 axes have no patches of size \(8,\)"):
        patches.training(made, Plan(patch_size=(8,)), **settings)
    with pytest.raises(ConfigError, match="at least 1"):
        patches.training(made, Plan(batch_size=0), **settings)
    with pytest.raises(ConfigError, match="deform"):
        patches.training(made, Plan(augmentation=({"name": "deforms"},)), **settings)
    with pytest.raises(DataError, match="0 cases"):
        patches.training(made.take(np.zeros(0, int)), PLAN, **settings)
    bare = replace(made, labelled=np.array([True, False, True]))
    with pytest.raises(DataError, match="3 cases, 2 of them with a mask"):
        patches.training(bare, PLAN, **settings)
