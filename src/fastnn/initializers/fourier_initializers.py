"""STFT: the kernels that make a convolution a short-time Fourier transform."""

import importlib

import numpy as np

from fastnn.graph.dtypes import standardize_dtype
from fastnn.initializers.initializer import Initializer


def signal_window(window: str, length: int, is_periodic: bool) -> np.ndarray:
    """The window of that name (see `scipy.signal.get_window`), float64 of shape (length,).

    Raises:
        ValueError: for an unknown name.
        ImportError: without SciPy.
    """
    try:
        signal = importlib.import_module("scipy.signal")
    except ImportError as error:
        raise ImportError(f"The window {window!r} needs SciPy: install `scipy`, or pass an array.") from error
    return signal.get_window(window, length, is_periodic)


class STFT(Initializer):
    """The real or imaginary parts of `exp(-2 pi i t k / n) window(t)`, for t in a window and k = 0 ... n / 2.

    Args:
        side: "real" or "imag".
        window: a name that `scipy.signal.get_window` knows, an array of the window's length, or None for ones.
        scaling: "density" divides by the root of the sum of squares of the window, "spectrum" by the sum of its
            absolute values, None by nothing.
        periodic: whether the window is one period of a periodic function, or symmetric.

    Raises:
        ValueError: for other sides, windows or scalings.

    Example:
        >>> fastnn.initializers.STFT("real", window=None)((4, 1, 3))[:, 0]
        array([[ 1.,  1.,  1.],
               [ 1.,  0., -1.],
               [ 1., -1.,  1.],
               [ 1., -0., -1.]], dtype=float32)
    """

    def __init__(self, side="real", window="hann", scaling="density", periodic=False):
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag', not {side}")
        if isinstance(window, str):
            signal_window(window, 1, False)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received: {scaling}")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape, dtype=None):
        length, _, count = shape
        angle = -2 * np.pi * np.outer(np.arange(length), np.arange(count)) / (2 * (count - 1))
        # Round-off at multiples of pi / 2 becomes zero.
        kernel = np.round(np.cos(angle) if self.side == "real" else np.sin(angle), 15) * self._weights(length)
        return kernel[:, None].astype(standardize_dtype(dtype))

    def _weights(self, length: int):
        """The scaled window, (length, 1)."""
        if self.window is None:
            return 1
        window = self.window
        window = signal_window(window, length, self.periodic) if isinstance(window, str) else np.asarray(window)
        if window.shape != (length,):
            raise ValueError(
                f"The shape of `window` must be equal to [frame_length], {length}. Received: window "
                f"shape={window.shape}"
            )
        scale = {None: 1, "density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window))}[self.scaling]
        return window[:, None] / scale

    def get_config(self):
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}
