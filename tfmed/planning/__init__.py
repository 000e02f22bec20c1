"""From a fingerprint of the training part to a plan: every choice with its reason.

The plan is made from the training part alone, so that nothing of the validation or test part
is in it. It is written as `plan.toml`; whoever knows better edits a line and runs again.
"""

from __future__ import annotations

from tfmed.planning.cases import SegmentationFingerprint, segmentation_fingerprint
from tfmed.planning.described import describe
from tfmed.planning.fingerprint import Fingerprint, fingerprint
from tfmed.planning.plan import Plan
from tfmed.planning.rules import class_weights, plan
from tfmed.planning.segmentation import SegmentationPlan
from tfmed.planning.segmentation_rules import plan_segmentation
from tfmed.planning.written import dumps, loads

__all__ = [
    "Fingerprint",
    "Plan",
    "SegmentationFingerprint",
    "SegmentationPlan",
    "class_weights",
    "describe",
    "dumps",
    "fingerprint",
    "loads",
    "plan",
    "plan_segmentation",
    "segmentation_fingerprint",
]
