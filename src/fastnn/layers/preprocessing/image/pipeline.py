"""Pipeline: layers one after the other, as a layer."""

from fastnn import serialization
from fastnn.layers.call_signature import CallSignature
from fastnn.layers.layer import Layer


class Pipeline(Layer):
    """Layers one after the other; unlike `Sequential` it is a plain layer.

    Args:
        layers: list of layers.
        name: its name.

    Call arguments:
        inputs: what the first layer takes.
        training: passed on to the layers that take it; True by default.
        mask: passed on likewise.

    Example:
        >>> layer = fastnn.layers.Pipeline([fastnn.layers.RandomFlip(), fastnn.layers.RandomRotation(0.1)])
        >>> layer(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    def __init__(self, layers, name=None):
        super().__init__(name=name)
        self._pipeline_layers = layers

    @property
    def layers(self):
        """The layers."""
        return self._pipeline_layers

    def call(self, inputs, training=True, mask=None):
        for layer in self._pipeline_layers:
            signature = CallSignature.of(layer.call)
            kwargs = {"training": training} if signature.has("training") else {}
            if mask is not None and signature.has("mask"):
                kwargs["mask"] = mask
            inputs = layer(inputs, **kwargs)
        return inputs

    def get_config(self):
        return {
            "layers": [serialization.serialize_keras_object(layer) for layer in self._pipeline_layers],
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        layers = [serialization.deserialize_keras_object(layer) for layer in config["layers"]]
        return cls(layers, name=config.get("name"))
