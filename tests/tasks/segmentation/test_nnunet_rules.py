"""What is planned of what cases and machine, and why."""

from __future__ import annotations

from typing import Any

import pytest
from tasks.segmentation.fingerprints import GPU, cpu, plan, seen

from tfmed.errors import ConfigError
from tfmed.tasks.segmentation.network_fit import Fitted
from tfmed.tasks.segmentation.plan import SegmentationPlan

HIPPOCAMPUS = seen((36, 50, 35), (1.0, 1.0, 1.0), cases=260)
LIVER = seen((177, 217, 217), (2.3566, 1.8411, 1.8411), cases=131)
SLICE = seen((512, 512))
PROSTATE = seen((20, 320, 319), (3.6, 0.625, 0.625), cases=32)


@pytest.mark.parametrize("of", [HIPPOCAMPUS, LIVER, SLICE, PROSTATE, seen((5, 64, 64))])
@pytest.mark.parametrize("machine", [GPU, cpu(10), cpu(10, limited=True)])
def test_every_setting_has_its_reason(of: Any, machine: Fitted) -> None:
    made = plan(of, machine)
    names = set(SegmentationPlan.model_fields) - {"reasons"}
    assert {name for name, why in made.reasons.items() if why.strip()} == names
    assert all("\n" not in why for why in made.reasons.values())


def test_a_gpu_gets_the_plans_of_nnunet() -> None:
    three = ("background", "one", "two")
    made = plan(HIPPOCAMPUS, classes=three)
    assert (made.patch_size, made.batch_size) == ((40, 56, 40), 9)
    assert made.features == (32, 64, 128, 256)
    made = plan(LIVER, classes=three)
    assert (made.patch_size, made.batch_size) == ((128, 128, 128), 2)
    assert made.spacing_mm == (2.3566, 1.8411, 1.8411)
    made = plan(seen((512, 512), cases=1000))
    assert (made.patch_size, made.batch_size, len(made.features)) == ((512, 512), 12, 8)
    assert made.spacing_mm is None
    made = plan(PROSTATE)
    assert made.patch_size == (20, 320, 256)
    assert made.kernels[:3] == ((1, 3, 3), (1, 3, 3), (3, 3, 3))
    assert made.augmentation[0]["in_plane"]
    assert made.augmentation[0]["spacing_mm"] == [3.6, 0.625, 0.625]


def test_more_memory_is_a_larger_patch() -> None:
    assert plan(LIVER, Fitted(24.0, None)).patch_size > plan(LIVER).patch_size
    assert "24 GB" in plan(LIVER, Fitted(24.0, None)).reasons["patch_size"]


def test_a_cpu_gets_what_enough_steps_fit_of_and_the_figures_are_said() -> None:
    made = plan(LIVER, cpu(40))
    assert made.features[0] < 32
    assert made.batch_size == 2
    why = made.reasons["features"]
    assert "of nnU-Net's 32" in why
    assert "on 2 cores 40 minutes are" in why
    assert "1,960 are wanted" in why  # 40 times the root of 2,400 s
    assert "memory would allow" in made.reasons["patch_size"]


def test_longer_time_is_a_costlier_network() -> None:
    short, long = plan(HIPPOCAMPUS, cpu(1)), plan(HIPPOCAMPUS, cpu(24 * 60))
    assert short.features[0] < long.features[0] == 32
    assert short.epochs * short.steps_per_epoch < long.epochs * long.steps_per_epoch


def test_a_clock_that_ends_training_allows_for_a_faster_machine() -> None:
    free, ended = plan(HIPPOCAMPUS, cpu(10)), plan(HIPPOCAMPUS, cpu(10, limited=True))
    assert ended.epochs == 2 * free.epochs
    assert ended.steps_per_epoch == free.steps_per_epoch


def test_large_volumes_are_seen_coarser_on_a_cpu() -> None:
    ct = seen((300, 400, 400), (1.0, 0.8, 0.8), cases=40)
    full, coarse = plan(ct), plan(ct, cpu(30))
    assert full.spacing_mm == (1.0, 0.8, 0.8)
    assert not full.low_resolution
    assert "full resolution all the same" in full.reasons["low_resolution"]
    assert coarse.low_resolution
    assert coarse.spacing_mm is not None
    assert coarse.spacing_mm[0] > 2
    assert "1 x 0.8 x 0.8 mm in full" in coarse.reasons["spacing_mm"]
    assert plan(ct, cpu(30), low_resolution=False).spacing_mm == full.spacing_mm
    assert plan(ct, low_resolution=True).low_resolution


def test_no_spacing_is_no_coarser_image() -> None:
    made = plan(seen((300, 400, 400)), cpu(30))
    assert made.spacing_mm is None
    assert not made.low_resolution
    assert "no image states" in made.reasons["spacing_mm"]


def test_some_spacings_are_none_and_said() -> None:
    some = seen((60, 60, 60), None, cases=10, without_spacing=3)
    assert "3 images do not state" in plan(some).reasons["spacing_mm"]


@pytest.mark.parametrize(
    ("other", "kind", "window", "mean", "std"),
    [
        ({"units": "HU"}, "ct", (10, 190), 100, 20),
        ({"modality": "CT"}, "ct", (10, 190), 100, 20),
        ({"units": "HU", "low": 7.0, "high": 7.0, "std": 0.0}, "ct", (6, 8), 100, 1),
        ({"bits": 8}, "unit", (0, 255), 0, 1),
        ({"bits": 16, "channels": 3}, "unit", (0, 65535), 0, 1),
        ({"bits": 12}, "zscore", None, 0, 1),
        ({"bits": 32, "channels": 3}, "zscore", None, 0, 1),
        ({"bits": 8, "units": "HU"}, "ct", (10, 190), 100, 20),
    ],
)
def test_normalisation_follows_units_and_bits(
    other: dict[str, Any], kind: str, window: tuple[float, float], mean: float, std: float
) -> None:
    made = plan(seen((64, 64), **other))
    assert (made.normalisation, made.window) == (kind, window)
    assert (made.mean, made.std) == (mean, std)
    assert made.intensity.window == window


def test_zeros_are_left_out_only_of_images_that_were_mostly_cut_away() -> None:
    assert plan(seen((64, 64), relative_size=0.74)).nonzero
    assert not plan(seen((64, 64), relative_size=0.75)).nonzero
    assert not plan(seen((64, 64), relative_size=0.1, units="HU")).nonzero


def test_few_slices_are_segmented_one_by_one_and_never_blended() -> None:
    made = plan(seen((7, 256, 256), (8.0, 1.5, 1.5)))
    assert made.slice_wise
    assert made.spacing_mm == (0, 1.5, 1.5)
    assert made.patch_size == (256, 256)
    assert "7 slices" in made.reasons["slice_wise"]
    assert not plan(seen((8, 256, 256), (8.0, 1.5, 1.5))).slice_wise


def test_a_size_of_two_numbers_makes_a_volume_slice_wise() -> None:
    made = plan(LIVER, size=(100, 128))
    assert made.slice_wise
    assert made.reasons["slice_wise"] == "set by the user"
    # 100 is halved as 100, 50, 25, 13, 7: four times, so to a multiple of 16.
    assert made.patch_size == (112, 128)
    assert "100 x 128 made what the strides divide" in made.reasons["patch_size"]
    assert plan(LIVER, size=(64, 64, 64), slice_wise=False).patch_size == (64, 64, 64)


def test_a_users_patch_and_batch_stay_however_short_the_time() -> None:
    made = plan(HIPPOCAMPUS, cpu(0.1), size=(40, 48, 40), batch_size=5, epochs=3)
    assert (made.patch_size, made.batch_size, made.epochs) == ((40, 48, 40), 5, 3)
    said = {made.reasons[name] for name in ("patch_size", "batch_size", "epochs")}
    assert said == {"set by the user"}


def test_a_users_spacing_shapes_the_patch() -> None:
    made = plan(HIPPOCAMPUS, spacing_mm=(2.0, 2.0, 2.0))
    assert made.spacing_mm == (2, 2, 2)
    assert made.patch_size == (20, 28, 20)


def test_three_stages_have_one_output_and_four_have_more() -> None:
    assert len(plan(seen((16, 16))).features) == 3
    assert not plan(seen((16, 16))).deep_supervision
    assert len(plan(seen((32, 32))).features) == 4
    assert plan(seen((32, 32))).deep_supervision


def test_a_flat_network_is_slice_wise_with_one_output() -> None:
    try:
        made = plan(LIVER, model="deeplab_v3_plus")
    except ConfigError as error:
        pytest.skip(str(error))
    assert made.slice_wise
    assert not made.deep_supervision


def test_a_flat_network_of_a_deep_size_is_refused_before_it_is_planned() -> None:
    with pytest.raises(ConfigError, match="--size two numbers, or none"):
        plan(LIVER, model="deeplab_v3_plus", size=(16, 64, 64))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": (8,)}, "--size has 1 numbers, the images have 3 axes"),
        ({"size": (8, 8, 8, 8)}, "their median size is 36 x 50 x 35"),
        ({"size": (7, 7, 7)}, "too small for a U-Net"),
        ({"model": "unett"}, "did you mean 'unet'"),
        ({"epoch": 3}, "'epoch'; did you mean 'epochs'"),
        ({"spacing_mm": (1.0, 1.0)}, "spacing_mm has 2 numbers, the images 3 axes"),
    ],
)
def test_what_cannot_be_planned_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(HIPPOCAMPUS, **settings)


def test_images_with_three_axes_asked_for_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 numbers, the images have 2 axes"):
        plan(SLICE, size=(8, 8, 8))
