"""Where patches begin: about a voxel, inside of the image as far as they can be."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfmed.feed.places import below, starts

SEED = tf.constant([1, 2])


def test_every_number_below_the_end_is_as_likely() -> None:
    ends = tf.constant([1] * 600 + [3] * 600, tf.int64)
    found = below(ends, SEED).numpy()
    assert not found[:600].any()
    counts = np.bincount(found[600:])
    assert len(counts) == 3
    assert counts.min() > 150


def test_a_patch_is_centred_and_pushed_inside() -> None:
    shapes = tf.constant([[20, 30]] * 3, tf.int64)
    # Voxels (10, 15), (1, 29) and (19, 0) of 20 rows of 30.
    centre = tf.constant([10 * 30 + 15, 1 * 30 + 29, 19 * 30], tf.int64)
    found = starts(shapes, (8, 6), centre, tf.constant([True] * 3), SEED)
    np.testing.assert_array_equal(found, [[6, 12], [0, 24], [12, 0]])


def test_without_a_centre_every_place_is_reached() -> None:
    shapes = tf.constant([[9, 5]] * 500, tf.int64)
    found = starts(shapes, (6, 8), tf.zeros([500], tf.int64), tf.zeros([500], tf.bool), SEED)
    assert np.unique(found[:, 0]).tolist() == [0, 1, 2, 3]
    # A longer patch begins before its image, and ends behind it.
    assert np.unique(found[:, 1]).tolist() == [-3, -2, -1, 0]


def test_a_longer_patch_lies_anywhere_though_it_has_a_centre() -> None:
    shapes = tf.constant([[9, 5]] * 200, tf.int64)
    centre = tf.fill([200], tf.constant(4 * 5 + 2, tf.int64))
    found = starts(shapes, (4, 8), centre, tf.ones([200], tf.bool), SEED).numpy()
    assert np.unique(found[:, 0]).tolist() == [2]
    assert np.unique(found[:, 1]).tolist() == [-3, -2, -1, 0]
