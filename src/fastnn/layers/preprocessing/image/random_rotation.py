"""RandomRotation: images turned about their middle."""

import math

from fastnn import ops, random
from fastnn.layers.preprocessing.image.affine_layer import AffineLayer
from fastnn.layers.preprocessing.image.factors import factor_range


class RandomRotation(AffineLayer):
    """In training, turns each image about its middle by a random angle.

    Args:
        factor: range of the angle in turns, a pair, or one number f for (-f, f). Positive is counter-clockwise.
        fill_mode: what stands outside: "reflect" (`b a | a b c | c b`), "wrap" (`b c | a b c | a b`), "constant"
            (`fill_value`) or "nearest" (`a a | a b c | c c`).
        interpolation: "nearest" or "bilinear".
        seed: int, or None.
        fill_value: number.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [-1, 1].
        NotImplementedError: for another fill mode or interpolation.

    Example:
        >>> layer = fastnn.layers.RandomRotation((0.25, 0.25))
        >>> layer(np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), training=True)[:, :, 0].round(3)
        array([[2., 4.],
               [1., 3.]], dtype=float32)
    """

    config_names = ("factor", "fill_mode", "fill_value", "interpolation", "seed")

    def __init__(
        self, factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0, data_format=None,
        **kwargs,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = factor_range(factor, (-1, 1))

    def draw(self, sizes, seed):
        lower, upper = (360.0 * x for x in self.factor)
        return {
            "angle": random.uniform((sizes.images,), lower, upper, seed=seed),
            "input_shape": sizes.shape,
        }

    def image_size(self, transformation):
        if "input_shape" in transformation:
            return super().image_size(transformation)
        return transformation["image_height"], transformation["image_width"]

    def matrix(self, transformation, height, width):
        angle = ops.multiply(transformation["angle"], math.pi / 180)
        cos, sin = ops.cos(angle), ops.sin(angle)
        # The middle, ((w - 1) / 2, (h - 1) / 2), stays where it is.
        x, y = (width - 1) / 2, (height - 1) / 2
        shift_x = ops.subtract(x, ops.subtract(ops.multiply(cos, x), ops.multiply(sin, y)))
        shift_y = ops.subtract(y, ops.add(ops.multiply(sin, x), ops.multiply(cos, y)))
        return cos, ops.negative(sin), shift_x, sin, cos, shift_y
