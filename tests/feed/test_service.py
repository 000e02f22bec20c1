"""Behind the cache the training feed is a pure TensorFlow graph, which others can run."""

from __future__ import annotations

from pathlib import Path

import makers
import makers_volumes as volumes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from tfmed import data, feed
from tfmed.data.auditing import audit
from tfmed.transforms import Preprocessing
from tfmed.transforms.normalisation import Normalisation

COUNT = 20
SIZES = {"images": (8, 9), "clips": (6, 8, 9)}
STEPS = (
    {"name": "projective", "degrees": 10.0, "scale": 0.1},
    {"name": "gamma", "amount": 0.3, "probability": 0.5},
    {"name": "noise", "amount": 0.1, "probability": 0.5},
)


@pytest.fixture(params=SIZES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def feeds(kind: str, tmp_path: Path) -> dict[str, tf.data.Dataset]:
    size = SIZES[kind]
    path = makers.npz(tmp_path / "a.npz", {"train": COUNT}, size)
    clips = kind == "clips"
    preprocessing = Preprocessing((4, 6, 7) if clips else (6, 7), 1, (0.0, 255.0), sampled=clips)
    dataset = audit(data.open(path), workers=0)
    cache = feed.build(dataset, preprocessing, tmp_path / "cache")
    targets = np.eye(COUNT, dtype="float32")
    settings = {"batch_size": 5, "seed": 3, "steps": range(8), "preprocessing": preprocessing}
    weights = np.ones(COUNT, np.float32)
    moves = () if clips else STEPS
    cases = feed.build_cases(
        volumes.dataset(tmp_path / "volumes"),
        spacing_mm=None,
        normalisation=Normalisation("zscore"),
        folder=tmp_path / "cache",
        workers=0,
    )

    def patch(number: tf.Tensor) -> tf.Tensor:
        starts = tf.ones([2, 3], tf.int64)
        return cases.images.patch(tf.stack([number, number + 1]), starts, (4, 4, 4))

    return {
        "plain": feed.training(cache, targets, weights, **settings),
        "augmented": feed.training(
            cache, targets, weights, **settings, augmentation=moves or STEPS[1:], mixup=0.2
        ),
        "evaluation": feed.evaluation(cache, preprocessing, 5),
        "patches": tf.data.Dataset.range(2).map(patch),
    }


def operations(dataset: tf.data.Dataset) -> set[str]:
    """Every kind of operation of a data set's graph and of the functions in it."""
    graph = GraphDef.FromString(dataset._as_serialized_graph().numpy())
    nodes = [*graph.node, *(node for one in graph.library.function for node in one.node_def)]
    return {node.op for node in nodes}


def test_no_python_is_in_the_graph(feeds: dict[str, tf.data.Dataset]) -> None:
    for name, dataset in feeds.items():
        found = operations(dataset)
        assert "ImmutableConst" in found, name
        assert not {op for op in found if "PyFunc" in op or "Generator" in op}, name


def test_a_graph_holds_the_rows_and_not_the_images(feeds: dict[str, tf.data.Dataset]) -> None:
    for name, dataset in feeds.items():
        graph = GraphDef.FromString(dataset._as_serialized_graph().numpy())
        nodes = [*graph.node, *(node for one in graph.library.function for node in one.node_def)]
        constants = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
        held = sum(len(tensor.tensor_content) for tensor in constants)
        # Targets and weights of 20 examples take 1,680 bytes; the least of the files 1,680 x 2.
        assert held < 5000, name


def test_a_service_gives_the_same_batches(feeds: dict[str, tf.data.Dataset]) -> None:
    # A worker on another host needs the cache file under the same path, as on a shared disk.
    dispatcher = tf.data.experimental.service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    worker = tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(dispatcher_address=address)
    )
    for name, dataset in feeds.items():
        distributed = dataset.apply(
            tf.data.experimental.service.distribute("parallel_epochs", dispatcher.target)
        )
        pairs = list(zip(dataset, distributed, strict=True))
        assert pairs, name
        for here, there in pairs:
            for one, other in zip(tf.nest.flatten(here), tf.nest.flatten(there), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=name)
    worker._stop()
    dispatcher._stop()
