"""Bidirectional: a recurrent layer forwards and backwards in time."""

from fastnn import ops, tree
from fastnn.layers.call_signature import CallSignature
from fastnn.layers.layer import Layer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_MERGES = {
    "concat": lambda a, b: ops.concatenate([a, b], axis=-1),
    "sum": ops.add,
    "ave": lambda a, b: (a + b) / 2,
    "mul": ops.multiply,
}


class Bidirectional(Layer):
    """A recurrent layer and its mirror image: one goes through the sequence forwards, one backwards (Schuster and
    Paliwal 1997). Outputs of all steps are merged in the order of the inputs.

    Args:
        layer: an `RNN`, or a layer with its arguments `go_backwards`, `return_sequences`, `return_state`, `stateful`
            and `get_config`. Two others are made of its config.
        merge_mode: "concat" (along the last axis), "sum", "mul", "ave", or None: both outputs are returned.
        weights: kept for Keras's signature, without effect as there.
        backward_layer: the layer that goes backwards; by default one like `layer` with `go_backwards`.

    Call arguments:
        sequences: (batch, time, ...).
        initial_state: list of the states of the forward layer, then of the backward one.
        mask: bool (batch, time).
        training: passed on.

    Output shape:
        that of `layer`, its last axis doubled by "concat"; with `return_state` a tuple: the output (or both), the
        states of the forward layer, those of the backward one.

    Raises:
        ValueError: for what is no layer, an unknown `merge_mode`, and layers that do not mirror each other.

    Example:
        >>> layer = fastnn.layers.Bidirectional(fastnn.layers.LSTM(3, return_sequences=True))
        >>> layer(np.ones((2, 5, 4), "float32")).shape
        (2, 5, 6)
    """

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        for each in (layer,) if backward_layer is None else (layer, backward_layer):
            if not isinstance(each, Layer):
                raise ValueError(f"Please initialize `Bidirectional` layer with a `Layer` instance. Received: {each}")
        if merge_mode is not None and merge_mode not in _MERGES:
            raise ValueError(
                f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of "
                '{"sum", "mul", "ave", "concat", None}'
            )
        super().__init__(**kwargs)
        name = layer.name.removeprefix("forward_")
        self.forward_layer = _like(layer, name=f"forward_{name}")
        if backward_layer is None:
            backward_layer = _like(layer, name=f"backward_{name}", go_backwards=True)
        self.backward_layer = backward_layer
        _check_mirror(self.forward_layer, backward_layer)
        self.merge_mode = merge_mode
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        if self.return_sequences:
            # What a masked step would repeat is not the same in both directions.
            self.forward_layer.zero_output_for_mask = backward_layer.zero_output_for_mask = True
        self.input_spec = layer.input_spec
        self.supports_masking = True

    def build(self, sequences_shape, initial_state_shape=None):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
                layer.built = True

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        output, states = (shape[0], tuple(shape[1:])) if self.return_state else (shape, ())
        if self.merge_mode is None:
            outputs = (output, output)
        else:
            outputs = ((*output[:-1], 2 * output[-1]) if self.merge_mode == "concat" else output,)
        return (*outputs, *states, *states) if len(outputs) > 1 or states else outputs[0]

    def compute_mask(self, _, mask):
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        masks = (mask, mask) if self.merge_mode is None else (mask,)
        if not self.return_state:
            return masks if len(masks) > 1 else mask
        count = sum(len(tree.flatten(layer.state_size)) for layer in (self.forward_layer, self.backward_layer))
        return (*masks, *(None for _ in range(count)))

    def call(self, sequences, initial_state=None, mask=None, training=None):
        halves = None, None
        if initial_state is not None:
            half = len(initial_state) // 2
            halves = initial_state[:half], initial_state[half:]
        results = [
            _call(layer, sequences, states, mask, training)
            for layer, states in zip((self.forward_layer, self.backward_layer), halves, strict=True)
        ]
        (y, *states), (y_back, *states_back) = results if self.return_state else ([result] for result in results)
        if self.return_sequences:
            y_back = ops.flip(y_back, axis=1)
        outputs = (y, y_back) if self.merge_mode is None else (_MERGES[self.merge_mode](y, y_back),)
        return (*outputs, *states, *states_back) if len(outputs) > 1 or self.return_state else outputs[0]

    @property
    def states(self):
        """The variables of stateful layers, the forward one's first; None before they are built."""
        if not (self.forward_layer.states and self.backward_layer.states):
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)

    def reset_state(self):
        """Sets the states of stateful layers to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self):
        """`reset_state` under its other name."""
        self.reset_state()

    def get_config(self):
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        layers = {
            name: deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("layer", "backward_layer")
            if config.get(name) is not None
        }
        return cls(**{**config, **layers})


def _like(layer, **changes):
    return type(layer).from_config({**layer.get_config(), **changes})


def _check_mirror(forward, backward) -> None:
    if forward.go_backwards == backward.go_backwards:
        raise ValueError(
            "Forward layer and backward layer should have different `go_backwards` value. Received: "
            f"forward_layer.go_backwards={forward.go_backwards}, backward_layer.go_backwards={backward.go_backwards}"
        )
    for name in ("stateful", "return_sequences", "return_state"):
        ours, theirs = getattr(forward, name), getattr(backward, name)
        if ours != theirs:
            raise ValueError(
                "Forward layer and backward layer are expected to have the same value for attribute "
                f"{name!r}, got {ours} for forward layer and {theirs} for backward layer"
            )


def _call(layer, sequences, states, mask, training):
    """`layer` with those of the arguments that are given and that it takes."""
    signature = CallSignature.of(layer.call)
    given = {"initial_state": states, "mask": mask}
    kwargs = {name: value for name, value in given.items() if value is not None and signature.has(name)}
    return layer(sequences, training=training, **kwargs)
