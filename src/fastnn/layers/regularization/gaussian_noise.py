"""GaussianNoise: normal noise while training."""

from fastnn import ops, random
from fastnn.layers.layer import Layer
from fastnn.layers.regularization.dropout import check_rate


class GaussianNoise(Layer):
    """In training, normal noise is added.

    Args:
        stddev: standard deviation, a float in [0, 1].
        seed: int, or None.

    Input shape and output shape: any, the same.

    Raises:
        ValueError: for a standard deviation outside [0, 1].

    Example:
        >>> fastnn.layers.GaussianNoise(0.1)(np.ones(3, "float32"))
        array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.stddev = check_rate(stddev, "stddev")
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if stddev > 0 else None
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(inputs.shape, 0.0, self.stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return ops.add(inputs, noise)

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}
