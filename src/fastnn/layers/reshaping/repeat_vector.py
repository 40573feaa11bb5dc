"""RepeatVector: a row several times."""

from fastnn import ops
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class RepeatVector(Layer):
    """Each row `n` times.

    Args:
        n: int.

    Input shape:
        (batch, features)

    Output shape:
        (batch, n, features)

    Raises:
        TypeError: when `n` is no int.

    Example:
        >>> fastnn.layers.RepeatVector(3)(np.zeros((2, 4), "float32")).shape
        (2, 3, 4)
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        batch, features = inputs.shape
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, features)), (batch, self.n, features))

    def get_config(self):
        return {**super().get_config(), "n": self.n}
