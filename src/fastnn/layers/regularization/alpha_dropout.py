"""AlphaDropout: dropout that keeps mean and variance, for networks of SELU units."""

from fastnn import ops, random
from fastnn.layers.regularization.dropout import Dropout

# What SELU tends to for very negative inputs: -scale * alpha.
_SATURATED = -1.0507009873554805 * 1.6732632423543772


class AlphaDropout(Dropout):
    """In training, each value is set to what SELU saturates at with probability `rate`; then all are scaled and shifted
    so that inputs of mean 0 and variance 1 keep both.

    Args:
        rate: float in [0, 1].
        noise_shape: tuple that broadcasts to the inputs' shape: values that share an entry share their fate. None
            entries stand for the inputs' sizes.
        seed: int, or None.

    Input shape and output shape: any, the same.

    Raises:
        ValueError: for a rate outside [0, 1].

    Reference: Klambauer et al., "Self-Normalizing Neural Networks" (2017), section "New Dropout Technique".

    Example:
        >>> fastnn.layers.AlphaDropout(0.5)(np.ones(3, "float32"))
        array([1., 1., 1.], dtype=float32)
    """

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        shape = self._noise_shape_for(tuple(inputs.shape)) or tuple(inputs.shape)
        kept = random.uniform(shape, dtype=self.compute_dtype, seed=self.seed_generator) >= self.rate
        scale = ((1 - self.rate) * (1 + self.rate * _SATURATED**2)) ** -0.5
        return ops.where(kept, inputs, _SATURATED) * scale - scale * _SATURATED * self.rate
