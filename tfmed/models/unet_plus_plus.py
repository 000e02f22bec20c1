"""U-Net++: U-Nets of every depth, nested in each other."""

from __future__ import annotations

from typing import Unpack

import keras

from tfmed.models.blocks import require_no_imagenet
from tfmed.models.blocks import seeds as seed_stream
from tfmed.models.unet_blocks import (
    NetworkStages,
    SegmenterOptions,
    assemble,
    enlarge,
    merge,
    shrink,
)


def unet_plus_plus(
    channels: int, classes: int, stages: NetworkStages, **options: Unpack[SegmenterOptions]
) -> keras.Model:
    """U-Net++ (Z. Zhou et al., 2018, arXiv:1807.10165), of the blocks of `unet`.

    Between the sides lie further blocks: block j of a stage takes all before it of its stage, and
    block j - 1 of the stage below. With `deep_supervision` each nested U-Net has logits, all of
    full size, the deepest first. Args: see `models.build_segmenter`.
    """
    require_no_imagenet(options["name"], options["weights"])
    stream = seed_stream(options["seed"])
    image = keras.Input((*[None] * stages.rank, channels), name="image")
    tensor, rows = image, []
    for stage in range(len(stages)):
        tensor = shrink(tensor, stages, stage, stream)
        rows.append([tensor])
    for depth in range(1, len(stages)):
        for stage in range(len(stages) - depth):
            below = enlarge(rows[stage + 1][depth - 1], stages, stage, stream)
            rows[stage].append(merge([*rows[stage], below], stages, stage, stream))
    found = rows[0][:0:-1]
    found = found if options["deep_supervision"] else found[:1]
    return assemble(image, found, classes, stream, options["name"])
