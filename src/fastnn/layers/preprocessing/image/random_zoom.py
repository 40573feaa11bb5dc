"""RandomZoom: images seen from nearer or further away."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.affine_layer import AffineLayer
from fastnn.layers.preprocessing.image.factors import factor_range


class RandomZoom(AffineLayer):
    """In training, zooms each image out or in by random factors.

    Args:
        height_factor: range of the change, a pair, or one number f for (-f, f): 0.2 shows 20 % more of the image's
            height, -0.2 20 % less.
        width_factor: the same for the width; None keeps the proportions.
        fill_mode: what stands outside: "reflect" (`b a | a b c | c b`), "wrap" (`b c | a b c | a b`), "constant"
            (`fill_value`) or "nearest" (`a a | a b c | c c`).
        interpolation: "nearest" or "bilinear".
        seed: int, or None.
        fill_value: number.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside (-1, 1].
        NotImplementedError: for another fill mode or interpolation.

    Example:
        >>> layer = fastnn.layers.RandomZoom((1.0, 1.0), fill_mode="constant")
        >>> layer(np.array([[[1.0], [2.0], [3.0]]]), training=True)[0, :, 0]
        array([0., 2., 0.], dtype=float32)
    """

    config_names = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear", seed=None,
        fill_value=0.0, data_format=None, **kwargs,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height_range = factor_range(height_factor, (-1.0, 1.0), "height_factor")
        self._width_range = None if width_factor is None else factor_range(width_factor, (-1.0, 1.0), "width_factor")

    def draw(self, sizes, seed):
        shape = (sizes.images, 1)
        height = random.uniform(shape, *(1 + x for x in self._height_range), seed=seed)
        width = height
        if self._width_range is not None:
            width = random.uniform(shape, *(1 + x for x in self._width_range), seed=seed)
        return {"height_zoom": height, "width_zoom": width, "input_shape": sizes.shape}

    def matrix(self, transformation, height, width):
        across, down = transformation["width_zoom"], transformation["height_zoom"]
        zeros = ops.zeros_like(across)
        shifts = [
            ops.multiply(ops.subtract(1, zoom), (size - 1) / 2) for zoom, size in ((across, width), (down, height))
        ]
        return across, zeros, shifts[0], zeros, down, shifts[1]
