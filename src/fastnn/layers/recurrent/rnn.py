"""RNN: any cell over a sequence."""

from fastnn import ops, tree
from fastnn.graph import trace
from fastnn.graph.variable import Variable
from fastnn.layers import call_context
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.recurrent.cells import build_cell, call_cell, initial_states, output_size
from fastnn.layers.recurrent.gru_cell import GRUCell
from fastnn.layers.recurrent.lstm_cell import LSTMCell
from fastnn.layers.recurrent.recurrent_cell import keeping_masks
from fastnn.layers.recurrent.stacked_rnn_cells import StackedRNNCells
from fastnn.layers.recurrent.time_loop import time_loop
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class _Carried:
    """The states that a stateful layer keeps from call to call: no weights, so not found among its attributes."""

    states = None


class RNN(Layer):
    """A recurrent layer: calls `cell` for each step of a sequence and hands it the state that it returned before.

    All steps of LSTMCells and GRUCells with the default activations are one kernel a cell, as in `LSTM` and `GRU`.

    A masked step (false in the mask) leaves the states as they are and repeats the output before it.

    Args:
        cell: a layer or other callable with `call(inputs, states) -> (output, new_states)`, `state_size` (an int, or a
            list of ints for several states), optionally `output_size` and `get_initial_state(batch_size)`; or a list
            of cells, each fed with the outputs of the one before (`StackedRNNCells`).
        return_sequences: whether the output is that of each step, not of the last.
        return_state: whether the states after the last step are returned too.
        go_backwards: whether the steps take the inputs from the last to the first; outputs stay in the order of steps.
        stateful: whether a call begins with the states that the one before ended with, row by row; the batch size must
            be known.
        unroll: whether the compiled steps stand one after another, not in a loop: faster for short sequences.
        zero_output_for_mask: whether the output of a masked step is zero.

    Call arguments:
        sequences: (batch, time, ...).
        initial_state: list of arrays, one for each state; zeros by default.
        mask: bool (batch, time).
        training: passed on to the cell.

    Output shape:
        (batch, outputs), with `return_sequences` (batch, time, outputs); with `return_state` a tuple of it and the
        states (batch, size).

    Raises:
        ValueError: for what is no cell, and for a stateful layer with an unknown or another batch size.

    Example:
        >>> class Sum(fastnn.layers.Layer):
        ...     state_size = 2
        ...     def call(self, inputs, states):
        ...         return inputs + states[0], [inputs + states[0]]
        >>> fastnn.layers.RNN(Sum())(np.ones((1, 5, 2), "float32"))
        array([[5., 5.]], dtype=float32)
    """

    def __init__(
        self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
        zero_output_for_mask=False, **kwargs,
    ):  # fmt: skip
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell}")
        if not hasattr(cell, "state_size"):
            raise ValueError(
                "The RNN cell should have a `state_size` attribute (single integer or list of integers, one integer "
                f"per RNN state). Received: cell={cell}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.input_spec = InputSpec(min_ndim=3)
        self.supports_masking = True
        self._carried = _Carried()
        self.single_state = isinstance(cell.state_size, int)
        if not isinstance(cell.state_size, (int, list, tuple)):
            raise ValueError(
                "state_size must be an integer, or a list/tuple of integers (one for each state tensor). Received: "
                f"state_size={cell.state_size}"
            )
        self.state_size = [cell.state_size] if self.single_state else list(cell.state_size)

    @property
    def states(self):
        """The variables of a stateful layer in the structure of its states; None before it is built."""
        return self._carried.states

    def build(self, sequences_shape, initial_state_shape=None):
        build_cell(self.cell, (sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            if sequences_shape[0] is None:
                raise ValueError(
                    "When using `stateful=True` in a RNN, the batch size must be static. Found dynamic batch size: "
                    f"sequence.shape={tuple(sequences_shape)}"
                )
            self._carried.states = tree.map_structure(_state_variable, self._begin(sequences_shape))

    def get_initial_state(self, batch_size):
        """The states before the first step: a list (or another structure, as the cell says), zeros by default."""
        return initial_states(self.cell, batch_size)

    def _begin(self, sequences_shape):
        """The default initial state for inputs of a shape."""
        return self.get_initial_state(sequences_shape[0])

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, time = sequences_shape[:2]
        lead = (batch, time) if self.return_sequences else (batch,)
        output = tree.map_structure(lambda size: _Shape((*lead, size)), output_size(self.cell))
        states = tree.map_structure(lambda size: _Shape((batch, size)), self.state_size)
        shapes = tree.map_structure(lambda shape: shape.sizes, [output, *states] if self.return_state else output)
        return tuple(shapes) if self.return_state else shapes

    def compute_mask(self, _, mask):
        mask = tree.flatten(mask)[0]
        of_output = mask if self.return_sequences else None
        return [of_output, *(None for _ in tree.flatten(self.state_size))] if self.return_state else of_output

    def call(self, sequences, initial_state=None, mask=None, training=False):
        states = self._states_before(sequences, initial_state)
        with keeping_masks():
            last, outputs, states = self.inner_loop(
                sequences=sequences, initial_state=states, mask=tree.flatten(mask)[0], training=training
            )
        if self.stateful:
            for variable, state in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
                variable.assign(state)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _states_before(self, sequences, initial_state):
        if initial_state is not None:
            states = initial_state if tree.is_nested(initial_state) else [initial_state]
            given, wanted = len(tree.flatten(states)), len(tree.flatten(self.state_size))
            if given != wanted:
                raise ValueError(f"`initial_state` has {given} arrays; {self.name!r} has {wanted} states.")
            return list(states) if isinstance(states, tuple) else states
        if not self.stateful:
            return self._begin(sequences.shape)
        expected = tree.flatten(self.states)[0].shape[0]
        if sequences.shape[0] != expected:
            raise ValueError(
                "If an RNN is stateful, the batch size of the input sequences must be the same as the batch size of "
                f"the initial state.\n- Expected batch size: {expected}\n- Received batch size: {sequences.shape[0]}"
            )
        return self.states

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """All steps: `(last_output, outputs, states)`, outputs None unless they are returned; what a subclass with a
        faster way overrides."""
        is_stack = type(self.cell) is StackedRNNCells and self.cell.activity_regularizer is None
        cells = self.cell.cells if is_stack else [self.cell]
        if len(sequences.shape) == 3 and all(self._has_kernel(cell, training) for cell in cells):
            states = initial_state if is_stack else [initial_state]
            return self._cell_by_cell(cells, sequences, states, initial_state, mask, training)
        return self._loop(
            lambda x, states: call_cell(self.cell, x, states, training),
            ops.swapaxes(sequences, 0, 1), initial_state, mask,
        )  # fmt: skip

    def _has_kernel(self, cell, training) -> bool:
        return (
            type(cell) in (LSTMCell, GRUCell)
            and cell.has_kernel(training)
            and cell.activity_regularizer is None
            and cell.compute_dtype == self.compute_dtype
        )

    def _cell_by_cell(self, cells, y, states, like, mask, training):
        """All steps of a cell before those of the next: what `inner_loop` returns, with states as in `like`."""
        if self.go_backwards:
            y, mask = ops.flip(y, axis=1), None if mask is None else ops.flip(mask, axis=1)
        after = []
        for cell, state in zip(cells, states, strict=True):
            z = cell.project(cell.dropped_sequences(y, training))
            y, state = cell.all_steps(z, tree.flatten(state), mask)
            after.append(state)
        return *self._kernel_outputs(y, state[0], mask), tree.pack_sequence_as(like, tree.flatten(after))

    def _kernel_outputs(self, y, h, mask):
        """(last output, outputs) from the states after each step and after the last: they are the outputs, but zero
        where masked, in the order of the steps, if the layer says so."""
        if mask is None or not self.zero_output_for_mask:
            return h, y
        keep = ops.cast(mask, y.dtype)
        return h * keep[:, -1:], y * ops.expand_dims(keep, -1)

    def _loop(self, step, sequences, initial_state, mask, gives_state=False):
        """What `inner_loop` returns, by `time_loop`; sequences (time, batch, ...)."""
        return time_loop(
            step, sequences, initial_state, mask, go_backwards=self.go_backwards, unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask, return_all=self.return_sequences, gives_state=gives_state,
        )  # fmt: skip

    def reset_state(self):
        """Sets the states of a stateful layer to zero."""
        for variable in tree.flatten(self.states) if self.states is not None else []:
            variable.assign(variable.array * 0)

    def reset_states(self):
        """`reset_state` under its other name."""
        self.reset_state()

    def _loop_config(self) -> dict:
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
        }

    def get_config(self):
        return {**self._loop_config(), "cell": serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        cell = deserialize_keras_object(config["cell"], custom_objects=custom_objects)
        return cls(**{**config, "cell": cell})


class _Shape:
    """A shape as a leaf of a structure."""

    def __init__(self, sizes):
        self.sizes = sizes


def _state_variable(state) -> Variable:
    with trace.eager():
        variable = Variable(state, trainable=False, name="rnn_state")
    variable.path = call_context.path("rnn_state")
    return variable
