"""Lambda: a function as a layer."""

import inspect
import types

from fastnn import serialization, tree
from fastnn.graph.symbolic import KerasTensor
from fastnn.layers.layer import Layer
from fastnn.layers.shapes import is_shape


class Lambda(Layer):
    """`function(inputs, **arguments)`, for a function of `fastnn.ops` and operators.

    Args:
        function: takes the inputs; `mask` and `training` too, when it has such arguments.
        output_shape: tuple without the batch, or a function from the inputs' shape to the outputs'; found by tracing
            when None.
        mask: a mask, or a function from inputs and mask to one.
        arguments: dict of further arguments.

    Input shape:
        any

    Output shape:
        what the function makes

    Example:
        >>> fastnn.layers.Lambda(lambda x: x**2)(np.full(2, 3.0, "float32"))
        array([9., 9.], dtype=float32)
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        self.arguments = arguments or {}
        self.function = function
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        self._already_warned = False
        parameters = inspect.signature(function).parameters if callable(function) else {}
        self._passes_mask, self._passes_training = "mask" in parameters, "training" in parameters

    def call(self, inputs, mask=None, training=None):
        kwargs = dict(self.arguments)
        if self._passes_mask:
            kwargs["mask"] = mask
        if self._passes_training:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_output_spec(self, inputs, *args, **kwargs):
        if self._output_shape is None:
            return super().compute_output_spec(inputs, *args, **kwargs)
        shapes = tree.map_structure(lambda x: x.shape, inputs)
        if callable(self._output_shape):
            shape = tuple(self._output_shape(shapes))
        else:
            batch = tree.flatten(inputs)[0].shape[0]
            shape = (batch, *self._output_shape) if is_shape(self._output_shape) else self._output_shape
        return KerasTensor(shape, self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self):
        config = {**super().get_config(), "function": _saved(self.function), "arguments": dict(self.arguments)}
        if self._output_shape is not None:
            config["output_shape"] = _saved(self._output_shape)
        if self.mask is not None:
            config["mask"] = _saved(self.mask)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        config = {
            name: serialization.deserialize_keras_object(value, custom_objects)
            if name in ("function", "output_shape", "mask")
            else value
            for name, value in config.items()
        }
        if not callable(config.get("function")):
            raise ValueError(
                f"The function of Lambda layer {config.get('name')!r} is no function that is known by name: "
                f"{config.get('function')!r:.200}. Code in a file is never run: use a named function and pass it in "
                "`custom_objects`."
            )
        return super().from_config(config)


def _saved(value):
    is_function = isinstance(value, (types.FunctionType, types.BuiltinFunctionType)) or callable(value)
    return serialization.serialize_keras_object(value) if is_function else value
