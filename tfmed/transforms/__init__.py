"""Tensors in, tensors out: preprocessing that is exported, and augmentation that is not."""

from tfmed.transforms.augmentation import TRANSFORMS, augment, check_steps, split_steps
from tfmed.transforms.intensity import clip_and_scale, percentile_window, standardise
from tfmed.transforms.masked import MASK_TRANSFORMS, augment_masks
from tfmed.transforms.mixing import mixup
from tfmed.transforms.normalisation import Normalisation
from tfmed.transforms.prepare import Preprocessing, normalise, prepare, resample
from tfmed.transforms.projective import projective
from tfmed.transforms.spatial import crop, flip, pad, resize

__all__ = [
    "MASK_TRANSFORMS",
    "TRANSFORMS",
    "Normalisation",
    "Preprocessing",
    "augment",
    "augment_masks",
    "check_steps",
    "clip_and_scale",
    "crop",
    "flip",
    "mixup",
    "normalise",
    "pad",
    "percentile_window",
    "prepare",
    "projective",
    "resample",
    "resize",
    "split_steps",
    "standardise",
]
