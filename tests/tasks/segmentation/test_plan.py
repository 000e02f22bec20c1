"""`plan.toml` of a segmenter: written, edited by hand, read."""

from __future__ import annotations

import pytest
from tasks.segmentation.fingerprints import cpu, plan, seen

from tfmed.errors import ConfigError
from tfmed.planning import dumps, loads
from tfmed.task import MODEL
from tfmed.tasks import Segmentation
from tfmed.tasks.segmentation.case_fingerprint import CaseFingerprint
from tfmed.tasks.segmentation.plan import SegmentationPlan

VOLUME = seen((36, 50, 35), (1.0, 1.0, 1.0))


def again(text: str) -> SegmentationPlan:
    found = loads(text)
    assert isinstance(found, SegmentationPlan)
    return found


@pytest.mark.parametrize(
    "of",
    [
        VOLUME,
        seen((64, 64), bits=8),
        seen((64, 64), units="HU"),
        seen((5, 64, 64), (9.0, 1.0, 1.0)),
    ],
)
def test_a_plan_comes_back_from_its_file(of: CaseFingerprint) -> None:
    made = plan(of, cpu(10))
    assert again(dumps(made)) == made


def test_the_file_says_its_task_first_and_its_reasons_last() -> None:
    text = dumps(plan(seen((64, 64))))
    assert text.splitlines()[1] == 'task = "segmentation"'
    assert 'window = "none"' in text
    assert 'spacing_mm = "none"' in text
    assert text.index("[reasons]") > text.index("[[augmentation]]")


def test_a_plan_knows_what_its_network_takes() -> None:
    made = plan(VOLUME)
    assert made.input_shape == (40, 56, 40, 1)
    assert made.divisors == (8, 8, 8)


@pytest.mark.parametrize(
    "of", [seen((12, 96, 96), (5.0, 1.0, 1.0)), seen((48, 64), channels=3, bits=8)]
)
def test_the_network_of_a_plan_answers_every_voxel(of: CaseFingerprint) -> None:
    made = plan(of, cpu(0.1))
    network = Segmentation(made.classes).networks(made)[MODEL]
    outputs = network.compute_output_shape((1, *made.input_shape))
    finest = outputs[0] if made.deep_supervision else outputs
    assert tuple(finest) == (1, *made.patch_size, 2)


def test_other_epochs_are_the_users() -> None:
    made = plan(VOLUME).with_epochs(7)
    assert (made.epochs, made.reasons["epochs"]) == (7, "set by the user")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            'task = "segmentation"',
            'task = "segment"',
            "expected classification or .*segmentation, got 'segment'",
        ),
        ('task = "segmentation"', "task = 3", "expected classification or .*segmentation, got 3"),
        ("batch_size = ", "batch_size = -", "batch_size in plan.toml: .* at least 1"),
        (
            'loss = "dice_cross_entropy"',
            'loss = "dicee"',
            "'dicee'; did you mean 'dice'",
        ),
        ("    56,", "    57,", "patch_size is 57 along axis 1; expected a multiple of 8"),
        ("features = [\n    32,", "features = [", "have 3, 4 and 4 stages"),
        ("slice_wise = false", "slice_wise = true", "slice_wise needs a patch_size of 2"),
        ('window = "none"', "window = [0, 1]", "zscore has none"),
        ('normalisation = "zscore"', 'normalisation = "ct"', "ct and unit need one"),
        ("nonzero = false", "nonzero = 3", "nonzero in plan.toml"),
        ('name = "noise"', 'name = "nois"', "did you mean 'noise'"),
        ('model = "unet"', 'model = "unit"', "did you mean 'unet'"),
        ("low_resolution = false", "low_rezolution = false", "did you mean 'low_resolution'"),
        ("mirror_axes = [\n    0,", "mirror_axes = [\n    5,", "expected axes 0 to 2"),
        ("spacing_mm = [\n    1.0,", "spacing_mm = [", "spacing_mm has 2 numbers, expected 3"),
        ("spacing_mm = [\n    1.0,", "spacing_mm = [\n    -1.0,", "must not be negative"),
    ],
)
def test_a_wrong_edit_names_the_setting(before: str, after: str, said: str) -> None:
    text = dumps(plan(VOLUME))
    assert before in text
    with pytest.raises(ConfigError, match=said):
        loads(text.replace(before, after, 1))
