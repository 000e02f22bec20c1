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
from tfmed.training.settings import Settings
from tfmed.training.study import Study, answers, open_study

__all__ = [
    "Member",
    "Options",
    "Settings",
    "Study",
    "answers",
    "checkpoint",
    "clear",
    "fit",
    "float32",
    "load",
    "logits",
    "mean_threshold",
    "open_study",
    "optimise",
    "predict",
    "save_model",
    "strategy",
    "task_of",
]
