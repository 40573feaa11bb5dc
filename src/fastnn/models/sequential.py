"""Sequential: layers one after the other."""

from __future__ import annotations

import copy

import numpy as np

from fastnn.graph.symbolic import KerasTensor
from fastnn.layers import call_context, masking
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.layer import Layer
from fastnn.layers.operation import Operation
from fastnn.layers.shapes import is_shape
from fastnn.models.inputs import match_inputs
from fastnn.models.model import Model
from fastnn.models.network import Network
from fastnn.object_registration import custom_object_scope
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class Sequential(Model):
    """Layers one after the other, each with one input and one output.

    Args:
        layers: list of layers; an `Input` may come first. Without one, weights are made at the first call.
        trainable: whether its weights are trained.
        name: defaults to "sequential", numbered.

    Raises:
        ValueError: for what is no layer, or two layers of one name.

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3, activation="relu")])
        >>> model(np.zeros((2, 4), "float32")).shape
        (2, 3)
    """

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(trainable=trainable, name=name)
        self._chain: list[Layer] = []  # an InputLayer first, when there is one
        self._tensors: list[KerasTensor] = []  # what each of the chain returned, once there is an input
        for layer in layers or []:
            self.add(layer)

    def add(self, layer, rebuild=True) -> None:
        """Adds a layer at the end.

        Args:
            layer: a layer, or an `Input` as the first.
            rebuild: kept for Keras's signature.

        Raises:
            ValueError: for what is no layer, a name that is taken, or a layer that does not fit; the model is as it
                was.
        """
        if isinstance(layer, KerasTensor) and layer.call is not None and isinstance(layer.call.operation, InputLayer):
            layer = layer.call.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Only instances of `fastnn.Layer` can be added to a Sequential model. Received: {layer} (of type "
                f"{type(layer)})"
            )
        if any(other.name == layer.name for other in self._chain):
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is already the "
                "name of a layer in this model. Update the `name` argument to pass a unique name."
            )
        if isinstance(layer, InputLayer):
            if self._chain and isinstance(self._chain[0], InputLayer):
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input shape "
                    f"{self._chain[0].batch_shape}. You cannot add a different Input layer to it."
                )
            if self._chain:
                raise ValueError(f"An Input can only be the first layer of Sequential model '{self.name}'.")
        elif not self._chain and layer._input_shape_arg is not None:
            self.add(InputLayer(batch_shape=layer._input_shape_arg, dtype=layer.input_dtype))
        with call_context.naming(self.name):
            self._extend(layer)
        self._chain.append(layer)

    def pop(self, rebuild=True) -> Layer:
        """Removes the last layer and returns it.

        Args:
            rebuild: kept for Keras's signature.
        """
        layer = self._chain.pop()
        if self._tensors:
            self._tensors.pop()
        self._update_network()
        return layer

    def _extend(self, layer: Layer) -> None:
        """Calls `layer` on the model's output, where it is known."""
        if isinstance(layer, InputLayer):
            self._tensors = [layer.output]
        elif self._tensors:
            self._tensors.append(layer(self._tensors[-1]))
            self._update_network()

    def _update_network(self) -> None:
        has_layers = len(self._tensors) > 1
        self._network = Network(self._tensors[0], self._tensors[-1]) if has_layers else None
        self.built = has_layers

    def build(self, input_shape=None):
        """Makes the weights.

        Args:
            input_shape: tuple with the batch (None where unknown); not needed when the model begins with an `Input`.

        Raises:
            ValueError: for a model without layers.
        """
        if self._tensors:
            return
        if not self._chain:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`."
            )
        if not is_shape(input_shape):
            return  # a structure of inputs: each layer is built as `call` reaches it
        self._begin(InputLayer(batch_shape=(None, *input_shape[1:]), dtype=self._chain[0].input_dtype))

    def _begin(self, start: InputLayer) -> None:
        for layer in (start, *self._chain):
            self._extend(layer)

    def _build_on_strings(self, inputs):
        self._begin(InputLayer(batch_shape=(None, *np.shape(inputs)[1:]), dtype="string"))

    def call(self, inputs, training=None, mask=None):
        """The layers, one after the other."""
        if self._network is not None and self._network.host_part is not None:
            return super().call(inputs)
        if self._tensors:
            start = self._tensors[0]
            (inputs,) = match_inputs(inputs, start, [start.call.operation], self.name, check_sizes=False)
        masking.enter(inputs, mask)
        for layer in self._chain[1:] if self._chain and isinstance(self._chain[0], InputLayer) else self._chain:
            inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._chain if not isinstance(layer, InputLayer)]

    @property
    def input(self):
        """The input of its first call in another model, as of any layer; before one, that of its first layer."""
        return Operation.input.fget(self) if self._inbound else super().input

    @property
    def output(self):
        """What its first call in another model returned, as of any layer; before one, what its last layer returns."""
        return Operation.output.fget(self) if self._inbound else super().output

    @property
    def input_dtype(self) -> str:
        return self._chain[0].input_dtype if self._chain else super().input_dtype

    def get_build_config(self):
        return {"input_shape": self._tensors[0].shape} if self._tensors else None

    def get_config(self):
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": Layer.get_config(self)["dtype"],
            "layers": [serialize_keras_object(layer) for layer in self._chain],
        }
        if self._tensors:
            config["build_input_shape"] = self._tensors[0].shape
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = copy.copy(config)
        model = cls(name=config.get("name"))
        with custom_object_scope(custom_objects):
            for layer in config["layers"]:
                model.add(deserialize_keras_object(layer))
        shape = config.get("build_input_shape")
        if shape and not model.built:
            model.build(tuple(shape))
        if config.get("trainable") is False:
            model.trainable = False
        return model
