"""RandomTranslation: images moved aside."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.affine_layer import AffineLayer
from fastnn.layers.preprocessing.image.factors import factor_range


class RandomTranslation(AffineLayer):
    """In training, moves each image by random distances.

    Args:
        height_factor: range of the distance downwards in shares of the height, a pair, or one number f for (-f, f).
        width_factor: the same to the right, in shares of the width.
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
        >>> layer = fastnn.layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
        >>> layer(np.array([[[1.0], [2.0], [3.0], [4.0]]]), training=True)[0, :, 0]
        array([0., 0., 1., 2.], dtype=float32)
    """

    config_names = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
        data_format=None, **kwargs,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height_range = factor_range(height_factor, (-1.0, 1.0), "height_factor")
        self._width_range = factor_range(width_factor, (-1.0, 1.0), "width_factor")

    def draw(self, sizes, seed):
        distances = [
            random.uniform((sizes.images, 1), *(x * size for x in limits), seed=seed)
            for limits, size in ((self._width_range, sizes.width), (self._height_range, sizes.height))
        ]
        return {"translations": ops.concatenate(distances, axis=1), "input_shape": sizes.shape}

    def matrix(self, transformation, height, width):
        x, y = (ops.negative(transformation["translations"][:, k]) for k in range(2))
        zeros = ops.zeros_like(x)
        return zeros + 1, zeros, x, zeros, zeros + 1, y
