"""Training: one loop over any strategy, exact resumes, and the answers of what was trained.

Example:
    run = training.fit(model, task, train, valid, plan=plan, epochs=30, folder="runs/pneumonia")
    predictions = training.predict(run, test)

`optimise` and `logits` are the same without a data set: any `keras.Model`, any `tf.data.Dataset`.
"""

from __future__ import annotations

from tfmed.training import checkpoint, strategy
from tfmed.training.begin import Options, task_of
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.classifier import fit
from tfmed.training.fitting import optimise
from tfmed.training.member import Member, load, mean_threshold, predict
from tfmed.training.prediction import float32, logits
from tfmed.training.segmentation import (
    SegmentationMember,
    SegmentationStudy,
    Segmenter,
    case_of,
    load_segmenter,
    open_segmentation,
    segmenter_of,
)
from tfmed.training.segmenter import fit_segmenter
from tfmed.training.settings import Settings
from tfmed.training.study import Study, answers, open_study

__all__ = [
    "Member",
    "Options",
    "SegmentationMember",
    "SegmentationStudy",
    "Segmenter",
    "Settings",
    "Study",
    "answers",
    "case_of",
    "checkpoint",
    "clear",
    "fit",
    "fit_segmenter",
    "float32",
    "load",
    "load_segmenter",
    "logits",
    "mean_threshold",
    "open_segmentation",
    "open_study",
    "optimise",
    "predict",
    "save_model",
    "segmenter_of",
    "strategy",
    "task_of",
]
