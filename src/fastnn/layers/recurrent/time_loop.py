"""The loop over time of every recurrent layer that has no kernel of its own."""

from fastnn import ops, tree


def time_loop(
    step, sequences, states, mask=None, *, go_backwards, unroll, zero_output_for_mask, return_all, gives_state=False
):
    """Calls `step(inputs, states) -> (output, states)` for each time step.

    Where the mask is false, the states stay as they are, and the output is the one of the step before (before any step:
    the first state of the last cell, where it has the output's shape), or zero.

    Args:
        sequences: (time, batch, ...).
        states: structure of arrays (batch, ...).
        mask: bool (batch, time) or None.
        go_backwards: whether the first step takes the last inputs.
        unroll: whether a trace has the steps one after another, not a loop as one node.
        zero_output_for_mask: whether masked outputs are zero.
        return_all: whether all outputs are wanted.
        gives_state: whether an output is the first of the new states, and `step` draws nothing.

    Returns:
        `(last_output, outputs, states)`; outputs (batch, time, ...) in the order of the steps, or None.
    """
    xs = [sequences]
    if mask is not None:
        xs.append(ops.swapaxes(ops.cast(mask, "bool"), 0, 1))
    if go_backwards:
        xs = [ops.flip(x, axis=0) for x in xs]
    n_steps = xs[0].shape[0]

    def masked_step(states, before, x, keep=None):
        output, new = step(x, states)
        new = tree.pack_sequence_as(states, tree.flatten(new))
        if keep is None:
            return new, output
        if before is None:
            before = _before_any(states, output)
        if zero_output_for_mask:
            before = ops.zeros_like(output)
        return tree.map_structure(lambda a, b: _where(keep, a, b), new, states), _where(keep, output, before)

    if gives_state and n_steps > 1 and not unroll:

        def step_of_all(states, x):
            states, output = masked_step(states, None, *x)
            return states, output if return_all else None

        states, outputs = ops.scan(step_of_all, tree.map_structure(ops.convert_to_tensor, states), tuple(xs))
        output = tree.flatten(states)[0]
        if mask is not None and zero_output_for_mask:
            output = _where(xs[1][-1], output, ops.zeros_like(output))
        return output, ops.swapaxes(outputs, 0, 1) if return_all else None, states
    # The first step stands before the loop: it says what an output is, and draws the dropout masks of the sequence.
    states, output = masked_step(states, None, *(x[0] for x in xs))
    outputs = [output]
    if unroll:
        for k in range(1, n_steps):
            states, output = masked_step(states, output, *(x[k] for x in xs))
            outputs.append(output)
        return output, ops.stack(outputs, axis=1) if return_all else None, states
    rest = None
    if n_steps > 1:

        def body(carry, x):
            states, output = masked_step(*carry, *x)
            return (states, output), output if return_all else None

        (states, output), rest = ops.scan(body, (states, output), tuple(x[1:] for x in xs))
    if not return_all:
        return output, None, states
    first = ops.expand_dims(outputs[0], 0)
    return output, ops.swapaxes(first if rest is None else ops.concatenate([first, rest], axis=0), 0, 1), states


def _where(keep, new, old):
    """`new` in the rows where `keep` (batch,) is true, else `old`."""
    return ops.where(ops.reshape(keep, (-1, *(1,) * (len(new.shape) - 1))), new, old)


def _before_any(states, output):
    last = list(states)[-1]
    first = tree.flatten(last if tree.is_nested(last) else states)[0]
    return first if tuple(first.shape) == tuple(output.shape) else ops.zeros_like(output)
