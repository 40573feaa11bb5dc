"""MelSpectrogram: how loud a sound is, over time and pitch."""

import numpy as np

from fastnn import ops
from fastnn.layers.layer import Layer


class MelSpectrogram(Layer):
    """The power of signals in bands of frequency that are equally wide on the mel scale, `2595 log10(1 + f / 700)`.

    Args:
        fft_length: n of the Fourier transform.
        sequence_stride: samples from one frame to the next.
        sequence_length: samples of a frame; `fft_length` by default.
        window: "hann", "hamming", an array (sequence_length,), or None for ones.
        sampling_rate: samples a second.
        num_mel_bins: how many bands.
        min_freq, max_freq: where the bands begin and end, in Hertz; the end is half of the sampling rate by default.
        power_to_db: whether the result is in decibels, relative to `ref_power`.
        top_db: how far below the largest value of a batch others may be.
        mag_exp: exponent of the magnitudes: 1 for energy, 2 for power.
        min_power: smaller powers count as this.
        ref_power: what is 0 decibels.

    Input shape: (time,) or (n, time).
    Output shape: (num_mel_bins, frames), or (n, num_mel_bins, frames).

    Raises:
        ValueError: when `fft_length` is less than `sequence_length`.

    Example:
        >>> layer = fastnn.layers.MelSpectrogram(fft_length=64, sequence_stride=32, num_mel_bins=8)
        >>> layer(np.ones((2, 320), "float32")).shape
        (2, 8, 11)
    """

    def __init__(
        self, fft_length=2048, sequence_stride=512, sequence_length=None, window="hann", sampling_rate=16000,
        num_mel_bins=128, min_freq=20.0, max_freq=None, power_to_db=True, top_db=80.0, mag_exp=2.0, min_power=1e-10,
        ref_power=1.0, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise ValueError(
                "`fft_length` must be greater than or equal to `sequence_length`. Received: "
                f"sequence_length={self.sequence_length}, fft_length={self.fft_length}."
            )
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db = power_to_db, top_db
        self.mag_exp, self.min_power, self.ref_power = mag_exp, min_power, ref_power

    def call(self, inputs):
        inputs = ops.cast(inputs, self.compute_dtype)
        real, imag = ops.stft(inputs, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        spectrum = ops.power(ops.sqrt(real * real + imag * imag), self.mag_exp)
        bands = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, spectrum.shape[-1], self.sampling_rate, self.min_freq, self.max_freq, self.compute_dtype
        )
        outputs = ops.matmul(spectrum, bands)
        return ops.swapaxes(self._decibels(outputs) if self.power_to_db else outputs, -1, -2)

    def _decibels(self, power):
        reference = 10 * np.log10(max(abs(self.ref_power), self.min_power))
        decibels = ops.log10(ops.maximum(power, self.min_power)) * 10 - float(reference)
        return decibels if 0 in decibels.shape else ops.maximum(decibels, ops.max(decibels) - self.top_db)

    def linear_to_mel_weight_matrix(
        self, num_mel_bins=20, num_spectrogram_bins=129, sampling_rate=8000, lower_edge_hertz=125.0,
        upper_edge_hertz=3800.0, dtype="float32",
    ):  # fmt: skip
        """What each frequency adds to each band: triangles of height 1, linear on the mel scale.

        Args:
            num_mel_bins: how many bands.
            num_spectrogram_bins: how many frequencies, from 0 to half of the sampling rate.
            sampling_rate: samples a second.
            lower_edge_hertz, upper_edge_hertz: where the bands begin and end.
            dtype: of the result.

        Returns:
            Array (num_spectrogram_bins, num_mel_bins). The frequency 0 adds nothing.
        """
        hertz = np.linspace(0, sampling_rate / 2, num_spectrogram_bins)[:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (_mel(hertz) - lower) / (centre - lower), (upper - _mel(hertz)) / (upper - centre)
        weights = np.maximum(0, np.minimum(rising, falling))
        weights[0] = 0
        return weights.astype(dtype)

    def get_config(self):
        names = (
            "fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq",
            "max_freq", "power_to_db", "top_db", "mag_exp", "min_power", "ref_power",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _mel(hertz):
    return 1127 * np.log1p(np.asarray(hertz) / 700)
