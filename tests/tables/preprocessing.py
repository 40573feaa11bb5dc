"""Preprocessing layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, rows

ROWS = rows(3, 4)
CATEGORIES = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])

BOUNDARIES = {"bin_boundaries": [-0.5, 0.0, 1.0]}
IMAGES = rows(2, 4, 3, 2)

SIGNALS = rows(2, 40)
CHANNELS = rows(2, 40, 3)
SHORT = {"frame_length": 8, "frame_step": 3}
MEL = {"fft_length": 16, "sequence_stride": 6, "num_mel_bins": 3, "sampling_rate": 4000}

PICTURES = rows(2, 5, 8, 3)
BYTES = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 3), dtype=np.uint8)
RESIZED = [
    {"interpolation": "nearest"},
    {"interpolation": "bicubic", "antialias": True},
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True, "fill_value": 2.0},
    {"data_format": "channels_first"},
]

LAYERS = [
    LayerCase("Resizing", {"height": 3, "width": 4}, PICTURES),
    *[LayerCase("Resizing", {"height": 4, "width": 4, **arguments}, PICTURES) for arguments in RESIZED],
    LayerCase("Resizing", {"height": 7, "width": 3}, BYTES, gradient=False),
    LayerCase("CenterCrop", {"height": 3, "width": 4}, PICTURES),
    LayerCase("CenterCrop", {"height": 2, "width": 5}, BYTES, gradient=False),
    LayerCase("CenterCrop", {"height": 6, "width": 4}, PICTURES),
    LayerCase("CenterCrop", {"height": 2, "width": 9}, PICTURES),
    LayerCase("CenterCrop", {"height": 4, "width": 2, "data_format": "channels_first"}, PICTURES),
    LayerCase("MelSpectrogram", MEL, SIGNALS, rtol=1e-4),
    LayerCase("MelSpectrogram", {**MEL, "power_to_db": False, "mag_exp": 1.0, "window": "hamming"}, SIGNALS),
    LayerCase(
        "MelSpectrogram",
        {**MEL, "sequence_length": 10, "max_freq": 1500.0, "min_freq": 100.0, "top_db": 10.0, "ref_power": 3.0},
        SIGNALS,
        rtol=1e-4,
    ),
    *[LayerCase("STFTSpectrogram", {**SHORT, "mode": mode}, CHANNELS) for mode in ("psd", "real", "imag", "stft")],
    LayerCase("STFTSpectrogram", {**SHORT, "mode": "magnitude", "padding": "same", "fft_length": 16}, CHANNELS),
    LayerCase("STFTSpectrogram", {**SHORT, "mode": "magnitude", "scaling": "spectrum", "periodic": True}, CHANNELS),
    LayerCase(
        "STFTSpectrogram",
        {**SHORT, "mode": "angle", "window": "blackman", "expand_dims": True},
        CHANNELS,
        gradient=False,  # frequency 0 has no imaginary part: it lies where the angle jumps
    ),
    LayerCase("STFTSpectrogram", {**SHORT, "window": None, "scaling": None}, CHANNELS),
    *[
        LayerCase(
            "STFTSpectrogram",
            {**SHORT, "mode": "stft", "data_format": "channels_first", "expand_dims": expand, "padding": "same"},
            rows(2, 3, 40),
        )
        for expand in (False, True)
    ],
    LayerCase("Discretization", BOUNDARIES, ROWS, gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "one_hot"}, ROWS, gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "one_hot"}, ROWS[:, :1], gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "multi_hot"}, ROWS, gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "count"}, IMAGES, gradient=False),
    LayerCase("Normalization", {"mean": 0.5, "variance": 4.0}, IMAGES),
    LayerCase("Normalization", {"mean": [0.5, 1.0], "variance": [4.0, 2.0], "invert": True}, IMAGES),
    LayerCase("Normalization", {"axis": (1, 3), "mean": [0.5, 1.0], "variance": [4.0, 2.0]}, IMAGES),
    LayerCase("CategoryEncoding", {"num_tokens": 4}, CATEGORIES, gradient=False),
    LayerCase("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, CATEGORIES, gradient=False),
    LayerCase("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, CATEGORIES[:, :1], gradient=False),
    LayerCase("CategoryEncoding", {"num_tokens": 5, "output_mode": "count"}, CATEGORIES, gradient=False),
    LayerCase(
        "CategoryEncoding",
        {"num_tokens": 4, "output_mode": "count"},
        CATEGORIES,
        call={"count_weights": rows(4, 2)},
        gradient=False,
    ),
    LayerCase("Rescaling", {"scale": 0.5, "offset": -1.0}, ROWS),
    LayerCase("Rescaling", {"scale": [1.0, 2.0, 3.0, 4.0]}, ROWS),
    LayerCase("Rescaling", {"scale": 1 / 255}, np.arange(12, dtype="uint8").reshape(3, 4)),
]

BAD = [
    BadCase("MelSpectrogram lengths", lambda k: k.layers.MelSpectrogram(8, sequence_length=9), "fft_length"),
    BadCase("STFTSpectrogram step", lambda k: k.layers.STFTSpectrogram(frame_length=8, frame_step=9), "frame_step"),
    BadCase("STFTSpectrogram length", lambda k: k.layers.STFTSpectrogram(frame_length=8, fft_length=4), "fft_length"),
    BadCase("STFTSpectrogram mode", lambda k: k.layers.STFTSpectrogram(mode="db"), "mode"),
    BadCase("STFTSpectrogram scaling", lambda k: k.layers.STFTSpectrogram(scaling="db"), "scaling"),
    BadCase("STFTSpectrogram padding", lambda k: k.layers.STFTSpectrogram(padding="full"), "padding"),
    BadCase("STFTSpectrogram window", lambda k: k.layers.STFTSpectrogram(window="tall"), "window"),
    BadCase(
        "STFTSpectrogram of integers",
        lambda k: k.layers.STFTSpectrogram(frame_length=4)(np.ones((1, 20, 1), "int32")),
        "int32",
    ),
    BadCase("STFT side", lambda k: k.initializers.STFT("both"), "side"),
    BadCase("STFT window", lambda k: k.initializers.STFT("real", np.ones(3))((4, 1, 3)), "window"),
]
