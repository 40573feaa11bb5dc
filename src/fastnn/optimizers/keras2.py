"""What `optimizers.legacy` publishes."""


class LegacyOptimizer:
    """Stands for every optimizer of Keras 2.

    Raises:
        ImportError: always: use the optimizer of the same name in `fastnn.optimizers`.

    Example:
        >>> fastnn.optimizers.legacy.Adam()
        Traceback (most recent call last):
        ...
        ImportError: `optimizers.legacy` is not supported in Keras 3: use the optimizer in `optimizers`.
    """

    def __init__(self, *args, **kwargs):
        raise ImportError("`optimizers.legacy` is not supported in Keras 3: use the optimizer in `optimizers`.")
