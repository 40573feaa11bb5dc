"""RandomShear: images leaning to a side."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.affine_layer import AffineLayer
from fastnn.layers.preprocessing.image.factors import factor_range


class RandomShear(AffineLayer):
    """In training, shears each image along its axes by random factors, to either side.

    Args:
        x_factor: range of the shift along x for each pixel along y, a pair of numbers in [0, 1], or one number f for
            (-f, f).
        y_factor: the same for the other axis.
        interpolation: "nearest" or "bilinear".
        fill_mode: what stands outside: "reflect" (`b a | a b c | c b`), "wrap" (`b c | a b c | a b`), "constant"
            (`fill_value`) or "nearest" (`a a | a b c | c c`).
        fill_value: number.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.
        bounding_box_format: of the boxes of a dictionary.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].
        NotImplementedError: for another fill mode or interpolation.

    Example:
        >>> fastnn.layers.RandomShear(0.2, 0.1)(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    config_names = ("x_factor", "y_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self, x_factor=0.0, y_factor=0.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
        data_format=None, seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor = _shear_range(x_factor, "x_factor")
        self.y_factor = _shear_range(y_factor, "y_factor")

    def draw(self, sizes, seed):
        shape = (sizes.images, 1)
        factors = ops.concatenate(
            [random.uniform(shape, *limits, seed=seed) for limits in (self.x_factor, self.y_factor)], axis=1
        )
        is_left = random.uniform((sizes.images, 2), seed=seed) < 0.5
        return {"shear_factor": ops.where(is_left, -factors, factors), "input_shape": sizes.shape}

    def matrix(self, transformation, height, width):
        x, y = (transformation["shear_factor"][:, k] for k in range(2))
        zeros = ops.zeros_like(x)
        return zeros + 1, x, zeros, y, zeros + 1, zeros


def _shear_range(factor, name):
    # A pair from a config may be the (-f, f) that one number became.
    is_symmetric = isinstance(factor, (tuple, list)) and len(factor) == 2 and factor[0] == -factor[1]
    return factor_range(factor[1] if is_symmetric else factor, (0, 1.0), name, symmetric=True)
