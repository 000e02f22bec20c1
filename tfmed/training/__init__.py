"""Training: one loop over any strategy, exact resumes, and the answers of a model.

Example:
    model = training.fit(build, task_loss=loss, batches=batches, examples=n, validate=validate,
                         settings=training.Settings(epochs=10), strategy=strategy.choose("auto"),
                         folder=run.folder)
    training.save_model(model, run.path("model.keras"))
    training.clear(run.folder)
    logits = training.predict(model, images, n)
"""

from __future__ import annotations

from tfmed.training import checkpoint, strategy
from tfmed.training.checkpoint import clear, save_model
from tfmed.training.fitting import fit
from tfmed.training.prediction import float32, predict
from tfmed.training.settings import Settings

__all__ = ["Settings", "checkpoint", "clear", "fit", "float32", "predict", "save_model", "strategy"]
