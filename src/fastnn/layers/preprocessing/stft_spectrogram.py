"""STFTSpectrogram: the short-time Fourier transform as a convolution whose kernels can be trained."""

import math
import warnings

from fastnn import config, ops
from fastnn.initializers.fourier_initializers import STFT, signal_window
from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.ops.record import dtype_of

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """Spectrograms of signals: frames of each channel times sines and cosines.

    The kernels are weights that begin as those of the Fourier transform, so that training can change them.

    Args:
        mode: "real" and "imag" are the parts of the transform, "stft" both, one after the other; "magnitude" its
            absolute value, "log" the logarithm of that, "psd" its square (doubled but for the first and last
            frequency), "angle" its phase.
        frame_length: samples of a frame.
        frame_step: from one frame to the next; half of the length by default.
        fft_length: n of the transform, a power of 2; the next one from `frame_length` on by default.
        window: a name that `scipy.signal.get_window` knows, an array (frame_length,), or None for ones.
        periodic: whether the window is one period of a periodic function, or symmetric.
        scaling: "density", "spectrum" or None, see `initializers.STFT`.
        padding: "valid" or "same".
        expand_dims: whether frequencies get an axis of their own, so that the result is like an image.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape: (n, time, channels); with "channels_first" (n, channels, time). Floats.
    Output shape: (n, frames, channels * frequencies), with `expand_dims` (n, frames, frequencies, channels); with
        "channels_first" (n, channels * frequencies, frames) and (n, channels, frames, frequencies).

    Raises:
        ValueError: for arguments that do not fit.
        TypeError: for inputs that are no floats.

    Example:
        >>> layer = fastnn.layers.STFTSpectrogram("magnitude", frame_length=8)
        >>> layer(np.ones((2, 32, 1), "float32")).shape
        (2, 7, 5)
    """

    def __init__(
        self, mode="log", frame_length=256, frame_step=None, fft_length=None, window="hann", periodic=False,
        scaling="density", padding="valid", expand_dims=False, data_format=None, **kwargs,
    ):  # fmt: skip
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(
                "`frame_step` should be a positive integer not greater than `frame_length`. Received "
                f"frame_step={frame_step}, frame_length={frame_length}"
            )
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(
                f"`fft_length` should be not less than `frame_length`. Received fft_length={fft_length}, "
                f"frame_length={frame_length}"
            )
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(f"`fft_length` is recommended to be a power of two. Received {fft_length}", stacklevel=2)
        if mode not in _MODES:
            raise ValueError(f"Output mode is invalid, it must be one of {', '.join(_MODES)}. Received: mode={mode}")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received scaling={scaling}"
            )
        if padding not in ("valid", "same"):
            raise ValueError(f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}")
        if isinstance(window, str):
            signal_window(window, 1, False)
        super().__init__(**kwargs)
        self.mode = mode
        self.frame_length, self.frame_step, self.fft_length = frame_length, frame_step, fft_length
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape):
        fft_length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        shape = (self.frame_length, 1, fft_length // 2 + 1)
        for side in ("real", "imag"):
            if self.mode not in ("real", "imag") or self.mode == side:
                initializer = STFT(side, self.window, self.scaling, self.periodic)
                setattr(self, f"{side}_kernel", self.add_weight(shape, initializer, name=f"{side}_kernel"))

    def _part(self, inputs, kernel):
        """inputs (n, channels, time) -> (n, channels, frames, frequencies)."""
        n, channels, time = inputs.shape
        signals = ops.reshape(inputs, (n * channels, time, 1))
        frames = ops.conv(
            signals, kernel, strides=self.frame_step or self.frame_length // 2, padding=self.padding,
            data_format="channels_last",
        )  # fmt: skip
        return ops.reshape(frames, (n, channels, *frames.shape[1:]))

    def call(self, inputs):
        if dtype_of(inputs) not in ("float16", "float32", "float64"):
            raise TypeError(
                f"Invalid input type. Expected `float16`, `float32` or `float64`. Received: input type={inputs.dtype}"
            )
        if self.data_format == "channels_last":
            inputs = ops.swapaxes(inputs, 1, 2)
        sides = [side for side in ("real", "imag") if hasattr(self, f"{side}_kernel")]
        parts = [self._part(inputs, getattr(self, f"{side}_kernel")) for side in sides]
        return self._arranged(self._of_mode(*parts))

    def _of_mode(self, *parts):
        if len(parts) == 1:
            return parts[0]
        if self.mode == "stft":
            return ops.concatenate(parts, axis=-1)
        real, imag = parts
        if self.mode == "angle":
            return ops.arctan2(imag, real)
        power = real * real + imag * imag
        if self.mode == "psd":
            return power + ops.pad(power[..., 1:-1], [(0, 0)] * 3 + [(1, 1)])
        magnitude = ops.sqrt(ops.maximum(power, config.epsilon()))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, config.epsilon()))

    def _arranged(self, y):
        """y (n, channels, frames, frequencies) in the axes of the result."""
        n, channels, frames, frequencies = y.shape
        is_last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(y, (0, 2, 3, 1)) if is_last else y
        y = ops.transpose(y, (0, 2, 1, 3) if is_last else (0, 1, 3, 2))
        sizes = (frames, channels * frequencies) if is_last else (channels * frequencies, frames)
        return ops.reshape(y, (n, *sizes))

    def get_config(self):
        names = (
            "mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding",
            "data_format", "expand_dims",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
