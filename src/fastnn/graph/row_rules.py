"""Rules of ops that keep the rows of a batch apart (`Op.rows`), by which `rows.py` judges a graph."""

from collections.abc import Callable

import numpy as np

from fastnn.graph.value import CONSTANT, Node, Value


def has_equal_blocks(array: np.ndarray, rows: int) -> bool:
    blocks = array.reshape(rows, -1)
    return bool((blocks == blocks[:1]).all())


def is_equal_rows(x: Value, rows: int) -> bool:
    """Whether `x` is a constant of equal rows, such as the state that a recurrent layer begins with."""
    is_constant = x.node.op is CONSTANT and x.shape[:1] == (rows,)
    return is_constant and has_equal_blocks(x.node.params["array"], rows)


def of_first_axis(*own: int) -> Callable:
    """The rule (`Op.rows`) of an op whose inputs `own` have their rows along axis 0, and whose others have none."""

    def rule(node, axes, rows):
        return all(
            (axis == 0 or is_equal_rows(x, rows)) if k in own else axis is None
            for k, (x, axis) in enumerate(zip(node.inputs, axes, strict=True))
        )

    return rule


def before_last_axis(node: Node, axes, _rows) -> bool:
    """The rule of an op over the last axis of its first input; the others have no rows."""
    return axes[0] is not None and axes[0] < node.inputs[0].ndim - 1 and not any(a is not None for a in axes[1:])


def of_kept_axes(node: Node, axes, _rows) -> bool:
    """The rule of an op that copies elements: all rows as they are; what happens, happens to later axes."""
    x, y = node.inputs[0], node.outputs[0]
    ends = axes[0] + 1
    steps = node.params.get("steps", ())[:ends]
    return x.ndim == y.ndim and x.shape[:ends] == y.shape[:ends] and all(step == 1 for step in steps)
