"""Drawn organs: their files, and the formulas of their truth."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.ndimage import binary_dilation, gaussian_filter

from tfmed import data
from tfmed.data import auditing
from tfmed.data.sources import organs


def test_the_surface_of_an_ellipsoid_is_that_of_its_integral() -> None:
    a, b, c = 30.0, 40.0, 25.0

    def element(theta: float, phi: float) -> float:
        normal = (
            b * c * np.sin(theta) ** 2 * np.cos(phi),
            a * c * np.sin(theta) ** 2 * np.sin(phi),
            a * b * np.sin(theta) * np.cos(theta),
        )
        return float(np.linalg.norm(normal))

    true, _ = dblquad(element, 0, 2 * np.pi, 0, np.pi, epsrel=1e-6)
    volume, surface = organs.ellipsoid(a, b, c)
    assert surface == pytest.approx(true, rel=1e-5)
    assert volume == pytest.approx(4 / 3 * np.pi * a * b * c)
    assert organs.ellipsoid(5, 5, 5)[1] == pytest.approx(4 * np.pi * 25)


def test_the_tube_of_a_ring_is_a_torus_with_two_half_balls() -> None:
    volume, surface = organs.tube(2 * np.pi * 10, 3)
    assert volume == pytest.approx(2 * np.pi**2 * 10 * 9 + 4 / 3 * np.pi * 27)
    assert surface == pytest.approx(4 * np.pi**2 * 10 * 3 + 4 * np.pi * 9)


def test_files_are_nifti_of_one_geometry_and_repeat_with_the_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        organs.write(tmp_path / name, seed=5, patients=2)
    for number, spacing in enumerate(((1, 1, 1), (0.8, 0.8, 2.5))):
        name = f"organs_{number:03d}.nii.gz"
        image, labels = (nibabel.load(tmp_path / "a" / p / name) for p in ("images", "labels"))
        np.testing.assert_array_equal(image.affine, labels.affine)
        assert image.header.get_zooms() == pytest.approx(spacing)
        assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
        found = np.asarray(labels.dataobj)
        assert set(np.unique(found)) == {0, 1, 2, 3}
        again = nibabel.load(tmp_path / "b" / "labels" / name)
        np.testing.assert_array_equal(found, np.asarray(again.dataobj))
    with (tmp_path / "a" / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["structure"] for row in rows[:5]] == ["liver", *["lesion"] * 3, "vessel"]
    assert len(rows) == 10 and rows[0]["thickness_mm"] == ""


def test_organs_do_not_overlap_and_lie_inside() -> None:
    for seed in range(4):
        spacing = (2.5, 2.0, 2.0)
        _, labels, truths = organs.draw(np.random.default_rng(seed), spacing, "x")
        for value, name in organs.CLASSES.items():
            true = sum(one.volume_mm3 for one in truths if one.structure == name)
            assert (labels == value).sum() * 10.0 == pytest.approx(true, rel=0.06)
        edge = np.ones(labels.shape, bool)
        edge[1:-1, 1:-1, 1:-1] = False
        assert not labels[edge].any()


def test_bodies_beside_the_organs_are_as_bright_and_touch_none_of_them() -> None:
    for seed in range(6):
        drawn = [
            organs.draw(np.random.default_rng(seed), (2.0, 2.0, 2.0), "x", beside)[:2]
            for beside in (False, True)
        ]
        np.testing.assert_array_equal(drawn[0][1], drawn[1][1])
        image, labels = drawn[1]
        near = binary_dilation(labels == 1, iterations=2) & (labels == 0)
        smooth = gaussian_filter(image.astype(float), 1.0)
        # Between the liver and its like lies tissue: no voxel two away from it is as bright.
        rim = near & ~binary_dilation(labels > 0, iterations=1)
        assert smooth[rim].max() < 95
        beside = (smooth > 95) & ~binary_dilation(labels > 0, iterations=2)
        assert beside.sum() > 500


def test_the_source_of_volumes_is_ct_with_named_classes() -> None:
    dataset = data.open("synthetic:organs3d", truth="mask")
    assert dataset.classes == ("background", "liver", "lesion", "vessel")
    assert len(dataset) == organs.TRAINING_PATIENTS and dataset.answered.all()
    assert set(dataset.table["modality"]) == {"CT"} and set(dataset.table["units"]) == {"HU"}
    whole = auditing.audit(dataset, workers=0)
    assert not len(whole.rejects)
    steps = whole.table[["slice_spacing_mm", "row_spacing_mm"]].drop_duplicates()
    assert sorted(steps["slice_spacing_mm"]) == [2.0, 2.5]
    assert np.array([list(one) for one in whole.table["class_voxels"]]).min() > 300
