"""A plan as people read it."""

from __future__ import annotations

from planning.tables import part
from tasks.segmentation.fingerprints import cpu, plan, seen

from tfmed import planning
from tfmed.planning import Machine, describe
from tfmed.tasks import Classification
from tfmed.tasks.segmentation.plan import SegmentationPlan


def test_each_setting_stands_on_a_line_with_value_and_reason() -> None:
    made = plan(seen((36, 50, 35), (1.0, 1.0, 1.0)), cpu(40))
    lines = describe(made, width=140).splitlines()
    assert lines[0].split() == ["setting", "value", "reason"]
    named = [line.split()[0] for line in lines[2:] if not line.startswith(" ")]
    assert named == [name for name in SegmentationPlan.model_fields if name != "reasons"]
    patch = next(line for line in lines if line.startswith("patch_size"))
    assert "40 x 56 x 40" in patch
    assert "of a median 36 x 50 x 35" in patch


def test_columns_are_aligned_and_lines_as_wide_as_asked() -> None:
    lines = describe(plan(seen((512, 512)), cpu(5)), width=100).splitlines()
    assert max(map(len, lines)) <= 100
    value, reason = lines[0].index("value"), lines[0].index("reason")
    for line in lines[2:]:
        assert line[value - 2 : value].strip() == ""
        assert line[reason - 2 : reason].strip() == ""


def test_no_word_is_lost() -> None:
    made = plan(seen((512, 512)), cpu(5))
    text = " ".join(describe(made, width=90).split())
    for word in made.reasons["learning_rate"].split():
        assert word in text


def test_a_classifiers_plan_is_told_too() -> None:
    train = part("ab", bits=12)
    text = describe(planning.plan(train, Classification(train.classes), machine=Machine()))
    assert "each image's own 0.5 and 99.5 percentiles" in text
    assert "28 x 28" in text
