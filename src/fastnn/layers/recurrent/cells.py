"""What `RNN` and `StackedRNNCells` ask of any cell, the user's too: a callable with `call` and `state_size`."""

from fastnn import ops, tree
from fastnn.layers.layer import Layer


def call_cell(cell, inputs, states, training):
    """`(output, states)` of one step; the states as a list or whatever structure the cell returns."""
    extra = {"training": training} if isinstance(cell, Layer) else {}
    output, states = cell(inputs, states, **extra)
    return output, states if tree.is_nested(states) else [states]


def build_cell(cell, input_shape) -> None:
    """Makes the weights of a cell that has none yet."""
    if isinstance(cell, Layer) and not cell.built:
        cell.build(tuple(input_shape))
        cell.built = True


def output_size(cell):
    """The size of the outputs' last axis: by default that of the first state."""
    size = getattr(cell, "output_size", None)
    return tree.flatten(cell.state_size)[0] if size is None else size


def initial_states(cell, batch_size):
    """What `get_initial_state` says, or zeros: a list or another structure."""
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch_size)
    else:
        dtype = getattr(cell, "compute_dtype", None)
        states = tree.map_structure(lambda size: ops.zeros((batch_size, size), dtype=dtype), cell.state_size)
    return states if tree.is_nested(states) else [states]
