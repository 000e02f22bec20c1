"""Tensors in, tensors out: preprocessing that is exported, and augmentation that is not."""

from tfmed.transforms.augmentation import TRANSFORMS, augment, check_steps, split_steps
from tfmed.transforms.mixing import mixup
from tfmed.transforms.normalisation import Normalisation, normalise
from tfmed.transforms.prepare import Preprocessing, prepare, resample
from tfmed.transforms.scaling import clip_and_scale, percentile_window, standardise
from tfmed.transforms.spatial import resize

__all__ = [
    "TRANSFORMS",
    "Normalisation",
    "Preprocessing",
    "augment",
    "check_steps",
    "clip_and_scale",
    "mixup",
    "normalise",
    "percentile_window",
    "prepare",
    "resample",
    "resize",
    "split_steps",
    "standardise",
]
