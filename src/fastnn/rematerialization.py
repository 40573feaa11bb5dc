"""remat and RematScope: Keras's ways to ask that activations are computed again instead of kept.

Nothing is here: a plan keeps what its gradients read and no more. Code that asks runs, and gives the same numbers.
"""

import functools

MODES = ("full", "activations", "larger_than", "list_of_layers", None)


def remat(f):
    """`f`, which would be computed again in the backward pass to save memory; here it is called as it is.

    Args:
        f: a function of arrays.

    Example:
        >>> fastnn.remat(lambda x: x * 2)(3.0)
        6.0
    """

    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        return f(*args, **kwargs)

    return wrapped


class RematScope:
    """Inside, Keras's layers would save memory by computing activations again; here they run as they do outside.

    Args:
        mode: "full", "activations", "larger_than", "list_of_layers" or None.
        output_size_threshold: for "larger_than".
        layer_names: for "list_of_layers".

    Raises:
        ValueError: for another mode.

    Example:
        >>> with fastnn.RematScope("full"):
        ...     y = fastnn.layers.ReLU()(np.ones(1, "float32"))
        >>> y
        array([1.], dtype=float32)
    """

    def __init__(self, mode="full", output_size_threshold=1024, layer_names=None):
        if mode not in MODES:
            raise ValueError(
                f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', 'larger_than', 'list_of_layers', "
                "or  None."
            )
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, layer_names or []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
