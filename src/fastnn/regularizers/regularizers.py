"""The regularizers."""

import math

import numpy as np

from fastnn import ops
from fastnn.graph.dtypes import weak_kind
from fastnn.regularizers.regularizer import Regularizer


def _factor(name: str, value) -> float:
    if weak_kind(value) not in ("int", "float") or not 0 <= value < math.inf:
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value}")
    return float(value)


class L1L2(Regularizer):
    """`l1 * sum(abs(x)) + l2 * sum(x**2)`.

    Args:
        l1, l2: non-negative floats.

    Raises:
        ValueError: for other values.

    Example:
        >>> float(fastnn.regularizers.L1L2(0.5, 1.0)(np.array([-1.0, 2.0], "float32")))
        6.5
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x):
        loss = 0.0
        if self.l1:
            loss = loss + self.l1 * ops.sum(ops.absolute(x))
        if self.l2:
            loss = loss + self.l2 * ops.sum(ops.square(x))
        return loss if self.l1 or self.l2 else ops.convert_to_tensor(0.0)

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """`l1 * sum(abs(x))`.

    Args:
        l1: non-negative float.

    Raises:
        ValueError: for other values.

    Example:
        >>> float(fastnn.regularizers.L1(0.5)(np.array([-1.0, 2.0], "float32")))
        1.5
    """

    def __init__(self, l1=0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x):
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self):
        return {"l1": float(np.float32(self.l1))}  # as Keras, which keeps it as a float32


class L2(Regularizer):
    """`l2 * sum(x**2)`.

    Args:
        l2: non-negative float.

    Raises:
        ValueError: for other values.

    Example:
        >>> float(fastnn.regularizers.L2(0.5)(np.array([-1.0, 2.0], "float32")))
        2.5
    """

    def __init__(self, l2=0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x):
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self):
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Pushes the rows (or columns) of a matrix towards being orthogonal to each other.

    `factor * sum(abs(G)) / 2 / pairs`, where G holds the cosines between different rows.

    Args:
        factor: non-negative float.
        mode: "rows" or "columns".

    Raises:
        ValueError: for other values, or an input that is no matrix.

    Example:
        >>> float(fastnn.regularizers.OrthogonalRegularizer(1.0)(np.array([[1.0, 0.0], [2.0, 0.0]], "float32")))
        1.0
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(
                f'Invalid value for argument `mode`. Expected one of {{"rows", "columns"}}. Received: mode={mode}'
            )
        self.mode = mode

    def __call__(self, x):
        if len(x.shape) != 2:
            raise ValueError(f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={x.shape}")
        if self.mode == "columns":
            x = ops.transpose(x)
        size = x.shape[0]
        x = x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=1, keepdims=True), 1e-12))
        cosines = ops.matmul(x, ops.transpose(x)) * (1.0 - ops.eye(size, dtype=x.dtype))
        return self.factor * 0.5 * ops.sum(ops.absolute(cosines)) / max(1.0, size * (size - 1.0) / 2.0)

    def get_config(self):
        return {"factor": float(np.float32(self.factor)), "mode": self.mode}
