"""The index as `tf.data`: decode routes, cache, batches."""

from tfmed.feed.building import build
from tfmed.feed.cache import Cache
from tfmed.feed.originals import originals
from tfmed.feed.pipeline import batch_rows, direct, evaluation, training
from tfmed.feed.reading import blocks, read
from tfmed.feed.stock import clear, size

__all__ = [
    "Cache",
    "batch_rows",
    "blocks",
    "build",
    "clear",
    "direct",
    "evaluation",
    "originals",
    "read",
    "size",
    "training",
]
