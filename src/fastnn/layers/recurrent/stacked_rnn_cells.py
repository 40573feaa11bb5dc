"""StackedRNNCells: several cells as one."""

from fastnn.layers.layer import Layer
from fastnn.layers.recurrent.cells import build_cell, call_cell, initial_states, output_size
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class StackedRNNCells(Layer):
    """Cells one after another in each step: each takes the outputs of the one before.

    Args:
        cells: list of cells, as in `RNN`.

    Call arguments:
        inputs: (batch, features).
        states: list of the states of each cell.

    Returns of a call:
        the output of the last cell, and the list of new states.

    Raises:
        ValueError: for a cell without `call` or `state_size`.

    Example:
        >>> cells = [fastnn.layers.LSTMCell(4), fastnn.layers.GRUCell(2)]
        >>> fastnn.layers.RNN(fastnn.layers.StackedRNNCells(cells))(np.ones((1, 5, 3), "float32")).shape
        (1, 2)
    """

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        for cell in cells:
            for name in ("call", "state_size"):
                if not hasattr(cell, name):
                    what = "`call` method" if name == "call" else "`state_size` attribute"
                    raise ValueError(f"All cells must have a {what}. Received cell without a `{name}`: {cell}")
        self.cells = list(cells)

    @property
    def state_size(self):
        """The `state_size` of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        """The size of the outputs of the last cell."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size=None):
        """The initial states of each cell."""
        return [initial_states(cell, batch_size) for cell in self.cells]

    def build(self, input_shape):
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs, states, training=False, **kwargs):
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, state = call_cell(cell, inputs, state, training)
            new_states.append(state)
        return inputs, new_states

    def get_config(self):
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        cells = [deserialize_keras_object(cell, custom_objects=custom_objects) for cell in config["cells"]]
        return cls(**{**config, "cells": cells})
