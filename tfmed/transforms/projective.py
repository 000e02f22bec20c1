"""Rotation, scale, shift, shear and flips as one fused projective transform.

One interpolation instead of five: faster, and the image is blurred once. Matrices act on
column vectors `(x, y, 1)` of pixel positions, x along W and y along H, and lead from the output
back to the input, as `ImageProjectiveTransformV3` wants them. The centre is
`((W - 1) / 2, (H - 1) / 2)`, the middle between the first and the last pixel's centre.
"""

from __future__ import annotations

import math

import tensorflow as tf

from tfmed.transforms.draws import chance, fold, on_some, uniform

# Beyond the edge the image is mirrored: no streaks (as nearest makes), no black wedge that
# tells the network that it looks at an augmented image.
FILL = "REFLECT"


def projective(  # noqa: PLR0913  (each is a setting of the step)
    image: tf.Tensor,
    mask: tf.Tensor | None,
    seed: tf.Tensor,
    *,
    degrees: float = 0.0,
    scale: float = 0.0,
    shift: float = 0.0,
    shear: float = 0.0,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
    probability: float = 1.0,
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Rotate, scale, shear, shift and flip each image by its own draw, in one interpolation.

    Args:
        image: float32 `[B, H, W, C]`, or `[B, D, H, W, C]`: all slices of a volume alike.
        mask: int32 of the same shape without C, moved alike; or None.
        seed: int32 `[2]`.
        degrees: rotation, drawn from minus to plus this.
        scale: enlargement, drawn from `1 / (1 + scale)` to `1 + scale`, evenly in its
            logarithm.
        shift: along each axis, drawn from minus to plus this share of its length.
        shear: drawn from minus to plus this many degrees.
        horizontal_flip: mirror left and right in half of the images.
        vertical_flip: mirror top and bottom in half of the images.
        probability: of each image to be changed at all.

    Returns:
        Image (bilinear) and mask (nearest) of the same shapes; beyond the edge both are mirrored.
    """

    def change(given: tuple[tf.Tensor, ...], seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        image, *masks = given
        count = tf.shape(image)[0]

        def draw(number: int, most: float) -> tf.Tensor:
            return uniform(fold(seed, number), count, -most, most)

        def sign(number: int, flips: bool) -> tf.Tensor:
            return tf.where(chance(fold(seed, number), count, 0.5 if flips else 0.0), -1.0, 1.0)

        matrices = affine_matrices(
            radians=draw(0, math.radians(degrees)),
            enlarge=tf.exp(draw(1, math.log1p(scale))),
            shear=tf.tan(draw(2, math.radians(shear))),
            right=draw(3, shift),
            down=draw(4, shift),
            mirror_x=sign(5, horizontal_flip),
            mirror_y=sign(6, vertical_flip),
            size=tf.shape(image)[-3:-1],
        )
        moved = [apply_affine(one[..., tf.newaxis], matrices, "NEAREST")[..., 0] for one in masks]
        return apply_affine(image, matrices), *moved

    if mask is None:
        return on_some((image,), seed, probability, change)[0], None
    return on_some((image, mask), seed, probability, change)


def affine_matrices(
    *,
    radians: tf.Tensor,
    enlarge: tf.Tensor,
    shear: tf.Tensor,
    right: tf.Tensor,
    down: tf.Tensor,
    mirror_x: tf.Tensor,
    mirror_y: tf.Tensor,
    size: tf.Tensor,
) -> tf.Tensor:
    """The first six numbers `[B, 6]` of transforms that lead from output to input pixels.

    The image is mirrored, sheared, enlarged and rotated about its centre, then shifted.

    Args:
        radians: `[B]`, positive turns against the clock, as `tf.image.rot90` does.
        enlarge: `[B]`, above 1 magnifies.
        shear: `[B]`, how far x moves for each pixel of y.
        right: `[B]`, shift along x as a share of the width.
        down: `[B]`, shift along y as a share of the height.
        mirror_x: `[B]`, -1 mirrors left and right, 1 does not.
        mirror_y: `[B]`, -1 mirrors top and bottom, 1 does not.
        size: int32 `[2]`, height and width.
    """
    height, width = tf.cast(size[0], tf.float32), tf.cast(size[1], tf.float32)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    # y runs downwards, so a turn against the clock on the screen has this sign when inverted.
    cos, sin = tf.cos(radians) / enlarge, tf.sin(radians) / enlarge
    xx, xy = mirror_x * (cos - shear * sin), -mirror_x * (sin + shear * cos)
    yx, yy = mirror_y * sin, mirror_y * cos
    from_x, from_y = centre_x + right * width, centre_y + down * height
    offset_x = centre_x - xx * from_x - xy * from_y
    offset_y = centre_y - yx * from_x - yy * from_y
    return tf.stack([xx, xy, offset_x, yx, yy, offset_y], axis=1)


def apply_affine(
    image: tf.Tensor, matrices: tf.Tensor, interpolation: str = "BILINEAR"
) -> tf.Tensor:
    """Move pixels by matrices `[B, 6]` of `affine_matrices`, mirrored at the edge.

    Args:
        image: float32 or int32 `[B, H, W, C]`, or `[B, D, H, W, C]`: all slices of a volume alike.
        matrices: float32 `[B, 6]`.
        interpolation: `"BILINEAR"` or `"NEAREST"`.

    Returns:
        As the image.
    """
    shape = tf.shape(image)
    flat = image
    if image.shape.rank == 5:
        # A volume's slices become channels: they share their coordinates.
        flat = tf.transpose(image, [0, 2, 3, 1, 4])
        flat = tf.reshape(flat, [shape[0], shape[2], shape[3], shape[1] * shape[4]])
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=flat,
        transforms=tf.pad(matrices, [[0, 0], [0, 2]]),
        output_shape=tf.shape(flat)[1:3],
        fill_value=0.0,
        interpolation=interpolation,
        fill_mode=FILL,
    )
    if image.shape.rank == 5:
        moved = tf.reshape(moved, [shape[0], shape[2], shape[3], shape[1], shape[4]])
        moved = tf.transpose(moved, [0, 3, 1, 2, 4])
    return tf.ensure_shape(moved, image.shape)
