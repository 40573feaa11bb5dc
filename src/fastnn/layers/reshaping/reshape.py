"""Reshape: the same numbers in another shape."""

import math

from fastnn import ops
from fastnn.layers.layer import Layer


class Reshape(Layer):
    """The values of each row in the shape `target_shape`, in row-major order.

    Args:
        target_shape: tuple of ints without the batch; one may be -1 for what is left.

    Input shape:
        (batch, ...)

    Output shape:
        (batch, *target_shape)

    Raises:
        ValueError: when the sizes do not multiply to the same.

    Example:
        >>> fastnn.layers.Reshape((3, -1))(np.zeros((2, 12), "float32")).shape
        (2, 3, 4)
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if target_shape.count(-1) > 1:
            raise ValueError(
                "There must be at most one unknown dimension (-1) in `target_shape`. Received: "
                f"target_shape={target_shape}."
            )
        self.target_shape = target_shape
        self.built = True

    def call(self, inputs):
        sizes = tuple(inputs.shape[1:])
        total, known = math.prod(sizes), math.prod(size for size in self.target_shape if size != -1)
        found = f"Received: input_shape={sizes}, target_shape={self.target_shape}"
        if -1 in self.target_shape:
            if known == 0 or total % known:
                raise ValueError(
                    "The total size of the tensor must be unchanged, however, the input size cannot be divided by the "
                    f"specified dimensions in target_shape. {found}"
                )
        elif total != known:
            raise ValueError(f"The total size of the tensor must be unchanged. {found}")
        target = tuple(total // known if size == -1 else size for size in self.target_shape)
        return ops.reshape(inputs, (inputs.shape[0], *target))

    def get_config(self):
        return {**super().get_config(), "target_shape": self.target_shape}
