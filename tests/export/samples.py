"""Small predictors, images and files for the tests of exports."""

import io

import keras
import numpy as np
from PIL import Image as Pillow

from tfmed.export.pixels import PixelCode
from tfmed.inference import InferenceSettings
from tfmed.tasks.recognition.answers.classes import Classes
from tfmed.tasks.recognition.recogniser import Recogniser
from tfmed.tasks.segmentation.segmenter import Segmenter
from tfmed.transforms.normalisation import Normalisation
from tfmed.transforms.prepare import Preprocessing


def network(shape, classes=2, seed=0):
    """A small convolutional network whose weights give probabilities of every size."""
    keras.utils.set_random_seed(seed)
    convolution = keras.layers.Conv3D if len(shape) == 4 else keras.layers.Conv2D
    pooling = (
        keras.layers.GlobalAveragePooling3D if len(shape) == 4
        else keras.layers.GlobalAveragePooling2D
    )  # fmt: skip
    image = keras.Input(shape)
    x = convolution(8, 3, padding="same", use_bias=False)(image)
    x = keras.layers.BatchNormalization()(x)
    x = pooling()(keras.layers.ReLU()(x))
    return keras.Model(image, keras.layers.Dense(classes, name="logits")(x))


def png(pixels, kind="PNG", **options):
    """Pixels, or a Pillow image, as the bytes of a file."""
    image = pixels if isinstance(pixels, Pillow.Image) else Pillow.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey_images(count, seed=0):
    """Grey uint8 images `[H, W, 1]` of unequal, odd sizes and unequal brightness."""
    random = np.random.default_rng(seed)
    shapes = [(17 + 3 * i, 45 - 2 * i, 1) for i in range(count)]
    return [random.integers(0, 60 + 15 * i, shape, dtype=np.uint8)
            for i, shape in enumerate(shapes)]  # fmt: skip


def ct_images(count, seed=0):
    """Signed images `[H, W, 1]` in HU."""
    random = np.random.default_rng(seed)
    return [random.integers(-1024, 100 + 200 * i, (20 + i, 31, 1)).astype(np.int16)
            for i in range(count)]  # fmt: skip


def recogniser(models, preprocessing, temperatures, classes, multi_label=False, **more):
    """Networks of classes, each with its temperature."""
    chosen = tuple({"temperature": one, "threshold": None} for one in temperatures)
    answer = Classes(tuple(classes), multi_label)
    return Recogniser(answer, preprocessing, models=tuple(models), chosen=chosen, **more)


def answers_of(predictor, images):
    """What a predictor answers for images: `[N, width]`."""
    return predictor.answer.stacked(predictor.ask({"image": images}))


GREY = Preprocessing((28, 28), 1, (0.0, 255.0), 0.5, 0.25)
RECOGNISERS = {
    "grey": lambda: recogniser([network((28, 28, 1))], GREY, (0.05,), ("no", "yes")),
    "ct": lambda: recogniser(
        (network((16, 24, 1), 3), network((16, 24, 1), 3, seed=1)),
        Preprocessing((16, 24), 1, (-150.0, 250.0), 0.4, 0.3), (0.2, 0.1), ("a", "b", "c"),
        pixels=PixelCode(16, 1.0, -32768.0)),
    "colour": lambda: recogniser(
        [network((20, 20, 3), 4)], Preprocessing((20, 20), 3, None, (0.5, 0.4, 0.3), 0.2),
        (0.3,), ("w", "x", "y", "z"), multi_label=True),
    "volume": lambda: recogniser(
        [network((6, 8, 8, 1))], Preprocessing((6, 8, 8), 1, (0.0, 255.0)), (1.0,),
        ("no", "yes")),
}  # fmt: skip


def encoder(channels, classes, axes=2, seed=0):
    """A small U-shaped network with strides of 2 and 4: normalised images to logits."""
    keras.utils.set_random_seed(seed)
    convolution = keras.layers.Conv3D if axes == 3 else keras.layers.Conv2D
    upwards = keras.layers.Conv3DTranspose if axes == 3 else keras.layers.Conv2DTranspose

    def block(x, features, stride):
        x = convolution(features, 3, stride, padding="same")(x)
        return keras.layers.LeakyReLU(0.01)(keras.layers.GroupNormalization(-1)(x))

    image = keras.Input([*[None] * axes, channels])
    fine = block(image, 4, 1)
    coarse = block(block(fine, 8, 2), 8, 2)
    x = keras.layers.Concatenate()([upwards(4, 4, 4, padding="same")(coarse), fine])
    first = convolution(
        classes, 1, name="logits", kernel_initializer=keras.initializers.RandomNormal(0, 1)
    )(x)
    second = convolution(classes, 1)(coarse)
    return keras.Model(image, [first, second])


def segmentation(patch_size, classes, intensity, channels=1, folds=1, **settings):
    """A segmenter of `encoder` networks."""
    code = settings.pop("pixels", PixelCode())
    kept = settings.pop("keep_largest", ())
    given = {"spacing_mm": None, **settings}
    models = tuple(encoder(channels, len(classes), len(patch_size), seed) for seed in range(folds))
    return Segmenter(
        InferenceSettings(patch_size, intensity=intensity, classes=len(classes), **given),
        classes, (4,) * len(patch_size), channels, kept, code, models)  # fmt: skip


SEGMENTERS = {
    "plain": lambda: segmentation((16, 24), ("none", "a", "b"), Normalisation("unit", (0, 255))),
    "hu": lambda: segmentation(
        (16, 16), ("none", "organ"), Normalisation("ct", (-150.0, 250.0), 20.0, 90.0), folds=2,
        spacing_mm=(1.0, 1.5), mirror_axes=(0, 1), pixels=PixelCode(16, 1.0, -32768.0)),
    "photo": lambda: segmentation((16, 16), ("none", "a"), Normalisation("zscore"), 3),
    "deep": lambda: segmentation(
        (8, 12, 8), ("none", "a", "b"), Normalisation("zscore"), spacing_mm=(2.0, 1.0, 1.0),
        mirror_axes=(2,), keep_largest=(1,)),
}  # fmt: skip
