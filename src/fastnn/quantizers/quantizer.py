"""Quantizer: what turns floats into numbers of few bits."""


class Quantizer:
    """Base of quantizers: a callable from floats to quantized numbers. This one changes nothing.

    Args:
        output_dtype: of the quantized numbers.

    Example:
        >>> class Halves(fastnn.Quantizer):
        ...     def __call__(self, x):
        ...         return fastnn.ops.cast(fastnn.ops.round(x * 2), self.output_dtype)
        >>> Halves()(np.array([0.4, 1.5], "float32"))
        array([1, 3], dtype=int8)
    """

    def __init__(self, output_dtype="int8"):
        self.output_dtype = output_dtype

    def __call__(self, x):
        return x

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def get_config(self) -> dict:
        """What `from_config` makes such a quantizer from; written by the subclass.

        Raises:
            NotImplementedError: when it is not.
        """
        raise NotImplementedError(f"{self} does not implement get_config()")
