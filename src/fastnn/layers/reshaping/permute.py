"""Permute: axes in another order."""

from fastnn import ops
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class Permute(Layer):
    """The axes after the batch in another order.

    Args:
        dims: tuple: a permutation of 1, 2, ...: (2, 1) swaps the first two axes after the batch.

    Input shape:
        (batch, ...)

    Output shape:
        the same sizes in the new order

    Raises:
        ValueError: when `dims` is no permutation.

    Example:
        >>> fastnn.layers.Permute((2, 1))(np.zeros((2, 3, 4), "float32")).shape
        (2, 4, 3)
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(dims) != list(range(1, len(dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be "
                f"consecutive and start from 1. Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self):
        return {**super().get_config(), "dims": self.dims}
