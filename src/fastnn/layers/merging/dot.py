"""Dot: products of the rows of two batches."""

import math

from fastnn import ops
from fastnn.layers.layer import Layer


class Dot(Layer):
    """For each row of the batch, the sum of products of two arrays along one axis of each.

    Args:
        axes: int, or one int for each input: the axis that is summed; not 0, which is the batch.
        normalize: whether vectors along that axis are scaled to norm 1 first (cosine similarity).

    Input shape:
        two shapes (batch, ...) with the same size at `axes`

    Output shape:
        (batch, other axes of the first, other axes of the second); (batch, 1) when there are none

    Raises:
        ValueError: for another number of inputs, or sizes that differ.

    Example:
        >>> fastnn.layers.Dot(axes=1)([np.ones((2, 3), "float32"), np.ones((2, 3), "float32")])
        array([[3.],
               [3.]], dtype=float32)
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axes, (int, list, tuple)):
            raise TypeError(f"Invalid type for argument `axes`: it should be a list or an int. Received: axes={axes}")
        if isinstance(axes, (list, tuple)) and (len(axes) != 2 or not all(isinstance(axis, int) for axis in axes)):
            raise ValueError(f"Invalid format for argument `axes`: it should be two ints. Received: axes={axes}")
        self.axes = axes
        self.normalize = normalize
        self.supports_masking = True

    def _axes_of(self, shapes) -> tuple[int, int]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        for axis, shape in zip(axes, shapes, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(
                    f"Dot: axis {axis} is not an axis after the batch of an input of shape {tuple(shape)}."
                )
        return tuple(axis % len(shape) for axis, shape in zip(axes, shapes, strict=True))

    def build(self, input_shape):
        if (
            not isinstance(input_shape, (tuple, list))
            or len(input_shape) != 2
            or not isinstance(input_shape[0], (tuple, list))
        ):
            raise ValueError(
                f"A `Dot` layer should be called on a list of 2 inputs. Received: input_shape={input_shape}"
            )
        shapes = [tuple(shape) for shape in input_shape]
        axes = self._axes_of(shapes)
        sizes = [shape[axis] for axis, shape in zip(axes, shapes, strict=True)]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Incompatible input shapes: axis values {sizes[0]} (at axis {axes[0]}) != {sizes[1]} (at axis "
                f"{axes[1]}). Full input shapes: {shapes[0]}, {shapes[1]}"
            )

    def call(self, inputs):
        x1, x2 = inputs
        axis1, axis2 = self._axes_of([x1.shape, x2.shape])
        if self.normalize:
            x1, x2 = _unit(x1, axis1), _unit(x2, axis2)
        rest1 = [axis for axis in range(1, len(x1.shape)) if axis != axis1]
        rest2 = [axis for axis in range(1, len(x2.shape)) if axis != axis2]
        batch, size = x1.shape[0], x1.shape[axis1]
        sizes1, sizes2 = [x1.shape[axis] for axis in rest1], [x2.shape[axis] for axis in rest2]
        x1 = ops.reshape(ops.transpose(x1, (0, *rest1, axis1)), (batch, math.prod(sizes1), size))
        x2 = ops.reshape(ops.transpose(x2, (0, axis2, *rest2)), (batch, size, math.prod(sizes2)))
        return ops.reshape(ops.matmul(x1, x2), (batch, *(sizes1 + sizes2 or [1])))

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def _unit(x, axis: int):
    # The floor on the squared norm is Keras's.
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


def dot(inputs, axes=-1, **kwargs):
    """Products of the rows of two batches: `Dot(axes, **kwargs)(inputs)`.

    Args:
        inputs: list of two arrays or KerasTensors.
        axes: int or two ints.

    Example:
        >>> fastnn.layers.dot([np.ones((2, 3), "float32"), np.ones((2, 3), "float32")], axes=1).shape
        (2, 1)
    """
    return Dot(axes=axes, **kwargs)(inputs)
