"""Scores: NumPy in, plain numbers out; TensorFlow is not imported here.

`tfmed.metrics` itself holds the scores of classifiers (module `class_scores`). Those of
segmentations are `tfmed.metrics.mask_scores` (on `tfmed.metrics.surface_distance`).
"""

from tfmed.metrics.class_scores import (
    BINARY,
    HALF,
    METRICS,
    PER_CLASS,
    Score,
    ScoreOptions,
    Threshold,
    accuracy,
    accuracy_at_half,
    auroc,
    average_precision,
    balanced_accuracy,
    brier,
    call,
    compute,
    compute_with_classes,
    ece,
    f1,
    precision,
    recall,
)

__all__ = [
    "BINARY",
    "HALF",
    "METRICS",
    "PER_CLASS",
    "Score",
    "ScoreOptions",
    "Threshold",
    "accuracy",
    "accuracy_at_half",
    "auroc",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "call",
    "compute",
    "compute_with_classes",
    "ece",
    "f1",
    "precision",
    "recall",
]
