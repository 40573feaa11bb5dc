"""What surrounds `build`: names and paths of the weights that it makes, and the shapes that it was given."""

import functools
import inspect

from fastnn.graph import trace
from fastnn.layers import call_context
from fastnn.layers.shapes import as_shapes


def building(build):
    """`build` of a subclass, so that the weights it makes are named, and its shapes remembered."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def wrapper(self, *args, **kwargs):
        state = self._state
        if state.is_building:  # super().build(...) inside build
            return build(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        state.is_building = True
        state.path = call_context.path(self.name)
        try:
            with call_context.naming(self.name), trace.eager():
                build(self, *args, **kwargs)
        finally:
            state.is_building = False
        shapes = dict(list(bound.arguments.items())[1:])
        state.build_shapes = {name: as_shapes(shape) for name, shape in shapes.items()}
        self.built = True

    return wrapper


def legacy_input_shape(kwargs: dict):
    """The batch shape that the Keras 2 arguments of a first layer say, taken out of `kwargs`; None without them."""
    input_dim = kwargs.pop("input_dim", None)
    input_shape = kwargs.pop("input_shape", None)
    batch_input_shape = kwargs.pop("batch_input_shape", None)
    batch_size = kwargs.pop("batch_size", None) if input_shape or input_dim else None
    if batch_input_shape is not None:
        return tuple(batch_input_shape)
    if input_shape is None and input_dim is not None:
        input_shape = (input_dim,)
    if input_shape is None:
        return None
    input_shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    return (batch_size, *input_shape)
