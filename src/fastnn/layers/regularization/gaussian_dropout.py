"""GaussianDropout: noise by multiplication while training."""

import math

from fastnn import random
from fastnn.layers.layer import Layer
from fastnn.layers.regularization.dropout import check_rate


class GaussianDropout(Layer):
    """In training, values are multiplied by normal numbers of mean 1 and standard deviation sqrt(rate / (1 - rate)).

    Args:
        rate: float in [0, 1).
        seed: int, or None.

    Input shape and output shape: any, the same.

    Example:
        >>> fastnn.layers.GaussianDropout(0.5)(np.ones(3, "float32"))
        array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = check_rate(rate)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return inputs * random.normal(inputs.shape, 1.0, stddev, dtype=self.compute_dtype, seed=self.seed_generator)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
