"""Window functions of signal processing: vectors in `floatx`, made by NumPy."""

import numpy as np

from fastnn import config
from fastnn.ops.record import as_array


def _window(function, x, *args):
    return function(int(as_array(x)), *args).astype(config.floatx())


def bartlett(x):
    """The triangular window of `x` points that ends in zeros.

    Args:
        x: int, the number of points.

    Example:
        >>> bartlett(5)
        array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window(np.bartlett, x)


def blackman(x):
    """The Blackman window of `x` points, a sum of three cosines.

    Args:
        x: int, the number of points.

    Example:
        >>> blackman(5).round(2)
        array([-0.  ,  0.34,  1.  ,  0.34, -0.  ], dtype=float32)
    """
    return _window(np.blackman, x)


def hamming(x):
    """The Hamming window of `x` points, a raised cosine that does not reach 0.

    Args:
        x: int, the number of points.

    Example:
        >>> hamming(3)
        array([0.08, 1.  , 0.08], dtype=float32)
    """
    return _window(np.hamming, x)


def hanning(x):
    """The Hann window of `x` points, a raised cosine.

    Args:
        x: int, the number of points.

    Example:
        >>> hanning(5)
        array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window(np.hanning, x)


def kaiser(x, beta):
    """The Kaiser window of `x` points.

    Args:
        x: int, the number of points.
        beta: number, its shape: 0 is a rectangle, 14 a narrow bell.

    Example:
        >>> kaiser(3, 0.0)
        array([1., 1., 1.], dtype=float32)
    """
    return _window(np.kaiser, x, as_array(beta))
