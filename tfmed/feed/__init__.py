"""The index as `tf.data`: decode routes, cache, batches."""

from tfmed.feed.cache import Cache, build
from tfmed.feed.originals import originals
from tfmed.feed.pipeline import batch_rows, direct, evaluation, training
from tfmed.feed.reading import blocks, read

__all__ = [
    "Cache",
    "batch_rows",
    "blocks",
    "build",
    "direct",
    "evaluation",
    "originals",
    "read",
    "training",
]
