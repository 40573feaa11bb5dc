"""HostLayer: a layer that computes in NumPy and not in plans, because it reads strings or tables."""

import numpy as np

from fastnn import tree
from fastnn.graph.symbolic import KerasTensor
from fastnn.graph.value import Spec, Value
from fastnn.layers.call_signature import is_array
from fastnn.layers.layer import Layer
from fastnn.layers.preprocessing.strings import Strings
from fastnn.layers.text import as_array
from fastnn.ops.record import Op


class HostLayer(Layer):
    """Base of layers that look things up in NumPy.

    Called on arrays, or lists of numbers or strings, such a layer runs at once. Called on numbers while something is
    compiled, it becomes a step of the plan that runs NumPy. Strings never reach a plan: see `fastnn.models.host`.
    """

    runs_on_host = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False
        self._allow_non_tensor_positional_args = True

    def __call__(self, *args, **kwargs):
        if not args and "inputs" in kwargs:
            args = (kwargs.pop("inputs"),)
        if args and not _has_traced(args[0]):
            args = (self._as_arrays(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def _runs_compiled(self) -> bool:
        return False

    def _as_arrays(self, inputs):
        """`inputs` of a call as an array; a layer of several inputs makes several."""
        return inputs if is_array(inputs) else as_array(inputs)

    def on_host(self, function, inputs: list, shape, dtype: str, as_ops=None):
        """`function(*arrays)`: now, or, where one of `inputs` is traced, as a step of the plan.

        Args:
            function: from NumPy arrays to one.
            inputs: arrays and traced values.
            shape: of the result.
            dtype: of the result.
            as_ops: the same, written with `ops`, for files that know no NumPy; None where there is no such way.
        """
        if not any(isinstance(x, Value) for x in inputs):
            return function(*[x if isinstance(x, Strings) else np.asarray(x) for x in inputs])
        spec = Spec(tuple(shape), dtype)
        step = Op(
            self.name, shape=lambda *specs, as_ops: spec, reference=lambda *arrays, as_ops: function(*arrays),
            is_registered=False,
        )  # fmt: skip
        return step(*inputs, as_ops=as_ops)

    @property
    def _categories(self) -> int | None:
        """How many indices there are."""
        return getattr(self, "num_bins", None)

    @property
    def output_dtype(self) -> str:
        """The dtype of the results."""
        return self.compute_dtype

    def compute_output_spec(self, *args, **kwargs):
        shapes = tree.map_structure(lambda x: x.shape, args[0])
        return KerasTensor(self.compute_output_shape(shapes), self.output_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _has_traced(inputs) -> bool:
    if isinstance(inputs, list) and inputs and isinstance(inputs[0], str):
        return False  # nothing else is among strings, which may be many
    return any(isinstance(leaf, (KerasTensor, Value)) for leaf in tree.flatten(inputs))


def batches_of(data, steps=None):
    """The batches that `adapt` sees, as arrays: one, for an array or a list (of numbers or strings, which become a
    column); those of a data set or another iterable.

    Args:
        data: an array, a list or tuple, a `PyDataset`, or an iterable of batches.
        steps: how many batches at most, where there are several.

    Raises:
        TypeError: for anything else.
    """
    if is_array(data) or isinstance(data, (list, tuple, str)):
        whole = as_array(data)
        yield whole[:, None] if whole.ndim == 1 else whole
        return
    for k, batch in enumerate(iterated(data)):
        if steps is not None and k >= steps:
            return
        yield np.asarray(batch)


def iterated(data):
    """The batches of a `PyDataset` or of an iterable.

    Raises:
        TypeError: for anything else.
    """
    if hasattr(data, "__iter__"):
        return data
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[k] for k in range(len(data)))
    raise TypeError(
        f"adapt: unsupported data type {type(data)}. Expected an array, a list, a PyDataset or an iterable of batches."
    )
