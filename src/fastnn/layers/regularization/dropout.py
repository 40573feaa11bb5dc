"""Dropout: random zeros while training."""

from fastnn import random
from fastnn.layers.layer import Layer


class Dropout(Layer):
    """In training, each value is zero with probability `rate`, and the others are divided by `1 - rate`.

    Args:
        rate: float in [0, 1].
        noise_shape: tuple that broadcasts to the inputs' shape: values that share an entry share their fate. None
            entries stand for the inputs' sizes.
        seed: int, or None.

    Input shape and output shape: any, the same.

    Raises:
        ValueError: for a rate outside [0, 1].

    Example:
        >>> fastnn.layers.Dropout(0.5)(np.ones(3, "float32"))
        array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = check_rate(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        noise_shape = self._noise_shape_for(tuple(inputs.shape))
        return random.dropout(inputs, self.rate, noise_shape=noise_shape, seed=self.seed_generator)

    def _noise_shape_for(self, shape):
        if self.noise_shape is None:
            return None
        if len(self.noise_shape) != len(shape):
            raise ValueError(
                f"`noise_shape` should have one entry for each of the {len(shape)} axes of the inputs. Received: "
                f"noise_shape={self.noise_shape}, inputs.shape={shape}"
            )
        return tuple(n if size is None else size for size, n in zip(self.noise_shape, shape, strict=True))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}


def check_rate(rate, name: str = "rate"):
    """`rate` when it is in [0, 1].

    Raises:
        ValueError: when it is not.
    """
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected a float value between 0 and 1. Received: "
            f"{name}={rate}"
        )
    return rate
