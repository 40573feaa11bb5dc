"""What the layers that merge elementwise share: the checks, and inputs of different ranks."""

import functools

from fastnn import ops
from fastnn.layers.layer import Layer
from fastnn.layers.merging.masks import any_of


class Merge(Layer):
    """Several arrays become one, element by element; the subclass merges two in `merge_two`.

    Arrays of fewer axes than others get axes of size 1 after the batch.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if (
            not isinstance(input_shape, (list, tuple))
            or not input_shape
            or not isinstance(input_shape[0], (list, tuple))
        ):
            raise ValueError(
                f"A merge layer should be called on a list of inputs. Received: input_shape={input_shape} (not a list "
                "of shapes)"
            )
        batches = {shape[0] for shape in input_shape if shape} - {None}
        if len(batches) > 1 and 1 not in batches:
            raise ValueError(
                "Cannot merge tensors with different batch sizes. Received tensors with shapes "
                f"{[tuple(shape) for shape in input_shape]}"
            )
        functools.reduce(_broadcast, [tuple(shape[1:]) for shape in input_shape])

    def call(self, inputs):
        ndim = max(len(x.shape) for x in inputs)
        return self.merge([_with_ndim(x, ndim) for x in inputs])

    def merge(self, inputs):
        """All of `inputs`, which have the same number of axes, as one."""
        return functools.reduce(self.merge_two, inputs)

    def compute_mask(self, inputs, mask=None):
        return any_of(inputs, mask)


def _with_ndim(x, ndim: int):
    missing = ndim - len(x.shape)
    return x if missing == 0 else ops.reshape(x, (x.shape[0], *(1,) * missing, *x.shape[1:]))


def _broadcast(a: tuple, b: tuple) -> tuple:
    """The shape of two arrays of shapes `a` and `b` merged; None where unknown."""
    if len(a) < len(b):
        a, b = b, a
    lead = len(a) - len(b)
    shape = list(a[:lead])
    for m, n in zip(a[lead:], b, strict=True):
        if m is not None and n is not None and m != n and 1 not in (m, n):
            raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
        shape.append(n if m in (1, None) else m)
    return tuple(shape)
