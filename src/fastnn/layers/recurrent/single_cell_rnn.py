"""SingleCellRNN: what SimpleRNN, LSTM, GRU and ConvLSTM share."""

import operator

from fastnn import ops, regularizers, tree
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.recurrent.rnn import RNN


class SingleCellRNN(RNN):
    """An RNN whose cell is made of the layer's own arguments, which are attributes and config entries of both.

    Class attribute:
        cell_arguments: names, separated by spaces.
    """

    cell_arguments = ""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in cls.__dict__.get("cell_arguments", "").split():
            setattr(cls, name, property(operator.attrgetter(f"cell.{name}"), doc=f"`{name}` of the cell."))

    def __init__(self, cell, ndim=3, **kwargs):
        kwargs.pop("implementation", None)  # Keras 2 had several ways to compute the same
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=ndim)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """As in `RNN`; the products with the inputs are made for all steps at once."""
        cell, x = self.cell, self.cell.dropped_sequences(sequences, training)
        if hasattr(cell, "all_steps") and cell.has_kernel(training):
            y, states = cell.all_steps(cell.project(x), initial_state, mask, self.go_backwards)
            steps_mask = ops.flip(mask, axis=1) if self.go_backwards and mask is not None else mask
            return *self._kernel_outputs(y, states[0], steps_mask), states
        first = tree.flatten(initial_state)[0]
        if training and cell.recurrent_dropout:
            cell.get_recurrent_dropout_mask(first)  # before the loop, for all of its steps
        if cell.kernel.shape[-2] < cell.kernel.shape[-1]:  # the less of the two changes its order
            z = cell.project(ops.swapaxes(x, 0, 1))
        else:
            z = ops.swapaxes(cell.project(x), 0, 1)
        return self._loop(
            lambda x, states: cell.step(x, states, training), z, initial_state, mask,
            gives_state=all((s.shape[0], s.dtype) == (z.shape[1], z.dtype) for s in tree.flatten(initial_state)),
        )  # fmt: skip

    def get_config(self):
        of_cell = self.cell.get_config()
        return {
            **self._loop_config(),
            **{name: of_cell[name] for name in self.cell_arguments.split()},
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }

    @classmethod
    def from_config(cls, config):
        return super(RNN, cls).from_config(config)


SHARED_ARGUMENTS = (
    "activation use_bias kernel_initializer recurrent_initializer bias_initializer kernel_regularizer "
    "recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
    "recurrent_dropout"
)


def shared_by(layer_arguments: dict) -> dict:
    """The arguments that a layer hands to its cell: its dtype and whether it is trainable."""
    return {
        "dtype": layer_arguments.get("dtype"),
        "trainable": layer_arguments.get("trainable", True),
    }
