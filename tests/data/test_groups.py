"""Groups that stay together, and their share-out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tfmed.data.dataset import index
from tfmed.data.groups import groups, share_out
from tfmed.errors import DataError


def table(patients: list[str], digests: list[str], known: bool = True) -> pd.DataFrame:
    ids = [str(number) for number in range(len(patients))]
    columns = {"id": ids, "path": ids, "patient": patients, "patient_known": [known] * len(ids)}
    return index(columns).assign(digest=digests)


def test_a_patient_is_one_group() -> None:
    assert list(groups(table(["a", "b", "a"], ["1", "2", "3"]))) == [0, 1, 0]


def test_equal_images_join_their_patients() -> None:
    # a-b share image 1 and b-c image 2: all three are one group; d is alone.
    found = groups(table(["a", "b", "b", "c", "d"], ["1", "1", "2", "2", "3"]))
    assert len(set(found[:4])) == 1
    assert found[4] != found[0]


def test_an_examples_own_id_is_not_a_patient_of_that_name() -> None:
    rows = table(["a", "a"], ["1", "2"])
    rows.loc[1, "patient_known"] = False
    assert len(set(groups(rows))) == 2


def test_shares_are_those_asked_for_in_every_class() -> None:
    counts = np.repeat(np.eye(2, dtype=int), [700, 300], axis=0)
    part = share_out(counts, (0.7, 0.15, 0.15), seed=0, every=np.ones(2, bool))
    assert np.bincount(part[:700]).tolist() == [490, 105, 105]
    assert np.bincount(part[700:]).tolist() == [210, 45, 45]


def test_large_groups_do_not_spoil_the_shares() -> None:
    generator = np.random.default_rng(0)
    counts = (
        generator.integers(1, 30, (200, 1)) * np.eye(3, dtype=int)[generator.integers(0, 3, 200)]
    )
    part = share_out(counts, (0.6, 0.2, 0.2), seed=1, every=np.ones(3, bool))
    shares = np.stack([counts[part == p].sum(axis=0) for p in range(3)]) / counts.sum(axis=0)
    np.testing.assert_allclose(shares, np.repeat([[0.6], [0.2], [0.2]], 3, axis=1), atol=0.03)


def test_three_patients_of_a_class_go_to_three_parts() -> None:
    counts = np.array([[20, 0]] * 50 + [[0, 1]] * 3)
    part = share_out(counts, (0.7, 0.15, 0.15), seed=0, every=np.ones(2, bool))
    assert sorted(part[50:]) == [0, 1, 2]


def test_patients_with_both_classes_can_serve_both() -> None:
    counts = np.array([[1, 1]] * 3)
    assert sorted(share_out(counts, (0.5, 0.25, 0.25), 0, np.ones(2, bool))) == [0, 1, 2]


def test_what_cannot_be_laid_out_is_an_error() -> None:
    with pytest.raises(DataError, match="every class in every part"):
        share_out(np.array([[1], [1]]), (0.5, 0.25, 0.25), 0, np.ones(1, bool))
