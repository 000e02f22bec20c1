"""Training: one loop over any strategy, exact resumes, and trained runs opened again.

Example:
    run = training.fit(model, task, train, valid, plan=plan, epochs=30, folder="runs/pneumonia")
    predictions = training.predict(run, test)

`optimise` and `logits` are the same without a data set: any `keras.Model`, any `tf.data.Dataset`.
"""

from __future__ import annotations

from tfmed.training import checkpoint, strategy
from tfmed.training.begin import Options
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.fit import fit
from tfmed.training.optimising import optimise
from tfmed.training.prediction import float32, logits
from tfmed.training.settings import Settings
from tfmed.training.step import supervised
from tfmed.training.study import Member, Study, load, open_study, predict

__all__ = [
    "Member",
    "Options",
    "Settings",
    "Study",
    "checkpoint",
    "clear",
    "fit",
    "float32",
    "load",
    "logits",
    "open_study",
    "optimise",
    "predict",
    "save_model",
    "strategy",
    "supervised",
]
