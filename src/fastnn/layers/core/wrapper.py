"""Wrapper: a layer around another layer."""

from fastnn.layers.layer import Layer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class Wrapper(Layer):
    """Base of layers that do something with another one. A subclass writes `call`.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: when it is no layer.

    Example:
        >>> class Twice(fastnn.layers.Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(self.layer(inputs))
        >>> Twice(fastnn.layers.Rescaling(3.0))(np.ones(2, "float32"))
        array([9., 9.], dtype=float32)
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure wrapped layer is a "
                "valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self):
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects=custom_objects)
        return cls(layer, **config)
