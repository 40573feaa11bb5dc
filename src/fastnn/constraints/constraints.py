"""The constraints. Norms are L2 norms over `axis`: 0 for a dense kernel (inputs, units), one norm a unit."""

from fastnn import config, ops
from fastnn.constraints.constraint import Constraint


def _norm(w, axis):
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Scales down the vectors whose norm is above `max_value`.

    Args:
        max_value: the largest norm allowed.
        axis: int or list of ints: over which norms are taken.

    Example:
        >>> fastnn.constraints.MaxNorm(1.0)(np.array([[3.0], [4.0]], "float32")).round(3)
        array([[0.6],
               [0.8]], dtype=float32)
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w):
        norms = _norm(w, self.axis)
        return w * (ops.clip(norms, 0, self.max_value) / (config.epsilon() + norms))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Makes negative weights zero.

    Example:
        >>> fastnn.constraints.NonNeg()(np.array([-1.0, 2.0], "float32"))
        array([0., 2.], dtype=float32)
    """

    def __call__(self, w):
        return ops.maximum(w, 0.0)


class UnitNorm(Constraint):
    """Scales vectors to norm 1.

    Args:
        axis: int or list of ints: over which norms are taken.

    Example:
        >>> fastnn.constraints.UnitNorm()(np.array([[3.0], [4.0]], "float32")).round(3)
        array([[0.6],
               [0.8]], dtype=float32)
    """

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        return w / (config.epsilon() + _norm(w, self.axis))

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves norms into [min_value, max_value].

    Args:
        min_value, max_value: the bounds.
        rate: 1 moves all the way, 0 not at all.
        axis: int or list of ints: over which norms are taken.

    Example:
        >>> fastnn.constraints.MinMaxNorm(10.0, 20.0)(np.array([[3.0], [4.0]], "float32")).round(3)
        array([[6.],
               [8.]], dtype=float32)
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w):
        norms = _norm(w, self.axis)
        wanted = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (config.epsilon() + norms))

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}
