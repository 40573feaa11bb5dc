"""Initializer: the first numbers of a weight."""


class Initializer:
    """Base of initializers: a callable from a shape and a dtype to an array.

    Example:
        >>> class Sevens(fastnn.initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 7.0, dtype)
        >>> Sevens()((2,), "float32")
        array([7., 7.], dtype=float32)
    """

    def __call__(self, shape, dtype=None):
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def clone(self):
        """Another one with the same config."""
        return type(self).from_config(self.get_config())
