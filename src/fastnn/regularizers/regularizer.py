"""Regularizer: a loss that depends on a weight."""


class Regularizer:
    """Base of regularizers: a callable from a weight to a scalar that is added to the loss.

    Example:
        >>> class Cube(fastnn.regularizers.Regularizer):
        ...     def __call__(self, x):
        ...         return 0.1 * fastnn.ops.sum(x**3)
    """

    def __call__(self, x):
        return 0.0

    def get_config(self) -> dict:
        raise NotImplementedError(f"{self} does not implement get_config()")

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)
