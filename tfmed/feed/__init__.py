"""The index as `tf.data`: decode routes, the store, batches."""

from tfmed.feed.case_store import CaseStore
from tfmed.feed.case_store import build as build_cases
from tfmed.feed.decoded import blocks, read
from tfmed.feed.image_store import build
from tfmed.feed.order import batch_rows
from tfmed.feed.originals import originals
from tfmed.feed.pipeline import direct, evaluation, training
from tfmed.feed.stock import clear, size
from tfmed.feed.store import Store

__all__ = [
    "CaseStore",
    "Store",
    "batch_rows",
    "blocks",
    "build",
    "build_cases",
    "clear",
    "direct",
    "evaluation",
    "originals",
    "read",
    "size",
    "training",
]
