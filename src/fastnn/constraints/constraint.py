"""Constraint: a projection of a weight, applied after each update."""


class Constraint:
    """Base of constraints: a callable from a weight to the weight as it should be.

    Example:
        >>> class NonNegative(fastnn.constraints.Constraint):
        ...     def __call__(self, w):
        ...         return fastnn.ops.maximum(w, 0.0)
    """

    def __call__(self, w):
        raise NotImplementedError(f"{type(self).__name__} does not implement __call__.")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)
